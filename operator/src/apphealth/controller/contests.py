"""Who wins where another manager takes our probes out: it does, at the second time within an hour.

Someone who writes whole objects (a controller that PUTs, `kubectl replace`, Terraform) takes out every probe that is
not in its manifest, and each of our writes costs one rollout more. Once is enough where our write's own rollout hangs:
that is `kubectl rollout undo`. The probes are tried again after an hour, then after two, and so on; each time one
removal is enough. The HealthPlan remembers the last removal, and which probes are left out; how often we have given way
is lost when the operator ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from apphealth.controller.queue import Backoff
from apphealth.model.progress import time_of
from apphealth.model.withheld import Withheld, WithheldReason, withhold
from apphealth.model.workload import WorkloadKey
from apphealth.plan.ownership.contest import WITHIN, Removal, contested

BACKOFF = Backoff(first=3600, longest=7 * 86400)
"""Seconds until probes that were taken out are tried again."""
HANGS = 20.0
"""Seconds after our write from which on a rollout that is not complete counts as one that hangs."""


@dataclass(slots=True)
class _Contest:
    """The contest over one workload.

    Attributes
    ----------
    removed_at
        The times of the removals that count.
    lost
        How often we have given way.
    again
        When to try again.
    tried_at
        When we have tried again; the next removal decides if it comes soon enough.
    """

    removed_at: list[float] = field(default_factory=list)
    lost: int = 0
    again: float = 0.0
    tried_at: float = float("-inf")


class Contests:
    """The contests over workloads.

    Parameters
    ----------
    clock
        Seconds, rising.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._contests: dict[WorkloadKey, _Contest] = {}

    def judge(
        self, key: WorkloadKey, removed: Collection[Removal], known: tuple[Withheld, ...], last: str = ""
    ) -> tuple[Withheld, ...]:
        """Return the probes of a workload that are withheld from now on.

        Parameters
        ----------
        key
            The workload.
        removed
            The probes that were taken out since the last call.
        known
            The probes that are withheld so far, for any reason.
        last
            The time of the last removal, as the HealthPlan has it: it counts if the operator was restarted since.
        """
        gives_way = any(one.reason is WithheldReason.CONTESTED for one in known)
        if not removed and not gives_way:
            return known
        now = self._clock()
        contest = self._contests.get(key)
        if contest is None:
            # An entry without a contest is from before the operator started.
            contest = self._contests[key] = (
                _Contest(lost=1, again=now + BACKOFF.after(1))
                if gives_way
                else _Contest(removed_at=[now - age for age in _ages(last)])
            )
        if removed:
            return self._removed(contest, removed, known, now)
        if now < contest.again:
            return known
        contest.tried_at = now
        return tuple(one for one in known if one.reason is not WithheldReason.CONTESTED)

    def _removed(
        self, contest: _Contest, removed: Collection[Removal], known: tuple[Withheld, ...], now: float
    ) -> tuple[Withheld, ...]:
        contest.removed_at = [time for time in (*contest.removed_at, now) if now - time < WITHIN]
        tried_again = contest.lost > 0 and now - contest.tried_at < WITHIN
        undone = any(_hung(one) for one in removed)
        if len(contest.removed_at) < 2 and not tried_again and not undone:
            return known
        if not tried_again:
            contest.lost = 0
        contest.removed_at.clear()
        contest.lost += 1
        contest.again = now + BACKOFF.after(contest.lost)
        manager = next((one.manager for one in removed if one.manager), "")
        when = "again" if tried_again else "while its rollout hung" if undone else "twice within an hour"
        return withhold(known, contested(removed, f"taken out {when}, {_by(manager)}"))

    def last_removal(self, key: WorkloadKey) -> str:
        """Return the time of the last removal that counts, as a HealthPlan has it; empty if none does."""
        contest = self._contests.get(key)
        if contest is None or not contest.removed_at:
            return ""
        age = timedelta(seconds=self._clock() - contest.removed_at[-1])
        return (datetime.now(UTC) - age).isoformat(timespec="seconds").replace("+00:00", "Z")

    def wait(self, key: WorkloadKey, withheld: Collection[Withheld]) -> float | None:
        """Return the seconds until contested probes are tried again, or None if none of these is contested."""
        contest = self._contests.get(key)
        if contest is None or all(one.reason is not WithheldReason.CONTESTED for one in withheld):
            return None
        return max(0.0, contest.again - self._clock())

    def forget(self, key: WorkloadKey) -> None:
        """Forget the contest over a deleted workload."""
        self._contests.pop(key, None)


def _ages(last: str) -> list[float]:
    """Return the seconds since a removal that a HealthPlan remembers; none if it remembers none."""
    time = time_of(last)
    return [max(0.0, (datetime.now(UTC) - time).total_seconds())] if time is not None else []


def _hung(removal: Removal) -> bool:
    """Return whether the rollout of our write hung when the probe was taken out."""
    since = removal.unfinished_since
    return since is not None and (datetime.now(UTC) - since).total_seconds() >= HANGS


def _by(manager: str) -> str:
    """Return who did it; managedFields doesn't say who only removes a field, so it is a guess."""
    return f"probably by the manager '{manager}', which edited it last" if manager else "by a manager without a name"
