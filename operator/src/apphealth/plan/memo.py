"""Remembering what was worked out: thousands of workloads share a few rules, and with them most of the answers.

Only for functions of values that never change; what they give is the same with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")
MAX_REMEMBERED = 2048
"""Answers kept before a memo starts anew: more than the combinations of rules and presets in a large cluster."""


class Memo(Generic[V]):
    """Answers by the identity of large values and by small keys."""

    def __init__(self) -> None:
        self._found: dict[Hashable, tuple[tuple[object, ...], V]] = {}

    def get(self, by: tuple[object, ...], key: Hashable, make: Callable[[], V]) -> V:
        """Return the answer for these values, worked out by `make` where it is not known.

        Parameters
        ----------
        by
            Values told apart by identity. They are kept with the answer, so that no other value can get theirs.
        key
            What else the answer depends on, told apart by equality.
        make
            Works the answer out.
        """
        at = (*map(id, by), key)
        found = self._found.get(at)
        if found is None:
            if len(self._found) >= MAX_REMEMBERED:
                self._found.clear()
            found = self._found[at] = (by, make())
        return found[1]
