"""A mapping with several values to a key, for keys that mostly have one: 10,000 sets of one element cost 2 MB."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class MultiMap(Generic[K, V]):
    """Sets of values by key."""

    def __init__(self) -> None:
        self._one: dict[K, V] = {}
        self._more: dict[K, set[V]] = {}

    def __len__(self) -> int:
        """Return the number of keys that have a value."""
        return len(self._one) + len(self._more)

    def add(self, key: K, value: V) -> None:
        """Add a value to a key, if the key doesn't have it.

        Parameters
        ----------
        key, value
            What to add.
        """
        if key in self._more:
            self._more[key].add(value)
        elif self._one.setdefault(key, value) != value:
            self._more[key] = {self._one.pop(key), value}

    def discard(self, key: K, value: V) -> None:
        """Remove a value from a key, if the key has it.

        Parameters
        ----------
        key, value
            What to remove.
        """
        if (values := self._more.get(key)) is not None:
            values.discard(value)
            if not values:
                del self._more[key]
        elif key in self._one and self._one[key] == value:
            del self._one[key]

    def get(self, key: K) -> Collection[V]:
        """Return the values of a key; not to be changed, and not to be kept beyond the next change."""
        if key in self._one:
            return (self._one[key],)
        return self._more.get(key, ())
