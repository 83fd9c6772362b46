"""Changing a text: only what has to change does, whatever the text looks like."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apphealth.cli.yamledit.differ import changes, same
from apphealth.cli.yamledit.edit import Edit, apply
from apphealth.cli.yamledit.layout import detect
from apphealth.cli.yamledit.places import CannotEditError
from apphealth.cli.yamledit.plain import plain
from apphealth.cli.yamledit.reader import read

DATA = Path(__file__).parent / "data"
PROBE = {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 10}


def changed(text: str, change: Callable[[Any], None]) -> str:
    """Change the value of a text's first document, and show that the new text is worth just that."""
    root = read(text)[0].root
    assert root is not None
    old = plain(root)
    new = copy.deepcopy(old)
    change(new)
    result = apply(text, changes(text, root, old, new, detect(text, root)))
    assert plain(read(result)[0].root) == new
    return result


def add_probe(value: Any) -> None:
    value["containers"][0]["livenessProbe"] = copy.deepcopy(PROBE)


def cases() -> Iterator[Any]:
    """Read the table: the name of a case, the text before, the text after."""
    for case in (DATA / "added.txt").read_text().split("======== ")[1:]:
        name, _, texts = case.partition("\n")
        before, _, after = texts.partition("-------->\n")
        yield pytest.param(before, after, id=name)


@pytest.mark.parametrize(("before", "after"), list(cases()))
def test_a_mapping_is_added_in_the_style_of_its_neighbours(before: str, after: str) -> None:
    assert changed(before, add_probe) == after


ADDED = "  livenessProbe:\n    httpGet:\n      path: /live\n      port: http\n    periodSeconds: 10\n"


def test_a_text_without_a_newline_at_its_end_stays_so() -> None:
    assert changed("containers:\n- name: a", add_probe) == f"containers:\n- name: a\n{ADDED}".removesuffix("\n")


def test_text_that_ends_in_a_newline_keeps_it_at_the_end_of_a_file_that_does_not() -> None:
    assert changed("a: 1", lambda value: value.update(b="x\ny\n")) == "a: 1\nb: |\n  x\n  y\n"
    assert changed("a: 1", lambda value: value.update(a="x\ny\n")) == "a: |\n  x\n  y\n"
    assert changed("a:\n  b: 1", lambda value: value.update(a={"c": "x\ny\n"})) == "a:\n  c: |\n    x\n    y\n"
    assert changed("a:\n- 1", lambda value: value.update(a=["x\ny\n"])) == 'a:\n- "x\\ny\\n"'


def test_windows_line_endings_stay_so() -> None:
    before = "containers:\r\n- name: a\r\nlast: 1\r\n"
    assert changed(before, add_probe) == before.replace("last", ADDED.replace("\n", "\r\n") + "last")


def test_json_on_one_line_stays_on_it() -> None:
    probe = '{"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 10}'
    before = '{"containers": [{"name": "a"}]}'
    assert changed(before, add_probe) == before.replace('"a"', f'"a", "livenessProbe": {probe}')


@pytest.mark.parametrize("indent", [2, 4, "\t"], ids=["two spaces", "four spaces", "tabs"])
def test_json_stays_as_its_writer_would_have_written_it(indent: int | str) -> None:
    before = {"a": 1, "containers": [{"name": "a", "ports": [{"containerPort": 1}]}], "z": None}
    after = copy.deepcopy(before)
    add_probe(after)
    after["volumes"] = [{"name": "v"}]

    def change(value: Any) -> None:
        add_probe(value)
        value["volumes"] = [{"name": "v"}]

    assert changed(json.dumps(before, indent=indent), change) == json.dumps(after, indent=indent)


