"""docs/reliability.md names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/reliability.md").read_text()
ROWS = [line.strip("|").split("|") for line in PAGE.split("## Tools")[0].splitlines() if line.startswith("| ")]
IDS = sorted(set(re.findall(r"`((?:cluster|node|operator)/[\w/]+\.py(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("name", IDS)
def test_every_test_on_the_page_exists(name):
    path, _, function = name.partition("::")
    text = (TESTS / path).read_text()
    assert re.search(rf"^(?:async )?def {function}\(" if function else r"^(?:async )?def test_", text, re.MULTILINE)


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0].strip()) for row in ROWS if row[0].strip() != "fault"])
def test_every_fault_has_an_answer_and_a_test(row):
    fault, answer, tests = (cell.strip() for cell in row)
    assert fault
    assert answer
    assert all(name.strip("` ") in IDS for name in tests.split(","))
