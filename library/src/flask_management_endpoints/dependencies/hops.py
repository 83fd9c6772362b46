"""Health checks that go round in circles, stopped.

A asks B how it is, B asks A, which asks B ...: with version 1, one probe of such a pair made 32 requests, and both
said DOWN. Every question to another service therefore carries the places it came through. A service that finds a
dependency of its own among them doesn't ask it: whoever is waiting for this answer knows better how that one is. The
component says UNKNOWN, and doesn't count.

A service knows its own names from the ``Host`` headers under which other services ask it, so a circle may cost one
more request the first time it is walked through a name not heard before.
"""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from flask_management_endpoints.dependencies.urls import BadUrlError, place
from flask_management_endpoints.execution.forking import reset_in_children

HEADER = "X-Health-Hops"
MAX_HEADER = 4096
MAX_HOPS = 8
"""A question that came through this many services asks no further.

Deeper chains than eight are circles that hide well.
"""
MAX_NAMES = 16


@dataclass(frozen=True, slots=True)
class Hops:
    """The way a question has come. Empty for a probe or a person."""

    processes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.processes or self.places)

    @classmethod
    def parse(cls, header: str | None) -> "Hops":
        """Return the hops in a request's header; whatever isn't understood, or is too long, is left out."""
        if not header or len(header) > MAX_HEADER:
            return cls()
        words = [word.strip() for word in header.split(",")][: 4 * MAX_HOPS]
        processes = tuple(word[1:] for word in words if word.startswith("#"))
        places = tuple(word for word in words if word and not word.startswith("#"))
        return cls(processes[: MAX_HOPS + 1], places)

    def header(self) -> str:
        """Return the header's value. Newest places are kept when there are too many."""
        return ",".join([*(f"#{process}" for process in self.processes), *self.places[-2 * MAX_HOPS :]])[:MAX_HEADER]

    def through(self, process: str, places: Iterable[str]) -> "Hops":
        """Return the way after one more process, and the places it stands for."""
        more = [name for name in places if name not in self.places]
        return Hops((*self.processes, process), (*self.places, *more))

    def visited(self, url: str) -> bool:
        """Return whether ``url`` belongs to a service that this question came through."""
        if not self.places:
            return False
        try:
            target = place(url)
        except BadUrlError:
            return False
        return any(target == known or target.startswith(f"{known}/") for known in self.places)


DIRECT = Hops()
"""No hops: a probe or a person asks."""


class Identity:
    """How this process is known to others: a random id, and the names it was asked under."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take an id of its own: a forked worker is another process."""
        self._lock = threading.Lock()
        self.process = secrets.token_hex(4)

    def names(self, asked_as: str, hops: Hops) -> tuple[str, ...]:
        """Return the places this process stands for; learn ``asked_as`` if another service used it."""
        if hops and asked_as and asked_as not in self._names:
            with self._lock:
                self._names = (asked_as, *self._names)[:MAX_NAMES]
        if not asked_as:
            return self._names
        return (asked_as, *(name for name in self._names if name != asked_as))

    def goes_no_further(self, hops: Hops) -> bool:
        """Return whether a question must be answered without asking anybody.

        It came through here before, or through too many.
        """
        return self.process in hops.processes or len(hops.processes) >= MAX_HOPS