REPLACED = {
    "a number": ("a: {b: 1} # one\nc:  1  # two\n", {"a": {"b": 1}, "c": 2}, "a: {b: 1} # one\nc: 2  # two\n"),
    "text in double quotes": ('a: "x" # c\n', {"a": "y"}, 'a: "y" # c\n'),
    "text in single quotes": ("a: 'x'\n", {"a": "it's"}, "a: 'it''s'\n"),
    "plain text that needs quotes": ("a: x\n", {"a": "yes"}, 'a: "yes"\n'),
    "text by a number": ("a: http # c\n", {"a": 8080}, "a: 8080 # c\n"),
    "a mapping by another, comments elsewhere kept": (
        "a:\n  # why\n  x: 1 # x\n  u: 2 # u\n  z: 3 # z\nb: 1\n",
        {"a": {"x": 1, "z": 4, "w": 5}, "b": 1},
        "a:\n  # why\n  x: 1 # x\n  z: 4 # z\n  w: 5\nb: 1\n",
    ),
    "a mapping with nothing in common": ("a:\n  x: 1\nb: 1\n", {"a": {"w": 2}, "b": 1}, "a:\n  w: 2\nb: 1\n"),
    "an emptied mapping": ("a:\n  x: 1\nb: 1\n", {"a": {}, "b": 1}, "a: {}\nb: 1\n"),
    "a mapping in braces that loses a key": ("a: {x: 1, w: 2} # c\n", {"a": {"w": 2}}, "a: {w: 2} # c\n"),
    "a list that gets shorter": ("a:\n- 1\n- 2\nb: 1\n", {"a": [2], "b": 1}, "a:\n- 2\nb: 1\n"),
    "a list item": ("a:\n- x # one\n- w\n", {"a": ["z", "w"]}, "a:\n- z # one\n- w\n"),
    "a list that grows": ("a:\n  - x # one\n", {"a": ["x", {"k": 1}]}, "a:\n  - x # one\n  - k: 1\n"),
    "an empty list that grows": ("a: [] # c\n", {"a": [{"k": "v"}]}, "a: [{k: v}] # c\n"),
    "a list by a mapping": ("a:\n- 1\n", {"a": {"x": 1}}, "a:\n  x: 1\n"),
    "a mapping by text": ("a:\n  x: 1\nb: 1\n", {"a": "t", "b": 1}, "a: t\nb: 1\n"),
    "null by a list": ("a: # c\nb: 1\n", {"a": [1], "b": 1}, "a: # c\n- 1\nb: 1\n"),
    "text on several lines": ("a: |\n  x\n  y\nb: 1\n", {"a": "p\nq\n", "b": 1}, "a: |\n  p\n  q\nb: 1\n"),
    "several lines by one": ("a: |\n  x\n  y\n\nb: 1\n", {"a": "p", "b": 1}, "a: p\n\nb: 1\n"),
    "one line by several": ("a: x # c\nb: 1\n", {"a": "p\nq", "b": 1}, "a: |- # c\n  p\n  q\nb: 1\n"),
    "an anchored list": ("a: &x # -\n- 1\nb: 1\n", {"a": [2, 3], "b": 1}, "a: &x # -\n- 2\n- 3\nb: 1\n"),
    "an alias": ("a: &x {p: 1}\nb: *x # c\nc: 1\n", {"a": {"p": 1}, "b": {"p": 2}, "c": 1},
                 "a: &x {p: 1}\nb: # c\n  p: 2\nc: 1\n"),
    "in braces, by something bigger": ("a: {b: 1}\n", {"a": {"b": [1, "x: y"]}}, 'a: {b: [1, "x: y"]}\n'),
    "in JSON, by something bigger": (
        '{\n  "a": {\n    "b": 1\n  }\n}\n',
        {"a": {"b": {"c": 1}}},
        '{\n  "a": {\n    "b": {\n      "c": 1\n    }\n  }\n}\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "new", "result"), [pytest.param(*case, id=name) for name, case in REPLACED.items()])
def test_a_value_is_replaced_where_it_stands(text: str, new: Any, result: str) -> None:
    def change(value: Any) -> None:
        value.clear()
        value.update(new)

    assert changed(text, change) == result


def test_an_equal_value_changes_nothing() -> None:
    text = "a:   1 \n\n# c\nb: [ 'x' ]\n"
    assert changed(text, lambda value: None) == text


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " lead",
            "a\nb",
            "a\n",
            "\n",
            "a\n\n\n",
            "  x\ny\n",
            "tab\there\n",
            "a\x07",
            "\x85\u2028",
            "\r\n",
            "x \ny\n",
        ),
        *(
            "tab\there\n",
            "yes",
            "1",
            "0x1",
            "null",
            "~",
            "ü",
            "\U0001f600\n!",
            "\ufeff",
            "http:",
            "a:b",
            "a: b",
            "a #b",
        ),
        *("- a", "#x", "*a", "!t", "=", "%", "@a", "`", "&x", "|", ">", "{", "]", ",", "?"),
    ],
    ids=repr,
)
def test_any_text_is_written_so_that_it_is_read_back(value: str) -> None:
    changed("a: 1\nb: {}\n", lambda obj: obj.update(new=value, b={"k": value}, c=[value, {value: 1}]))
    changed('{"a": 1}', lambda obj: obj.update(new=value))


def test_one_is_not_true() -> None:
    assert not same({"a": [1]}, {"a": [True]})
    assert same({"a": [1], "b": None}, {"b": None, "a": [1]})


def test_a_document_that_would_have_to_be_written_anew_is_refused() -> None:
    root = read("- 1\n- 2\n")[0].root
    assert root is not None
    with pytest.raises(CannotEditError, match="line 1: the whole document would have to be rewritten"):
        changes("- 1\n- 2\n", root, [1, 2], {}, detect("", root))


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(CannotEditError, match="line 2: two changes overlap"):
        apply("a\nbc\n", [Edit(0, 3, "x"), Edit(2, 4, "y")])
