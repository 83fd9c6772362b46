"""Memory that the arbiter shares with its workers: who is busy since when, and whether the server drains.

An anonymous mapping, made before the fork. Each worker writes only its own slot, in writes of eight aligned bytes, so
there is no lock to be held by a process that dies.
"""

import mmap
import struct
import threading
import time
from dataclasses import dataclass

SLOTS = 512
_SLOT = struct.Struct("=qqd")  # in flight, capacity, since
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
        self._memory = mmap.mmap(-1, _FLAG.size + SLOTS * _SLOT.size)
        self._free = list(range(SLOTS))
        self._in_flight = 0
        self._lock = threading.Lock()

    # The arbiter's side

    def allot(self) -> int | None:
        """Return a slot for a new worker, or None when there are none left: that worker is then not watched."""
        if not self._free:
            return None
        slot = self._free.pop()
        _SLOT.pack_into(self._memory, self._offset(slot), 0, 0, time.monotonic())
        return slot

    def release(self, slot: int) -> None:
        """Take back the slot of a worker that is gone."""
        _SLOT.pack_into(self._memory, self._offset(slot), 0, 0, 0.0)
        self._free.append(slot)

    def work(self, slot: int) -> Work:
        """Return what the worker with ``slot`` is doing."""
        return Work(*_SLOT.unpack_from(self._memory, self._offset(slot)))

    def start_drain(self) -> None:
        """Tell all workers that the server is about to stop."""
        _FLAG.pack_into(self._memory, 0, time.monotonic())

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return bool(_FLAG.unpack_from(self._memory, 0)[0])

    # The worker's side

    def begin_work(self, slot: int, capacity: int) -> None:
        """Say that the worker has started and how many requests it can handle at once; 0: don't watch its requests."""
        self._in_flight, self._lock = 0, threading.Lock()
        _SLOT.pack_into(self._memory, self._offset(slot), 0, capacity, time.monotonic())

    def note(self, slot: int, change: int) -> None:
        """Say that a request began (1) or ended (-1)."""
        offset = self._offset(slot)
        with self._lock:
            self._in_flight += change
            _TIME.pack_into(self._memory, offset + 16, time.monotonic())
            _NUMBER.pack_into(self._memory, offset, self._in_flight)

    @staticmethod
    def _offset(slot: int) -> int:
        return _FLAG.size + slot * _SLOT.size
