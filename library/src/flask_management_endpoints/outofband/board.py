"""Memory that the arbiter shares with its workers: who is busy since when, and whether the server drains.

An anonymous mapping, made before the fork. A worker takes a slot itself, under a lock that ends with the process that
holds it, and then writes only there, in writes of eight aligned bytes. The arbiter takes the slots of workers back that
are gone. So it depends on none of the hooks by which gunicorn tells of forks and exits: apps have their own there.
"""

import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.outofband.shared import SharedStore
from flask_management_endpoints.state import forget, speakers

SLOTS = 512
_SLOT = struct.Struct("=qqqd")  # process, in flight, capacity, since
_FLAG = struct.Struct("=d")
_NUMBER = struct.Struct("=q")
_TIME = struct.Struct("=d")


@dataclass(frozen=True, slots=True)
class Work:
    """What one worker is doing."""

    in_flight: int
    capacity: int
    since: float
    """When a request last began or ended, on the monotonic clock."""

    def stuck_for(self, now: float) -> float:
        """Return for how many seconds all its threads have been busy without one request beginning or ending.

        0 if one is free.
        """
        return now - self.since if self.capacity and self.in_flight >= self.capacity else 0.0


class Board:
    """The shared memory. One per arbiter."""

    def __init__(self) -> None:
        self.store = SharedStore()
        self._memory = mmap.mmap(-1, _FLAG.size + SLOTS * _SLOT.size)
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Forget the slot of the parent, and take a lock of its own."""
        self._lock = threading.Lock()
        self._slot: int | None = None
        self._in_flight = 0
        self._entered = False

    # The arbiter's side

    def works(self) -> dict[int, Work]:
        """Return what the workers that have a slot are doing, by their process ids."""
        return {pid: Work(in_flight, capacity, since) for _, pid, in_flight, capacity, since in self._taken()}

    def keep(self, workers: Collection[int]) -> None:
        """Take back the slots, and forget the words, of processes that are gone; ``workers`` surely aren't."""
        self._take_back(lambda pid: pid not in workers and _is_dead(pid))

    def _take_back(self, gone: Callable[[int], bool]) -> None:
        if any(gone(pid) for _, pid, *_ in self._taken()):
            with self.store.exclusively():  # what has been freed since then may be another worker's already
                for slot, pid, *_ in self._taken():
                    if gone(pid):
                        _SLOT.pack_into(self._memory, self._offset(slot), 0, 0, 0, 0.0)
        if any(gone(int(pid)) for pid in speakers(self.store.read())):
            self.store.change(lambda records: forget(records, lambda pid: gone(int(pid))))

    def _taken(self) -> list[tuple[int, int, int, int, float]]:
        slots = enumerate(_SLOT.iter_unpack(self._memory[_FLAG.size :]))
        return [(slot, *content) for slot, content in slots if content[0]]

    def start_drain(self) -> None:
        """Tell all workers that the server is about to stop."""
        _FLAG.pack_into(self._memory, 0, time.monotonic())

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return bool(_FLAG.unpack_from(self._memory, 0)[0])

    # The worker's side

    @property
    def entered(self) -> bool:
        """Whether this worker has said that it has started."""
        return self._entered

    def enter(self) -> bool:
        """Return True the first time in each worker."""
        with self._lock:
            first, self._entered = not self._entered, True
            return first

    def begin_work(self, capacity: int) -> bool:
        """Say that this worker has started and how many requests it can handle at once; 0: don't watch its requests.

        Return False when all slots are taken: the worker is then not watched.
        """
        with self._lock:
            self._slot = self._take_slot()
            if self._slot is None:
                self._take_back(_is_dead)
                self._slot = self._take_slot()
            if self._slot is None:
                return False
            _SLOT.pack_into(self._memory, self._offset(self._slot), os.getpid(), 0, capacity, time.monotonic())
            return True

    def _take_slot(self) -> int | None:
        with self.store.exclusively():
            for slot in range(SLOTS):
                if _NUMBER.unpack_from(self._memory, self._offset(slot))[0] in (0, os.getpid()):
                    _NUMBER.pack_into(self._memory, self._offset(slot), os.getpid())
                    return slot
        return None

    def note(self, change: int) -> None:
        """Say that a request began (1) or ended (-1)."""
        if self._slot is None:
            return
        offset = self._offset(self._slot)
        with self._lock:
            self._in_flight = max(0, self._in_flight + change)
            _TIME.pack_into(self._memory, offset + 24, time.monotonic())
            _NUMBER.pack_into(self._memory, offset + 8, self._in_flight)

    @staticmethod
    def _offset(slot: int) -> int:
        return _FLAG.size + slot * _SLOT.size


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
