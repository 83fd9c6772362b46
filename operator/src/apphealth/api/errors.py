"""The problems of an invalid resource, with messages that tell its author how to correct it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHOWN = 60
"""Longest piece of a user's own text that a message repeats, in characters."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a resource."""

    path: str
    """The field, as `kubectl` names it: `spec.probes.liveness.periodSeconds`."""
    message: str
    """What is wrong and what to write instead, with the given value."""

    def __str__(self) -> str:
        """`spec.mode: must be one of Enforce, Audit, not "enforce"`."""
        return f"{self.path}: {self.message}"


class InvalidResource(Exception):  # noqa: N818 -- it is the resource that is wrong, and messages read so
    """A resource that can't be used.

    Attributes
    ----------
    resource
        Kind, namespace and name as far as they can be read: `AppHealth shop/web`.
    problems
        All problems, in the order of the resource's fields; never empty.
    """

    def __init__(self, resource: str, problems: Iterable[Problem]) -> None:
        self.resource = resource
        self.problems = tuple(problems)
        super().__init__(f"{resource}: " + "; ".join(str(problem) for problem in self.problems))


def shown(value: object) -> str:
    """Return a value as messages show it: short and on one line, whatever its type."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**MAX_SHOWN:
            return "an enormous number"
        case int() | float():
            return str(value)
        case str():
            return quoted(value)
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def quoted(text: str) -> str:
    """Return a text in double quotes, cut to `MAX_SHOWN`, with special characters escaped."""
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return '"' + "".join(_plain(character) for character in cut) + '"'


def _plain(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else character.encode("unicode_escape").decode()
