"""docs/api.md: its examples are valid, and it explains every state."""

import re
from pathlib import Path

import pytest
import yaml

from apphealth.api.healthplan import State
from apphealth.api.parse import parse_rule

TEXT = (Path(__file__).parents[3] / "docs/api.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_an_example_is_a_valid_rule(example):
    parse_rule(yaml.safe_load(example))


def test_every_state_is_explained():
    assert [state for state in State if f"| `{state}` |" not in TEXT] == []
