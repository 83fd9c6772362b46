"""What is wrong with a resource, said so that its author can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_SHOWN = 60
"""Longest piece of a user's own text that a message repeats, in characters."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a resource."""

    path: str
    """The field, as `kubectl` names it: `spec.probes.liveness.periodSeconds`."""
    message: str
    """What is wrong and what to write instead, with the value as it was given."""

    def __str__(self) -> str:
        """`spec.mode: must be one of Enforce, Audit, not "enforce"`."""
        return f"{self.path}: {self.message}"


class InvalidResource(Exception):  # noqa: N818 -- it is the resource that is wrong, and messages read so
    """A resource that can't be used as it stands.

    Attributes
    ----------
    resource
        Kind, namespace and name as far as they can be read: `AppHealth shop/web`.
    problems
        Everything that is wrong, in the order of the resource's fields; never empty.
    """

    def __init__(self, resource: str, problems: Iterable[Problem]) -> None:
        self.resource = resource
        self.problems = tuple(problems)
        super().__init__(f"{resource}: " + "; ".join(str(problem) for problem in self.problems))


def shown(value: object) -> str:
    """Return a value as a message can repeat it: short, on one line, whatever it is."""
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
    """Return text in double quotes, cut to `MAX_SHOWN`, with everything escaped that isn't plain."""
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return '"' + "".join(_plain(character) for character in cut) + '"'


def _plain(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else character.encode("unicode_escape").decode()
