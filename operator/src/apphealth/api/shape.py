"""Check whether a raw object has the shape of a Struct, and return all problems, worded for the object's author.

msgspec stops at the first mismatch and names types; users need all problems, each with the field, the value that they
wrote, and what to write instead. The checks are read from the Structs, so they can't differ from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

from msgspec import inspect

from apphealth.api.errors import MAX_SHOWN, Problem, quoted, shown

MAX_PROBLEMS = 25
"""Most problems of one report: users read no more, and a hostile object can have a million."""

_ELSEWHERE: Mapping[str, str] = {
    "host": "a probe always goes to the pod itself; for the HTTP header write headers: [{name: Host, value: …}]",
    "httpGet": "write type: HTTP, with path, port, scheme and headers beside it",
    "httpHeaders": "write headers",
    "tcpSocket": "write type: TCP, with port beside it",
    "grpc": "write type: GRPC, with port and service beside it",
    "exec": "write type: Exec, with command beside it",
    "livenessProbe": "write probes: {liveness: …}",
    "readinessProbe": "write probes: {readiness: …}",
    "startupProbe": "write probes: {startup: …}",
}
"""Hints for fields that users copy from a pod's spec."""


def conform(value: object, wanted: type, path: str) -> tuple[object, list[Problem]]:
    """Check a raw value against a type.

    As on the API server, a field that is `null` is absent, and a number without a fraction is an integer.

    Parameters
    ----------
    value
        Any value. It comes from a file or a cluster, and is not trusted.
    wanted
        The Struct whose shape it should have.
    path
        Its path in the object, for the messages: `spec`.

    Returns
    -------
    tuple
        A copy of plain dicts, lists and scalars, for `msgspec.convert`; and the problems, none of which means that
        the copy converts.
    """
    problems: list[Problem] = []
    return _conform(value, _info(wanted), path, problems), problems[:MAX_PROBLEMS]


@cache
def _info(wanted: type) -> inspect.Type:
    return inspect.type_info(wanted)


def _conform(value: object, node: inspect.Type, path: str, problems: list[Problem]) -> object:
    if len(problems) >= MAX_PROBLEMS:
        return None
    match node:
        case inspect.UnionType():
            return _conform_union(value, node, path, problems)
        case inspect.StructType():
            return _conform_struct(value, node, path, problems)
        case inspect.VarTupleType():
            return _conform_list(value, node, path, problems)
        case inspect.DictType():
            return _conform_map(value, node, path, problems)
        case _:
            return _conform_scalar(value, node, path, problems)


def _conform_union(value: object, node: inspect.UnionType, path: str, problems: list[Problem]) -> object:
    """Check a value against an optional type, or a port, which is a number or a name by the type of the value."""
    choices = [choice for choice in node.types if not isinstance(choice, inspect.NoneType)]
    instead = next((text for text in map(_instead, choices) if text), "")
    text = [choice for choice in choices if isinstance(_bare(choice), inspect.StrType)]
    chosen = text[0] if text and isinstance(value, str) else choices[0]
    if len(choices) == 1:
        return _conform(value, chosen, path, problems)
    return _conform_scalar(value, chosen, path, problems, instead)


def _conform_struct(value: object, node: inspect.StructType, path: str, problems: list[Problem]) -> object:
    fields = {field.encode_name: field for field in node.fields}
    if not isinstance(value, Mapping):
        some = ", ".join(list(fields)[:3])
        problems.append(Problem(path, f"must be an object with fields such as {some}, not {shown(value)}"))
        return None
    for key in value:
        if key not in fields and len(problems) < MAX_PROBLEMS:
            problems.append(Problem(f"{path}.{_key(key)}", f"no such field; {_better_field(key, list(fields))}"))
    found: dict[str, object] = {}
    for name, field in fields.items():
        if (given := value.get(name)) is not None:
            found[name] = _conform(given, field.type, f"{path}.{name}", problems)
        elif field.required:
            problems.append(Problem(f"{path}.{name}", "is required: add it"))
    return found


def _conform_list(value: object, node: inspect.VarTupleType, path: str, problems: list[Problem]) -> object:
    if not isinstance(value, list | tuple):
        problems.append(Problem(path, f"must be a list, not {shown(value)}"))
        return None
    if not _sized(len(value), node.min_length, node.max_length, "entries", path, problems):
        return None
    return [_conform(item, node.item_type, f"{path}[{index}]", problems) for index, item in enumerate(value)]


