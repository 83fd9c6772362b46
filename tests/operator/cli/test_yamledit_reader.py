"""Reading: where things stand, what they are worth, and what is said of text that can't be read."""

from __future__ import annotations

import json

import pytest
import yaml

from apphealth.cli.yamledit.nodes import Mapping, Node, Scalar, children, locate
from apphealth.cli.yamledit.plain import plain, resolve
from apphealth.cli.yamledit.reader import MAX_DEPTH, YamlError, read


def values(text: str) -> list[object]:
    return [plain(document.root) for document in read(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("", None, id="nothing is null"),
        pytest.param("~", None, id="a tilde is null"),
        pytest.param("yes", True, id="yes is true as Kubernetes reads it"),
        pytest.param("off", False, id="off is false as Kubernetes reads it"),
        pytest.param("8080", 8080, id="a number"),
        pytest.param("-3", -3, id="a negative number"),
        pytest.param("0o17", 15, id="octal of YAML 1.2"),
        pytest.param("017", 15, id="octal of YAML 1.1"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("1_000", 1000, id="underscores in a number"),
        pytest.param("1.5", 1.5, id="a fraction"),
        pytest.param("1e3", 1000.0, id="an exponent"),
        pytest.param(".inf", ".inf", id="infinity stays text, for JSON has none"),
        pytest.param("1.2.3", "1.2.3", id="a version is text"),
        pytest.param("12:30", "12:30", id="a time is text"),
        pytest.param("2024-01-31", "2024-01-31", id="a date is text"),
        pytest.param("089", 89.0, id="not octal after all"),
        pytest.param("9" * 5000, "9" * 5000, id="a number too long to be one"),
        pytest.param("/z/health", "/z/health", id="a path"),
    ],
)
def test_a_plain_scalar_is_worth_what_kubernetes_takes_it_for(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_quotes_and_tags_make_text() -> None:
    assert values("{a: \"1\", b: !!str 2, c: 'yes', d: 3}") == [{"a": "1", "b": "2", "c": "yes", "d": 3}]


def test_documents_markers_and_comments_are_told_apart() -> None:
    assert values("# only a comment\n---\na: 1\n...\n---\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]


def test_aliases_and_merge_keys_are_resolved() -> None:
    text = "base: &b {x: 1, y: 2}\none: *b\ntwo: {<<: *b, y: 3}\nthree: {<<: [{x: 9}, *b], z: 0}\n"
    base = {"x": 1, "y": 2}
    assert values(text) == [{"base": base, "one": base, "two": {"x": 1, "y": 3}, "three": {"x": 9, "y": 2, "z": 0}}]


def test_json_is_read_with_its_escapes_in_their_places() -> None:
    text = json.dumps({"a": "\U0001f600/", "b": [1, 2.5, None, True]})
    assert "\\ud83d" in text
    (document,) = read(text)
    assert isinstance(document.root, Mapping)
    b = document.root.get("b")
    assert b is not None
    assert text[b.start : b.end] == "[1, 2.5, null, true]"


def test_the_same_documents_are_read_as_by_the_standard_loader() -> None:
    text = (
        "a:\n- b: |\n    x\n    y\n\n  c: >-\n    p\n    q\n- [1, {d: e}]\nf: 'it''s'\ng: \"\\t\"\nh: multi\n  line\n"
    )
    assert values(text) == [yaml.safe_load(text)]


def scalars(node: Node) -> list[Scalar]:
    found = [node] if isinstance(node, Scalar) else []
    return found + [scalar for child in children(node) for scalar in scalars(child)]


def test_every_inline_scalar_stands_where_its_node_says() -> None:
    text = "é: 'ü'\n\U0001f600: [1, \"two\"]\nthree:\n  - four: 5 # six\n"
    root = read(text)[0].root
    assert root is not None
    assert [text[s.start : s.end] for s in scalars(root)] == [
        "é",
        "'ü'",
        "\U0001f600",
        "1",
        '"two"',
        "three",
        "four",
        "5",
    ]
    assert [(s.line, s.column) for s in scalars(root)][-1] == (3, 10)


def test_locate_finds_the_key_a_message_is_about_or_the_nearest_one_above() -> None:
    root = read("spec:\n  mode: x\n  containers:\n  - name: a\n")[0].root
    assert root is not None
    assert locate(root, ("spec", "mode")).line == 1
    assert locate(root, ("spec", "containers", 0, "name")).line == 3
    assert locate(root, ("spec", "probes", "liveness")).line == 0
    assert locate(root, ("nothing",)) is root


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param("a: 1\nb: [1, 2\n", 3, 1, "did not find expected ',' or ']'", id="an open bracket"),
        pytest.param("a: b: c\n", 1, 5, "mapping values are not allowed", id="two colons"),
        pytest.param("a:\n\tb: 1\n", 2, 1, "a tab where YAML wants spaces", id="a tab"),
        pytest.param("a: 1\n  \tb: 2\n", 2, 5, "a tab where YAML wants spaces", id="a tab after spaces"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, 1, 'the key "a" is defined twice, first on line 1', id="a key twice"),
        pytest.param("a: *x\n", 1, 4, "the alias *x has no anchor &x before it", id="an unknown alias"),
        pytest.param("a: &x [*x]\n", 1, 8, "is inside its own anchor", id="an alias of itself"),
        pytest.param("? [a]\n: b\n", 1, 3, "a key must be text", id="a list as key"),
        pytest.param("name: {{ .Values.name }}\n", 1, 8, "render it first (helm template", id="a Helm template"),
        pytest.param("{{- if .Values.on }}\na: 1\n{{- end }}\n", 1, 3, "render it first", id="a Helm condition"),
        pytest.param("a: 1\nb: \x07\n", 2, 4, "the character U+0007 is not allowed", id="a control character"),
        pytest.param("a: 'x\n", 2, 1, "unexpected end of stream", id="an open quote"),
    ],
)
def test_broken_text_is_placed_and_explained(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        values(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in caught.value.message


def test_a_merge_of_something_else_is_placed() -> None:
    with pytest.raises(YamlError, match="merge key << needs a mapping") as caught:
        values("a: 1\nb:\n  <<: text\n")
    assert caught.value.line == 3


def test_nesting_without_end_is_refused_and_not_followed() -> None:
    assert values("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(YamlError, match="nested more than 100 deep"):
        read("[" * 200_000)


def test_aliases_that_expand_to_billions_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(YamlError, match="aliases expand to more than 1000000 values"):
        values("\n".join(lines))
