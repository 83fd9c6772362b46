"""Runs jobs in parallel, each at most once at a time, and never waits longer than it was told.

The four promises: a caller gets an answer by its deadline whatever a job does; callers that ask together share one
run; a job that hangs holds one thread, however often it is asked for; and jobs that probes wait for have threads of
their own, so that nothing else can take them all.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

from flask_management_endpoints.checks.definition import ALWAYS, Policy
from flask_management_endpoints.checks.outcome import Result, Status, down, failed
from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.execution.pool import Pool
from flask_management_endpoints.execution.thresholds import Standing, step


class Job(NamedTuple):
    """Something to run, by the key under which runs are shared."""

    key: Hashable
    run: Callable[[float], Result]
    """Called with the time, on the monotonic clock, by which it must be back. Should not raise."""
    timeout: float
    """Seconds from the moment it has a thread."""
    policy: Policy = ALWAYS
    for_probes: bool = False
    """Whether a probe waits for it, so that it runs in the threads that are kept for that."""


class _Flight:
    """One run that is on its way. ``started`` and ``expires`` are infinite until it has a thread."""

    __slots__ = ("_door", "expires", "landed", "queued", "started", "strike_at")

    def __init__(self, queued: float, strike_at: float) -> None:
        self.queued = queued
        self.strike_at = strike_at
        self.started = self.expires = math.inf
        self.landed = False
        self._door = threading.Lock()  # looked up late, for gevent; an Event costs 3 µs more
        self._door.acquire()

    def land(self) -> None:
        """Let all go on who wait."""
        self.landed = True
        self._door.release()

    def wait(self, seconds: float) -> None:
        """Wait until it has landed, or for ``seconds``."""
        if seconds > 0 and self._door.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            self._door.release()  # for the next who waits


class _Track:
    __slots__ = ("flight", "standing")

    def __init__(self) -> None:
        self.standing = Standing()
        self.flight: _Flight | None = None


class Ticket(NamedTuple):
    """A place in a run: hand it to `Runner.collect`."""

    job: Job
    track: _Track
    flight: _Flight | None


class Runner:
    """Single flight, deadlines and thresholds over a `Pool`."""

    def __init__(self, max_threads: int = 32, clock: Callable[[], float] = time.monotonic) -> None:
        self.pool, self.probe_pool = Pool(max_threads), Pool(max_threads)
        self._clock = clock
        self._last_start = {self.pool: -math.inf, self.probe_pool: -math.inf}
        self._tracks: dict[Hashable, _Track] = {}
        self._lock = threading.Lock()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's runs; what they last said stays true."""
        self._lock = threading.Lock()
        for track in list(self._tracks.values()):
            track.flight = None

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Forget what the jobs of ``keys`` last said."""
        for key in keys:
            self._tracks.pop(key, None)

    def start(self, job: Job) -> Ticket:
        """Join the run of ``job`` that is on its way, or start one, or, with a cache, none.

        Return the ticket for its answer.
        """
        with self._lock:
            track = self._tracks.get(job.key)
            if track is None:
                track = _Track()
                self._tracks[job.key] = track
            if self._is_fresh(track, job):
                return Ticket(job, track, None)
            if track.flight is not None:
                return Ticket(job, track, track.flight)
            flight = self._take_off(track, job)
        self._submit(job, track, flight)
        return Ticket(job, track, flight)

    def launch(self, job: Job) -> None:
        """Start a run whose answer nobody waits for, unless one is on its way (background refresh)."""
        with self._lock:
            track = self._tracks.setdefault(job.key, _Track())
            if track.flight is not None:
                self._strike(track, job, track.flight)
                return
            flight = self._take_off(track, job)
        self._submit(job, track, flight)

    def collect(self, ticket: Ticket, until: float) -> Result:
        """Return the answer: as soon as it is there, or DOWN when the job's own timeout or ``until`` has passed."""
        job, track, flight = ticket
        if flight is not None:
            # Nobody gives up sooner. Wait at once: a thread that has the job before this one sleeps must wait for it.
            flight.wait(min(flight.queued + job.timeout, until) - self._clock())
        while flight is not None and not flight.landed:
            now, gives_up_at = self._clock(), self._gives_up_at(flight, job)
            if now < min(gives_up_at, until):
                flight.wait(min(gives_up_at, until) - now)
            elif now < gives_up_at:
                return down("no answer within the overall deadline")
            else:
                with self._lock:
                    self._strike(track, job, flight)
                break
        return self._believed(track, job)

    def _gives_up_at(self, flight: _Flight, job: Job) -> float:
        """Return when nobody waits for ``flight`` any longer.

        A run that has a thread is given its timeout. One that has none waits for as long as its timeout since the
        last time that any run got one: while threads become free, its turn comes.
        """
        if flight.started < math.inf:
            return flight.expires
        return max(flight.queued, self._last_start[self._pool_of(job)]) + job.timeout

    def _pool_of(self, job: Job) -> Pool:
        return self.probe_pool if job.for_probes else self.pool

    def _is_fresh(self, track: _Track, job: Job) -> bool:
        last, policy = track.standing.reported, job.policy
        if last is None or not policy.reuses:
            return False
        return policy.refresh_seconds is not None or self._clock() - last.at < policy.cache_seconds

    def _take_off(self, track: _Track, job: Job) -> _Flight:
        now = self._clock()
        track.flight = _Flight(now, now + job.timeout)
        return track.flight

    def _submit(self, job: Job, track: _Track, flight: _Flight) -> None:
        try:
            self._pool_of(job).submit(lambda: self._fly(job, track, flight))
        except RuntimeError as error:
            self._land(job, track, flight, failed(error))

    def _fly(self, job: Job, track: _Track, flight: _Flight) -> None:
        now = self._clock()
        flight.strike_at = flight.expires = now + job.timeout
        flight.started = self._last_start[self._pool_of(job)] = now
        try:
            answer = job.run(flight.expires)
        except BaseException as error:  # noqa: BLE001 - nothing may end the thread before the flight has landed
            answer = failed(error)
        self._land(job, track, flight, answer)

    def _land(self, job: Job, track: _Track, flight: _Flight, answer: Result) -> None:
        now = self._clock()
        seconds = max(0.0, now - flight.started)
        if now > flight.expires and answer.ok:
            answer = down(f"took {seconds:.1f} s, more than the {job.timeout:g} s allowed")
        with self._lock:
            track.standing = step(track.standing, answer.timed(at=now, seconds=seconds), job.policy)
            if track.flight is flight:
                track.flight = None
            flight.land()

    def _strike(self, track: _Track, job: Job, flight: _Flight) -> None:
        """Count a run that is overdue as a failure, once per timeout that it has been overdue."""
        now = self._clock()
        if flight.landed or now < flight.strike_at:
            return
        flight.strike_at = now + job.timeout
        waited = "no answer within" if flight.started < math.inf else "no thread (max_threads) was free for"
        late = down(f"{waited} {job.timeout:g} s").timed(at=now, seconds=now - flight.queued)
        track.standing = step(track.standing, late, job.policy)

    def _believed(self, track: _Track, job: Job) -> Result:
        reported = track.standing.reported
        if reported is None:
            return down(f"no answer within {job.timeout:g} s")
        stale_after = job.policy.stale_after
        if stale_after < math.inf and (age := self._clock() - reported.at) > stale_after:
            return Result(Status.UNKNOWN, f"the last answer is {age:.0f} s old", at=reported.at)
        return reported
