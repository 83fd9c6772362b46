"""Probes of ours that another manager has taken out, and when to leave them out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from apphealth.model.probe import Probe, ProbeKind
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import Workload

WITHIN = 3600.0
"""Seconds within which a second removal decides: the other manager wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A probe of ours that is gone from a container.

    Attributes
    ----------
    container, kind, probe
        The container, and the probe.
    manager
        The manager that changed the workload last; empty if managedFields names none. It need not be the one that took
        the probe out: the API server records nobody who only removes a field.
    unfinished_since
        When we had written to the workload, if the rollout was not complete when the probe was taken out.
    """

    container: str
    kind: ProbeKind
    probe: Probe
    manager: str
    unfinished_since: datetime | None = None


def removals(before: Workload, now: Workload) -> tuple[Removal, ...]:
    """Return the probes of ours that a workload had and has no more, in containers that are still there.

    Parameters
    ----------
    before, now
        Two readings of the workload, the older one first.
    """
    return tuple(_removals(before, now))


def _removals(before: Workload, now: Workload) -> Iterator[Removal]:
    rolls_out = before.progress.desired > 0 and not before.settled
    there = {container.name: container for container in now.containers}
    for container in before.containers:
        if (same := there.get(container.name)) is None or same.probes is container.probes:
            continue
        for kind, live in container.probes.items():
            if live.owner.ours and kind not in same.probes:
                yield Removal(
                    container=container.name,
                    kind=kind,
                    probe=live.probe,
                    manager=now.edited_by,
                    unfinished_since=before.written_at if rolls_out else None,
                )


def contested(removed: Collection[Removal], evidence: str) -> tuple[Withheld, ...]:
    """Return the entries by which removed probes are not written again, whatever the pod template.

    Parameters
    ----------
    removed
        The probes.
    evidence
        What was seen, as a sentence without a full stop.
    """
    return tuple(
        Withheld(
            container=one.container,
            kind=one.kind,
            probe=one.probe,
            reason=WithheldReason.CONTESTED,
            evidence=evidence,
        )
        for one in removed
    )