def _conform_map(value: object, node: inspect.DictType, path: str, problems: list[Problem]) -> object:
    if not isinstance(value, Mapping):
        problems.append(Problem(path, f"must be an object of names and values, not {shown(value)}"))
        return None
    if not _sized(len(value), node.min_length, node.max_length, "entries", path, problems):
        return None
    found = {}
    for key, item in value.items():
        where = f"{path}[{_key(key)}]"
        name = _conform(key, node.key_type, where, problems)
        if item is not None:
            found[name] = _conform(item, node.value_type, where, problems)
    return found


def _conform_scalar(value: object, node: inspect.Type, path: str, problems: list[Problem], instead: str = "") -> object:
    bare, instead = _bare(node), instead or _instead(node)
    match bare:
        case inspect.BoolType():
            wrong = "" if isinstance(value, bool) else "must be true or false"
        case inspect.IntType():
            value = int(value) if isinstance(value, float) and value.is_integer() else value
            wrong = _wrong_number(value, bare, instead)
        case inspect.EnumType():
            wrong = _wrong_choice(value, [str(member.value) for member in bare.cls])
        case inspect.StrType():
            wrong = _wrong_text(value, bare, instead)
        case _:
            raise TypeError(f"{path}: no rule for {bare}")
    if wrong:
        given = f" (here {shown(value)})" if wrong == instead else f", not {shown(value)}"
        problems.append(Problem(path, wrong + given))
    return value


def _wrong_number(value: object, node: inspect.IntType, instead: str) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return instead or "must be a whole number" + (" without quotes" if isinstance(value, str) else "")
    low, high = node.ge, node.le
    inside = (low is None or value >= low) and (high is None or value <= high)
    return "" if inside else instead or f"must be a number from {low} to {high}"


def _wrong_choice(value: object, choices: list[str]) -> str:
    if isinstance(value, str) and value in choices:
        return ""
    close = _closest(value, choices)
    return f"must be one of {', '.join(choices)}" + (f" (did you mean {close}?)" if close else "")


def _wrong_text(value: object, node: inspect.StrType, instead: str) -> str:
    """Return what is wrong with a text. Its length is checked first, so that no pattern runs over a long text."""
    if not isinstance(value, str):
        return instead or "must be text" + (" in quotes" if isinstance(value, int | float) else "")
    if node.max_length is not None and len(value) > node.max_length:
        return f"must have at most {node.max_length} characters"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "must be Unicode text"
    return "" if node.pattern is None or re.fullmatch(node.pattern.removesuffix("$"), value) else instead


def _sized(size: int, low: int | None, high: int | None, what: str, path: str, problems: list[Problem]) -> bool:
    if (low is None or size >= low) and (high is None or size <= high):
        return True
    problems.append(Problem(path, f"must have from {low or 0} to {high} {what}, not {size}"))
    return False


def _better_field(given: object, fields: list[str]) -> str:
    """Return a hint for an unknown field: what to write instead."""
    if isinstance(given, str) and given in _ELSEWHERE:
        return _ELSEWHERE[given]
    close = _closest(given, fields)
    return f"did you mean {close}?" if close else f"the fields here are {', '.join(fields)}"


def _closest(given: object, choices: list[str]) -> str:
    """Return the most similar choice, whatever its case; empty if none is similar."""
    if not isinstance(given, str):
        return ""
    by_lower = {choice.lower(): choice for choice in choices}
    close = get_close_matches(given[:MAX_SHOWN].lower(), by_lower, n=1)
    return by_lower[close[0]] if close else ""


def _bare(node: inspect.Type) -> inspect.Type:
    return node.type if isinstance(node, inspect.Metadata) else node


def _instead(node: inspect.Type) -> str:
    """Return the type's hint for users, if it has one."""
    return str((node.extra_json_schema or {}).get("description", "")) if isinstance(node, inspect.Metadata) else ""


def _key(key: object) -> str:
    """Return a key as a path shows it: quoted unless it is plain."""
    return (
        key
        if isinstance(key, str) and key.isascii() and key.isprintable() and len(key) <= MAX_SHOWN
        else quoted(shown(key))
    )
