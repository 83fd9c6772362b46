"""A mapping that is written with a comment above its key. Only block style writes the comment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_COMMENT = 200
"""The number of characters of a comment that are written."""


class Commented(dict[str, Any]):
    """A mapping with a comment; equal to the same mapping without one.

    Parameters
    ----------
    value
        The mapping.
    comment
        One line of text. It may come from an input file, so unprintable characters become `?`.
    """

    __slots__ = ("comment",)

    def __init__(self, value: Mapping[str, Any], comment: str) -> None:
        super().__init__(value)
        self.comment = "".join(letter if letter.isprintable() else "?" for letter in comment[:MAX_COMMENT])


def comment_above(value: object, pad: str) -> list[str]:
    """Return the comment line for above the key of a value, or no line if the value has no comment."""
    return [f"{pad}# {value.comment}"] if isinstance(value, Commented) else []
