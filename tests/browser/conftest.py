"""A real browser, and the page of `apphealth graph -o html` in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from localcluster.prerequisites import Prerequisite, ensure_packages
from localcluster.progress import PlainProgress

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NEEDED = (
    Prerequisite("chromium", lambda: any(shutil.which(name) for name in BROWSERS)),
    Prerequisite("chromium-driver", lambda: shutil.which("chromedriver") is not None),
)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install the browser before the first test: that may take longer than any test may."""
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "browser" in used and not session.config.option.collectonly and why_no_browser() is None:
        ensure_packages(NEEDED, PlainProgress())


def why_no_browser() -> str | None:
    """Return why there can be no browser here; None if there is one, or it can be installed."""
    if all(item.is_there() for item in NEEDED) or (os.geteuid() == 0 and shutil.which("apt-get")):
        return None
    return f"the page is tested in a browser: install {' and '.join(item.package for item in NEEDED)}"


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Provide a browser. Without one, CI fails, and others skip."""
    if reason := why_no_browser():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = next(found for name in BROWSERS if (found := shutil.which(name)))
    # As root, and with the small /dev/shm of many containers, it starts only so.
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "window-size=1500,950"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


class Page:
    """The page in the browser, by what a person does and sees."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def js(self, expression: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def search(self, text: str) -> None:
        field = self.driver.find_element(By.ID, "search")
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def choose(self, name: str, namespace: str) -> None:
        """Find a node by its full name, and choose it."""
        self.search(f"{name} {namespace}")
        self.driver.find_element(By.ID, "search").send_keys(Keys.ENTER)
        assert self.texts("#panel h2") == [name]

    def texts(self, selector: str) -> list[str]:
        return self.js("[...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def drawn(self) -> list[str]:
        """Return the names on the nodes in the picture."""
        return self.texts("#scene .node .name")

    def transform(self) -> str:
        return self.js("document.getElementById('scene').getAttribute('transform')")

    def complaints(self) -> list[str]:
        """Return what stands in the browser's console: mistakes, and what the page's policy refused."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture
def load(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open the page for manifests, and see in the end that nothing went wrong in it."""

    def open_page(*sources: Path | list[dict[str, Any]]) -> Page:
        arguments = []
        for number, source in enumerate(sources):
            path = source if isinstance(source, Path) else tmp_path / f"{number}.yaml"
            if not isinstance(source, Path):
                path.write_text(yaml.dump_all(source, Dumper=yaml.CSafeDumper))
            arguments += ["-f", str(path)]
        target = tmp_path / "page.html"
        command = [str(Path(sys.executable).with_name("apphealth")), "graph", *arguments, "-o", "html"]
        target.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        browser.get(target.as_uri())
        return Page(browser)

    yield open_page
    assert Page(browser).complaints() == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
