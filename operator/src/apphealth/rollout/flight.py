"""A workload in flight: changed, and not yet well for long enough. All of it is read from the workload itself.

A new leader knows as much as the one before: when the operator wrote is in managedFields, how far the rollout has come
in the status, and when it was complete in a Deployment's conditions. Where Kubernetes doesn't say when (StatefulSets,
DaemonSets), the soak begins anew, so a change of leaders lengthens it and never shortens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from apphealth.model.progress import Progress
from apphealth.model.workload import Workload
from apphealth.rollout.waves import Candidate

PATIENCE = timedelta(minutes=15)
"""How long a rollout may stand still until its place is given away. A Deployment says so itself after 10 minutes, or
after its progressDeadlineSeconds."""
RECENT = timedelta(days=1)
"""Rollouts that the operator began longer ago are not looked for when it starts."""


class Phase(StrEnum):
    """How a workload in flight is."""

    CHANGING = "changing"
    """Its pods are being replaced."""
    SOAKING = "soaking"
    """All of its new pods are available, but not for long enough."""
    WELL = "well"
    """It gives its place away."""
    STUCK = "stuck"
    """Its rollout stands still: it gives its place away, and counts as a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A workload in flight.

    Attributes
    ----------
    candidate
        The workload, with the rules whose places it takes.
    soak
        How long it has to stay well.
    moved
        When its rollout last came further.
    progress
        How far it has come.
    well_since
        Since when all of its pods are available; None if they aren't.
    """

    candidate: Candidate
    soak: timedelta
    moved: datetime
    progress: Progress
    well_since: datetime | None = None

    def seen(self, workload: Workload, now: datetime) -> Flight:
        """Return the flight after a look at its workload.

        Parameters
        ----------
        workload
            The workload as it is now.
        now
            The time.
        """
        progress = workload.progress
        if progress.settled:
            return replace(self, progress=progress, well_since=self.well_since or now)
        return replace(self, progress=progress, well_since=None, moved=now if progress != self.progress else self.moved)

    def phase(self, now: datetime) -> Phase:
        """Return how the workload is at a time."""
        if self.well_since is not None:
            return Phase.WELL if now - self.well_since >= self.soak else Phase.SOAKING
        return Phase.STUCK if self.progress.stalled or now - self.moved >= PATIENCE else Phase.CHANGING

    @property
    def changes(self) -> datetime:
        """When its phase changes next, if its workload doesn't."""
        return self.well_since + self.soak if self.well_since is not None else self.moved + PATIENCE


def begin(candidate: Candidate, workload: Workload, soak: float, now: datetime) -> Flight:
    """Return the flight of a workload that was written now.

    Parameters
    ----------
    candidate
        The workload, with its rules.
    workload
        The workload after the write.
    soak
        Seconds that it has to stay well.
    now
        The time.
    """
    settled = now if workload.settled else None
    return Flight(
        candidate=candidate,
        soak=timedelta(seconds=soak),
        moved=now,
        progress=workload.progress,
        well_since=settled,
    )


def found(candidate: Candidate, workload: Workload, soak: float, now: datetime) -> Flight | None:
    """Return the flight that an earlier leader has begun, or None if the workload isn't in flight.

    Parameters
    ----------
    candidate
        The workload, with its rules. One that is restored has nothing of ours that tells when it was written.
    workload
        The workload as it is now.
    soak
        Seconds that it has to stay well.
    now
        The time.
    """
    if not workload.ready and workload.settled:
        return None  # no pods
    if candidate.restoring:
        return None if workload.settled else begin(candidate, workload, soak, now)
    written, done = workload.written_at, workload.rolled_out_at
    if written is None or now - written > RECENT:
        return None
    if not workload.settled:
        theirs = done is not None and done > written
        return None if theirs else begin(candidate, workload, soak, now)
    since = max(written, done) if done is not None else now if now - written < PATIENCE else written
    flight = replace(begin(candidate, workload, soak, now), well_since=since)
    return flight if flight.phase(now) is Phase.SOAKING else None


def takes_place(workload: Workload, after: Sequence[str] = ()) -> bool:
    """Return whether a change of a workload's pod template could make anything worse: it has a pod that is ready now.

    Kubernetes replaces no pod of a DaemonSet or StatefulSet whose strategy is OnDelete, nor those below a partition. A
    later pass waits for the pods of the one before, ready or not.

    Parameters
    ----------
    workload
        The workload as it is now.
    after
        The kinds of the probes that its earlier passes have added.
    """
    return (workload.ready and workload.progress.to_update > 0) or (bool(after) and not workload.settled)


def obstacle(workload: Workload, after: Sequence[str] = ()) -> str:
    """Return why a workload can't be changed now, whatever the budget; empty if it can.

    A rollout that doesn't come to its end with probes of ours in it is no obstacle: the change may mend it. A later
    pass mends nothing.

    Parameters
    ----------
    workload
        The workload as it is now.
    after
        The kinds of the probes that its earlier passes have added.
    """
    progress = workload.progress
    if progress.paused:
        return "the Deployment is paused (spec.paused); resume it with kubectl rollout resume"
    if progress.settled:
        return ""
    if after:
        return f"not all pods are available that have the probes of its earlier pass ({', '.join(after)})"
    if workload.has_ours:
        return ""
    if progress.observed and progress.updated >= progress.to_update and progress.existing <= progress.desired:
        return "not all of its pods are available"
    return "a rollout of its owner is under way, or it is being scaled"
