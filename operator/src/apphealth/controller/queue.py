"""A queue of keys: each key is worked on by one worker at a time, however often it is added meanwhile.

The queue is level-triggered: a key says that something may have changed, not what. Failures are retried with
exponential back-off; adding the key again ends the wait, because something has changed since.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait after failures in a row: `first` seconds, then twice as long each time, at most `longest`."""

    first: float = 0.5
    longest: float = 120.0

    def after(self, failures: int) -> float:
        """Return the seconds to wait after this many failures in a row (1 or more)."""
        return float(min(self.first * 2 ** min(failures - 1, 30), self.longest))


class WorkQueue(Generic[K]):
    """Keys to work on.

    Parameters
    ----------
    work
        Called with a key. Returns None when done, or the seconds after which to do it again; raising is a failure.
    workers
        Most keys worked on at once.
    backoff
        The wait after failures.
    expected
        Errors that are not bugs: they are logged in one line, others with a traceback.
    observe
        Called after each key with the seconds that it waited, the seconds of work, and whether the work was done.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        *,
        workers: int = 8,
        backoff: Backoff | None = None,
        expected: tuple[type[Exception], ...] = (),
        observe: Callable[[float, float, bool], None] | None = None,
    ) -> None:
        self._work = work
        self._observe = observe
        self._workers = workers
        self._backoff = backoff or Backoff()
        self._expected = expected
        self._ready: dict[K, float] = {}  # in order of arrival
        self._permits = asyncio.Semaphore(0)  # one for each ready key
        self._running: dict[K, asyncio.Task[None]] = {}
        self._interrupted: set[asyncio.Task[None]] = set()
        self._again: set[K] = set()  # added while running
        self._failures: dict[K, int] = {}
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._open = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def add(self, key: K, *, after: float = 0.0) -> None:
        """Add a key, unless it is queued already.

        Parameters
        ----------
        key
            The key to work on.
        after
            Seconds to wait first; a key that is due earlier stays so.
        """
        if after > 0:
            self._add_later(key, after)
            return
        self._due.pop(key, None)
        if key in self._running:
            self._again.add(key)
        elif key not in self._ready:
            self._ready[key] = time.perf_counter()
            self._idle.clear()
            self._permits.release()

    def add_all(self, keys: Iterable[K]) -> None:
        """Add keys without a wait."""
        for key in keys:
            self.add(key)

    @property
    def depth(self) -> int:
        """The number of keys that are ready, and not worked on yet."""
        return len(self._ready)

    def busy(self, key: K) -> bool:
        """Return whether a key is worked on or ready; a key that is due later is not busy."""
        return key in self._ready or key in self._running

    def resume(self) -> None:
        """Let the workers take keys. A new queue is paused."""
        self._open.set()

    def pause(self) -> None:
        """Let the workers finish their keys and take no new ones."""
        self._open.clear()

    def interrupt(self) -> None:
        """Pause, and cancel the work under way; its keys are worked on again after `resume`."""
        self.pause()
        for task in self._running.values():
            if task not in self._interrupted:
                self._interrupted.add(task)
                task.cancel()

    def clear(self) -> None:
        """Drop the keys that are ready or due later, and forget failures; keys under way are finished."""
        self._ready.clear()  # their permits stay: a worker that finds no key takes the next permit
        self._due.clear()
        self._failures.clear()
        self._heap.clear()
        self._arm()
        if not self._running:
            self._idle.set()

    async def drained(self) -> None:
        """Wait until no key is worked on or ready; keys that are due later don't count."""
        await self._idle.wait()

    async def quiet(self) -> None:
        """Wait until no key is worked on."""
        await self._quiet.wait()

    async def run(self) -> None:
        """Work until cancelled."""
        workers = [asyncio.create_task(self._worker(), name=f"worker {number}") for number in range(self._workers)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()

    async def _worker(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 -- for the type: a coroutine always runs in a task
        while True:
            await self._permits.acquire()
            await asyncio.sleep(0)  # keys that need no I/O must not keep the event loop from everything else
            await self._open.wait()
            if not self._ready:
                continue  # cleared
            key = next(iter(self._ready))
            added = self._ready.pop(key)
            self._running[key] = worker
            self._quiet.clear()
            try:
                again = await self._observed(key, added)
            finally:
                self._finish(key)
            if again is not None:
                self.add(key, after=again)

    def _finish(self, key: K) -> None:
        del self._running[key]
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        if not self._running:
            self._quiet.set()
            if not self._ready:
                self._idle.set()

    async def _observed(self, key: K, added: float) -> float | None:
        started = time.perf_counter()
        again = await self._attempt(key)
        if self._observe is not None:
            self._observe(started - added, time.perf_counter() - started, key not in self._failures)
        return again

    async def _attempt(self, key: K) -> float | None:
        try:
            again = await self._work(key)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task in self._interrupted:
                self._interrupted.discard(task)
                task.uncancel()
                self._again.add(key)
                return None
            if task is None or task.cancelling():
                raise
            return self._failed(key, None)  # not the queue: kopf cancels every task that started while it ran
        except Exception as error:  # noqa: BLE001 -- a failure of one key must not stop the others; it is logged there
            return self._failed(key, error)
        self._failures.pop(key, None)
        return again

    def _failed(self, key: K, error: Exception | None) -> float:
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        wait = self._backoff.after(failures)
        if isinstance(error, self._expected):
            log.warning("%s: %s; again in %g s", key, error, wait)
        elif error is not None:
            log.error("%s: unexpected error; again in %g s", key, wait, exc_info=error)
        return wait

    def _add_later(self, key: K, after: float) -> None:
        if key in self._ready or key in self._again:
            return
        when = asyncio.get_running_loop().time() + after
        if when >= self._due.get(key, float("inf")):
            return
        self._due[key] = when
        heapq.heappush(self._heap, (when, next(self._order), key))
        self._arm()

    def _arm(self) -> None:
        """Set the timer for the next key that is due; drop the entries of keys that were added since."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = asyncio.get_running_loop().call_at(self._heap[0][0], self._ring)

    def _ring(self) -> None:
        when, _, key = heapq.heappop(self._heap)
        if self._due.get(key) == when:
            self.add(key)
        self._arm()
