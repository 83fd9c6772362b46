"""How far the rollout of a workload's pod template has come, as its status says.

Kubernetes tells it in other words for each kind; `parse_progress` reads them into the same value. A plan reads none of
it: a change of a status makes no plan anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from apphealth.model import raw
from apphealth.model.ownership import MANAGER, RESTORER


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the rollout of a workload's pod template has come.

    Attributes
    ----------
    desired
        The pods that the workload should have.
    existing
        The pods that it has, of any template.
    updated, ready, available
        Of these: pods of the newest template, ready pods, and pods that have been ready for `min_ready` seconds.
    observed
        Whether the numbers are of the workload's present generation.
    paused
        The Deployment is paused: a new template changes no pod.
    stalled
        The Deployment has exceeded its progressDeadlineSeconds.
    recreates
        All old pods end before the first new one starts (strategy Recreate).
    on_delete
        A pod gets the new template only when a user deletes it (updateStrategy OnDelete).
    partition
        The StatefulSet's pods below this ordinal keep the old template.
    min_ready
        `minReadySeconds`.
    takes_down
        The pods that may be down at once while the template changes: maxUnavailable, all of them with Recreate.
    """

    desired: int = 1
    existing: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    observed: bool = False
    paused: bool = False
    stalled: bool = False
    recreates: bool = False
    on_delete: bool = False
    partition: int = 0
    min_ready: int = 0
    takes_down: int = 0

    @property
    def to_update(self) -> int:
        """The pods that Kubernetes itself brings to the newest template."""
        return 0 if self.on_delete else max(0, self.desired - self.partition)

    @property
    def settled(self) -> bool:
        """Whether the rollout is complete: every pod is available, and all that are to be updated are.

        The status may be some milliseconds old; it is of the present generation (`observed`).
        """
        complete = self.updated >= self.to_update and self.existing <= self.desired
        return self.observed and complete and self.available >= self.desired


NO_PROGRESS = Progress()
"""That of a workload whose status is not known: a manifest's."""


@lru_cache(maxsize=4096)
def _shared(progress: Progress) -> Progress:
    """Return one object for equal values: thousands of workloads are settled with the same few numbers."""
    return progress


def parse_progress(obj: Mapping[str, Any]) -> Progress:
    """Read the progress of a Deployment, StatefulSet, DaemonSet or Rollout from its JSON.

    Parameters
    ----------
    obj
        The object, of any content.

    Returns
    -------
    Progress
        `NO_PROGRESS` if it has no status.
    """
    spec, status = raw.mapping(obj.get("spec")), raw.mapping(obj.get("status"))
    if not status:
        return NO_PROGRESS
    update = raw.mapping(spec.get("updateStrategy"))
    generation = raw.number(raw.mapping(obj.get("metadata")).get("generation"))
    desired, (existing, updated, ready, available) = _counts(obj.get("kind"), spec, status)
    return _shared(
        Progress(
            desired=desired,
            existing=existing,
            updated=updated,
            ready=ready,
            available=available,
            observed=_generation(status.get("observedGeneration")) >= generation,
            paused=spec.get("paused") is True,
            stalled=_stalled(status),
            recreates=raw.mapping(spec.get("strategy")).get("type") == "Recreate",
            on_delete=update.get("type") == "OnDelete",
            partition=raw.number(raw.mapping(update.get("rollingUpdate")).get("partition")),
            min_ready=raw.number(spec.get("minReadySeconds")),
            takes_down=_takes_down(obj.get("kind"), spec, desired),
        )
    )


def _takes_down(kind: object, spec: Mapping[str, Any], desired: int) -> int:
    """Return the pods that may be down at once; as Kubernetes rounds, down for Deployments and up for DaemonSets."""
    if kind == "Deployment":
        strategy = raw.mapping(spec.get("strategy"))
        if strategy.get("type") == "Recreate":
            return desired
        rolling = raw.mapping(strategy.get("rollingUpdate"))
        down = _share(rolling.get("maxUnavailable", "25%"), desired, up=False)
        surge = _share(rolling.get("maxSurge", "25%"), desired, up=True)
        return min(desired, down or int(not surge))
    update = raw.mapping(spec.get("updateStrategy"))
    rolling = raw.mapping(update.get("rollingUpdate"))
    if update.get("type") == "OnDelete" or not desired:
        return 0
    return _share(rolling.get("maxUnavailable", 1), desired, up=True)


def _share(value: object, of: int, *, up: bool) -> int:
    """Return a number of pods that is given as a number or as a percentage."""
    if isinstance(value, str) and (digits := value.removesuffix("%")).isdecimal():
        return -(-of * int(digits) // 100) if up else of * int(digits) // 100
    return raw.number(value)


_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
_DAEMON_COUNTS = ("currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable")
"""Pods on nodes that should have none (numberMisscheduled) are no part of a rollout."""


def _counts(kind: object, spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, Sequence[int]]:
    """Return the desired number of pods; and those existing, updated, ready and available."""
    if kind == "DaemonSet":
        desired, names = raw.number(status.get("desiredNumberScheduled")), _DAEMON_COUNTS
    else:
        desired, names = raw.number(spec.get("replicas"), 1), _COUNTS
    return desired, [raw.number(status.get(name)) for name in names]


def _generation(value: object) -> int:
    """Return an observedGeneration; a Rollout's is a text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else raw.number(value)


def _stalled(status: Mapping[str, Any]) -> bool:
    progressing = _condition(status, "Progressing")
    return progressing.get("status") == "False" and progressing.get("reason") == "ProgressDeadlineExceeded"


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = (one for one in raw.items(status.get("conditions")) if one.get("type") == name)
    return next(found, {})


def completed_at(obj: Mapping[str, Any]) -> datetime | None:
    """Return when a Deployment's last rollout completed, or None where Kubernetes doesn't say.

    Parameters
    ----------
    obj
        The object, of any kind and content.
    """
    progressing = _condition(raw.mapping(obj.get("status")), "Progressing")
    complete = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    return time_of(progressing.get("lastUpdateTime")) if complete else None


def written_at(managed_fields: object) -> datetime | None:
    """Return when the operator last changed an object, as its entries in managedFields say; None: never.

    An entry that the operator loses altogether, because the last field of it was removed, takes its time with it.

    Parameters
    ----------
    managed_fields
        As the API server gives it.
    """
    times = (
        time_of(entry.get("time"))
        for entry in raw.items(managed_fields)
        if entry.get("manager") in (MANAGER, RESTORER)
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    )
    return max((time for time in times if time is not None), default=None)


def time_of(value: object) -> datetime | None:
    """Read a time as the API server spells it (`2026-01-31T12:00:00Z`); None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
