"""Edits of a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apphealth.cli.yamledit.places import CannotEditError


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the characters from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits applied.

    Parameters
    ----------
    text
        The text to edit.
    edits
        The edits in any order; insertions at one position keep their order.

    Raises
    ------
    CannotEditError
        Two edits overlap.
    """
    parts, position = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start < position:
            raise CannotEditError(f"line {text.count(chr(10), 0, edit.start) + 1}: two changes overlap")
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])
