"""The text of new values: in block style with a document's layout, in flow style, or as JSON."""

from __future__ import annotations

import json
import re

from apphealth.cli.yamledit.commented import comment_above
from apphealth.cli.yamledit.layout import Layout
from apphealth.cli.yamledit.plain import Plain, resolve

_SAFE = re.compile(r"[A-Za-z_/][-A-Za-z0-9_./]*(:[-A-Za-z0-9_./]+)*")
_SAFE_IN_FLOW = re.compile(r"[A-Za-z_/][-A-Za-z0-9_./]*")
_NOT_LITERAL = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
"""Characters that the literal style can't represent: control characters, and line breaks other than the line feed."""
_ESCAPE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def block(value: Plain, layout: Layout, column: int) -> list[str]:
    """Return the lines of a value that begins on a line of its own.

    Parameters
    ----------
    value
        The value to write in block style.
    layout
        The layout of the document.
    column
        The column of the value.
    """
    pad = " " * column
    match value:
        case dict() if value:
            return [line for key, item in value.items() for line in _entry(key, item, layout, column)]
        case list() if value:
            return [line for item in value for line in _item(item, layout, column)]
        case _:
            return [pad + flow(value)]


def entries(values: dict[str, Plain], layout: Layout, column: int) -> list[str]:
    """Return the lines of the keys and values of a block mapping whose keys are at `column`.

    Parameters
    ----------
    values
        The keys and their values.
    layout
        The layout of the document.
    column
        The column of the keys.
    """
    return block(dict(values), layout, column) if values else []


def inline(value: Plain, layout: Layout, column: int) -> list[str]:
    """Return the text after `key:` on its line (with the space before it), then the further lines.

    Parameters
    ----------
    value
        The value of the key.
    layout
        The layout of the document.
    column
        The column of the key.
    """
    match value:
        case dict() if value:
            return ["", *block(value, layout, column + layout.step)]
        case list() if value:
            return ["", *block(value, layout, column + layout.dash)]
        case str() if "\n" in value and not _NOT_LITERAL.search(value) and value.strip("\n"):
            return _literal(value, layout, column)
        case _:
            return [" " + flow(value)]


def _entry(key: str, value: Plain, layout: Layout, column: int) -> list[str]:
    first, *rest = inline(value, layout, column)
    pad = " " * column
    return [*comment_above(value, pad), f"{pad}{scalar(key)}:{first}", *rest]


def _item(value: Plain, layout: Layout, column: int) -> list[str]:
    first, *rest = [flow(value)] if isinstance(value, list) else block(value, layout, column + layout.gap)
    return [f"{' ' * column}-{' ' * (layout.gap - 1)}{first.lstrip(' ')}", *rest]


def _literal(value: str, layout: Layout, column: int) -> list[str]:
    """Return `value` in the style `|`, with the indicators that preserve it exactly."""
    body = value.rstrip("\n")
    endings = len(value) - len(body)
    indent = str(layout.step) if body[:1] in " \n" else ""
    chomp = "-" if endings == 0 else "+" if endings > 1 else ""
    pad = " " * (column + layout.step)
    lines = [pad + line if line else "" for line in body.split("\n")]
    return [f" |{indent}{chomp}", *lines, *[""] * (endings - 1)]


def ends_in_newline(value: Plain) -> bool:
    """Whether the last string in a value ends in a newline, which must be kept at the end of a file."""
    while isinstance(value, dict | list) and value:
        value = list(value.values())[-1] if isinstance(value, dict) else value[-1]
    return isinstance(value, str) and value.endswith("\n")


def scalar(value: str | float | bool | None, *, in_flow: bool = False) -> str:
    """Return one scalar: plain if it is parsed back to the same value, else in double quotes.

    Parameters
    ----------
    value
        A scalar of JSON.
    in_flow
        It is within brackets or braces, where fewer texts can be plain.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    safe = _SAFE_IN_FLOW if in_flow else _SAFE
    return value if safe.fullmatch(value) and isinstance(resolve(value), str) else quoted(value)


def quoted_as(style: str, text: str) -> str:
    """Return text in the quotes of `style`, or as `scalar` does if it has none or they can't hold the text.

    Parameters
    ----------
    style
        The quote of the scalar that is replaced; empty if it was plain.
    text
        The new value.
    """
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return quoted(text) if style in ("'", '"') else scalar(text)


def quoted(text: str) -> str:
    """Return text in double quotes, with escapes that YAML and JSON share."""
    return _ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def flow(value: Plain) -> str:
    """Return a value on one line, in YAML's flow style."""
    match value:
        case dict():
            inside = ", ".join(f"{scalar(key, in_flow=True)}: {flow(item)}" for key, item in value.items())
            return "{" + inside + "}"
        case list():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case _:
            return scalar(value, in_flow=isinstance(value, str))


def as_json(value: Plain, *, prefix: str = "", unit: str = "", newline: str = "\n") -> str:
    """Return a value as JSON.

    Parameters
    ----------
    value
        The value to write.
    prefix
        The indentation of the line of its key; the value's first line follows the key, and has none.
    unit
        The indentation of one level; without it, the value is written on one line.
    newline
        The line break of the file.
    """
    if not unit or not isinstance(value, dict | list) or not value:
        return _json_line(value)
    inner = prefix + unit
    below = [as_json(item, prefix=inner, unit=unit, newline=newline) for item in _items(value)]
    if isinstance(value, dict):
        below = [f"{quoted(key)}: {text}" for key, text in zip(value, below, strict=True)]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return opening + newline + ("," + newline).join(inner + text for text in below) + newline + prefix + closing


def _items(value: dict[str, Plain] | list[Plain]) -> list[Plain]:
    return list(value.values()) if isinstance(value, dict) else value


def _json_line(value: Plain) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{quoted(key)}: {_json_line(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(_json_line(item) for item in value) + "]"
        case str():
            return quoted(value)
        case _:
            return json.dumps(value)
