"""The migration page's table of differences is what both versions do: each row is observed on each of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "library" / "migration.md"
DIFFERENCES = Path(__file__).parent / "versions" / "differences.py"


def rows():
    section = PAGE.read_text().partition("<!-- differences")[2].partition("\n\n")[0]
    found = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {title: (old, new) for title, old, new in found}


def observed(python):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_", "OTEL_"))}
    environment |= {"NAMESPACE": "x", "HOSTNAME": "laptop", "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [python, DIFFERENCES], env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def seen(python_with_1_1_0):
    return observed(python_with_1_1_0), observed(sys.executable)


def test_every_row_is_what_the_two_versions_do(seen):
    old, new = seen
    assert rows() == {title: (old[title], new[title]) for title in new}


def test_every_row_is_a_difference(seen):
    old, new = seen
    assert [title for title in old if old[title] == new[title]] == []
