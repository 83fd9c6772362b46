"""The server configurations of the documentation, run as they are written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs" / "library"


def block(page, language, containing):
    found = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return next(text for text in found if containing in text)


@pytest.mark.parametrize(
    ("page", "containing"),
    [("cookbook.md", "worker_class"), ("servers.md", "import *\n"), ("servers.md", "my own hook")],
)
def test_a_gunicorn_configuration(serve, tmp_path, page, containing):
    configuration = tmp_path / "documented.py"
    configuration.write_text(block(page, "python", containing))
    one = serve("gunicorn", "-c", str(configuration))
    assert one.get("/z/health")[0] == 200
    assert one.out_of_band()[0] == 200
    assert ("my own hook" in one.text()) is (containing == "my own hook")


@pytest.mark.parametrize("page", ["cookbook.md", "servers.md"])
def test_a_uwsgi_configuration(serve, wait_until, tmp_path, page):
    configuration = tmp_path / "documented.ini"
    configuration.write_text(block(page, "ini", "[uwsgi]"))
    one = serve("uwsgi", "--ini", str(configuration), no_log=True, source="management.check('it')(lambda: True)")
    assert one.get("/z/health")[0] == 200
    assert one.get("/nope")[0] == 404
    wait_until(lambda: "/nope" in one.text())
    assert "GET /z/health " not in one.text()


def test_the_dockerfiles_command_names_real_options(tmp_path):
    dockerfile = block("cookbook.md", "dockerfile", "FROM")
    command = re.search(r'^CMD \["gunicorn", (.*)\]$', dockerfile, re.MULTILINE)[1]
    words = [word.strip().strip('"') for word in command.split(",")]
    (tmp_path / "shop.py").write_text("from flask import Flask\napp = Flask('shop')\n")
    run = subprocess.run(
        [Path(sys.executable).parent / "gunicorn", "--check-config", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
