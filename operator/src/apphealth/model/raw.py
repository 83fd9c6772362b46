"""Read untrusted JSON: each accessor returns a value of its type, or that type's empty value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from sys import intern
from types import MappingProxyType
from typing import Any

MAX_TEXT = 8192
"""Longest text kept from a cluster, in characters: enough for any URL or DSN, and a bound on memory."""

MAX_PORT = 65535


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in `value` if it is a list."""
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))


def text(value: object, default: str = "") -> str:
    """Return `value` if it is text, cut at `MAX_TEXT`, else `default`.

    Parameters
    ----------
    value
        Anything that JSON may have there.
    default
        What to return for anything but a text.
    """
    return value[:MAX_TEXT] if isinstance(value, str) else default


def texts(value: object) -> tuple[str, ...]:
    """Return the texts in `value` if it is a list."""
    return tuple(text(item) for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def number(value: object, default: int = 0) -> int:
    """Return `value` if it is an integer, else `default`.

    Parameters
    ----------
    value
        Anything that JSON may have there.
    default
        What to return for anything but an integer.
    """
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def port_number(value: object) -> int:
    """Return `value` if it can be the number of a port, else 0."""
    found = number(value)
    return found if 1 <= found <= MAX_PORT else 0


NOTHING: Mapping[str, str] = MappingProxyType({})
"""The shared value of all objects without labels or annotations."""


def labels(value: object) -> Mapping[str, str]:
    """Return the text-to-text part of `value` if it is a mapping. Equal keys and values are one object."""
    found = {intern(str(key)): intern(text(item)) for key, item in mapping(value).items() if isinstance(item, str)}
    return found or NOTHING
