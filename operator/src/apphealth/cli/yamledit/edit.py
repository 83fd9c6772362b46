"""One change of a text, and many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apphealth.cli.yamledit.places import CannotEditError


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` where `start` to `end` was."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Make all edits at once. Of those at one place, the one given first comes first.

    Raises
    ------
    CannotEditError
        Where two of them overlap.
    """
    parts, position = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        if edit.start < position:
            raise CannotEditError(f"line {text.count(chr(10), 0, edit.start) + 1}: two changes meet in one place")
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])
