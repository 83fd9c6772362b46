"""A mapping that is written with a comment above its key, in block style; elsewhere comments have no place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_COMMENT = 200
"""Characters of a comment."""


class Commented(dict[str, Any]):
    """A mapping with a comment; worth the same as without.

    Parameters
    ----------
    value
        The mapping.
    comment
        One line of text, which may come from a file: what would end it is left out.
    """

    __slots__ = ("comment",)

    def __init__(self, value: Mapping[str, Any], comment: str) -> None:
        super().__init__(value)
        self.comment = "".join(letter if letter.isprintable() else "?" for letter in comment[:MAX_COMMENT])


def comment_above(value: object, pad: str) -> list[str]:
    """Return the line that goes above the key of a value, if it has a comment."""
    return [f"{pad}# {value.comment}"] if isinstance(value, Commented) else []
