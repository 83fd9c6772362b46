"""Reading values fast gives what reading nodes gives, and the same places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.cli.yamledit.nodes import locate
from apphealth.cli.yamledit.plain import plain
from apphealth.cli.yamledit.reader import MAX_DEPTH, YamlError, read
from apphealth.cli.yamledit.values import read_values

DATA = Path(__file__).parent / "data"


def paths(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield above
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from paths(item, (*above, key))


def check(text: str) -> bool:
    """Compare with the full reader; say whether the text was read fast."""
    fast = read_values(text)
    if fast is None:
        return False
    full = read(text)
    assert [None if one is None else one[0] for one in fast] == [plain(one.root) for one in full]
    for one, document in zip(fast, full, strict=True):
        if one is not None:
            value, marks = one
            for path in (*paths(value), ("missing",), ("spec", 0)):
                node = locate(document.root, path)
                assert marks.find(value, path) == (node.line, node.column), path
    return True


@pytest.mark.parametrize("file", sorted((DATA / "input").rglob("*.yaml")), ids=lambda path: path.name)
def test_manifests_are_read_alike(file: Path) -> None:
    check(file.read_text())


@pytest.mark.parametrize(
    ("text", "fast"),
    [
        pytest.param("a: 1\nb: [x, {c: on}]\n---\n- 0x10\n- ~\n---\n---\n'text'\n", True, id="ordinary"),
        pytest.param("", True, id="empty"),
        pytest.param("a: &x 1\nb: *x\n", False, id="alias"),
        pytest.param("a: {<<: {b: 1}}\n", False, id="merge key"),
        pytest.param("a: 1\na: 2\n", False, id="key twice"),
        pytest.param("a: !!str 1\n", False, id="tag"),
        pytest.param("[a]: 1\n", False, id="key that is no text"),
        pytest.param("a: [\n", False, id="broken"),
        pytest.param("a: \x01\n", False, id="forbidden character"),
        pytest.param("[" * MAX_DEPTH + "]" * MAX_DEPTH, True, id="deep"),
        pytest.param("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), False, id="too deep"),
        pytest.param('{"a": "\\ud83d\\ude00"}', True, id="JSON with surrogates"),
    ],
)
def test_what_is_unusual_is_left_to_the_full_reader(text: str, *, fast: bool) -> None:
    assert check(text) is fast


PARTS = [
    "a: ",
    "b",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    "&x ",
    "*x",
    "<<: ",
    "---\n",
    "1",
    "on",
    "é",
    "|\n",
]


@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join))
def test_any_text_is_read_alike_or_left_to_the_full_reader(text: str) -> None:
    try:
        check(text)
    except YamlError as error:
        pytest.fail(f"was read fast, and can't be read: {error}")
