"""Each rule has a page, and its examples do what it says: the bad one has that finding alone, the good one none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from apphealth.cli.lint.explain import explain
from apphealth.lint.registry import ALL

DOCS = Path(__file__).parents[3] / "docs" / "lint"
EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def page(id_: str) -> str:
    return (DOCS / f"{id_}.md").read_text()


def found(run: Callable, write: Callable, text: str) -> set[str]:
    write("example.yaml", text)
    return {one["id"] for one in json.loads(run("lint", "-f", "example.yaml", "-o", "json").text)["findings"]}


@pytest.mark.parametrize("id_", ALL)
def test_the_examples_of_a_page_are_judged_as_it_says(run: Callable, write: Callable, id_: str) -> None:
    examples = dict(EXAMPLE.findall(page(id_)))
    assert found(run, write, examples["Bad"]) == {id_}
    assert found(run, write, examples["Good"]) == set()


@pytest.mark.parametrize("id_", ALL)
def test_a_page_says_what_explain_says(id_: str) -> None:
    check, flat = ALL[id_], " ".join(page(id_).split())
    assert flat.startswith(f"# {id_} {check.title}. Severity: {check.severity}.")
    assert all(" ".join(text.split()) in flat for text in (check.why, check.remedy, *check.sources))
    assert all(text in " ".join(explain(id_).split()) for text in (check.title, check.why, check.docs))


def test_the_index_and_the_folder_hold_the_rules_and_nothing_else() -> None:
    rows = re.findall(
        r"^\| \[([-a-z]+)\]\(\1\.md\) \| (\w+) \| (.*) \|$", (DOCS / "index.md").read_text(), re.MULTILINE
    )
    assert rows == [(check.id, check.severity.value, check.title) for check in ALL.values()]
    assert {path.stem for path in DOCS.glob("*.md")} == {*ALL, "index"}


def test_an_id_fits_into_an_annotation() -> None:
    assert all(len(f"ignore-{id_}") <= 63 for id_ in ALL)
