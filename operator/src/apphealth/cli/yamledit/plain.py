"""Nodes as plain values, resolved as Kubernetes does (YAML 1.1 by sigs.k8s.io/yaml): `on` is true."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from apphealth.cli.yamledit.nodes import Alias, Entry, Mapping, Node, Scalar, Sequence, resolved
from apphealth.cli.yamledit.reader import YamlError

Plain: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
"""A value that JSON can represent."""

_WORDS: dict[str, bool | None] = (
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True)
    | dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False)
)
_MAYBE_NUMBER = frozenset("0123456789+-.")
_INT = re.compile(r"([-+]?)(0x[0-9a-fA-F]+|0b[01]+|0o?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 40
_STRING = "tag:yaml.org,2002:str"
MERGE = "<<"


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar. `.inf` and `.nan`, which JSON numbers can't represent, stay strings."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAYBE_NUMBER or len(text) > _MAX_DIGITS:
        return text
    digits = text.replace("_", "")
    if match := _INT.fullmatch(digits):
        return _integer(match[1], match[2])
    return float(digits) if _FLOAT.fullmatch(digits) else text


def _integer(sign: str, digits: str) -> int:
    prefixes = {"0x": 16, "0b": 2, "0o": 8}
    base = prefixes.get(digits[:2]) or (8 if digits[0] == "0" and len(digits) > 1 else 10)
    value = int(digits[2:] if digits[:2] in prefixes else digits, base)
    return -value if sign == "-" else value


def plain(node: Node | None) -> Plain:
    """Return a node as dicts, lists and scalars, with merge keys resolved. All aliases of an anchor share one object.

    Raises
    ------
    YamlError
        The value of a merge key (`<<`) is neither a mapping nor a list of mappings.
    """
    return None if node is None else _plain(node, {})


def _plain(node: Node, known: dict[int, Plain]) -> Plain:
    match node:
        case Scalar():
            return resolve(node.text) if not node.style and node.tag != _STRING else node.text
        case Alias():
            if (key := id(node.target)) not in known:
                known[key] = _plain(node.target, known)
            return known[key]
        case Sequence():
            return [_plain(item, known) for item in node.items]
        case Mapping():
            return _mapping(node, known)
    return None


def _mapping(node: Mapping, known: dict[int, Plain]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for entry in node.entries:
        if entry.key.text == MERGE and not entry.key.style:
            for source in reversed(_merge_sources(entry)):
                merged |= _mapping(source, known)
        else:
            own[entry.key.text] = _plain(entry.value, known)
    return merged | own if merged else own


def _merge_sources(entry: Entry) -> list[Mapping]:
    """Return the mappings of a merge key, the one that wins first."""
    value = resolved(entry.value)
    sources = value.items if isinstance(value, Sequence) else [value]
    targets = [resolved(source) for source in sources]
    mappings = [target for target in targets if isinstance(target, Mapping)]
    if len(mappings) < len(targets):
        raise YamlError("the merge key << needs a mapping, or a list of mappings", value.line + 1, value.column + 1)
    return mappings
