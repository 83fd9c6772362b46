"""The log of what the operator does to workloads: one line for each write, and one for each probe that pods refuted.

The lines have a logger of their own, `apphealth.writes`: no line of it is dropped, and `--log-level` can silence it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from apphealth.model.ownership import RESTORER
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import Container, LiveProbe, Workload
from apphealth.plan import Plan
from apphealth.plan.findings import Finding

LOGGER = "apphealth.writes"
"""Name of the logger."""

log = logging.getLogger(LOGGER)


def log_write(before: Workload, after: Workload, decided: Plan) -> None:
    """Log what a write has changed in a workload.

    Parameters
    ----------
    before, after
        The workload as it was planned, and as the API server returned it.
    decided
        The plan that was written.
    """
    changes = changes_between(before, after)
    if not changes:
        return
    why = ", ".join(map(str, decided.rules)) or "no rule selects it any more"
    log.info("patched %s: %s (%s)", after.key, "; ".join(changes), why, extra=_fields(after))


def log_held(workload: Workload, decided: Plan) -> None:
    """Log what would be changed in a workload by an operator that may write."""
    why = ", ".join(map(str, decided.rules)) or "no rule selects it any more"
    log.info("would patch %s: %s (%s)", workload.key, decided.message, why, extra=_fields(workload))


def log_refuted(workload: Workload, finding: Finding) -> None:
    """Log that running pods failed a planned probe."""
    log.info("not written to %s: %s", workload.key, finding.message, extra=_fields(workload))


def log_rejected(workload: Workload, message: str) -> None:
    """Log that the API server rejected a patch."""
    log.warning("%s: %s", workload.key, message, extra=_fields(workload))


def changes_between(before: Workload, after: Workload) -> tuple[str, ...]:
    """Return what differs between two states of a workload, of the parts that the operator writes.

    Parameters
    ----------
    before, after
        The two states; they have the same containers.

    Returns
    -------
    tuple[str, ...]
        Such as `added liveness, readiness of main`, at most one for each verb and container.
    """
    old = {container.name: container for container in before.containers}
    found: list[str] = []
    for container in after.containers:
        earlier = old.get(container.name, container)
        changes: dict[str, list[str]] = {}
        for verb, kind in _probe_changes(earlier.probes, container.probes):
            changes.setdefault(verb, []).append(kind)
        found += [f"{verb} {', '.join(kinds)} of {container.name}" for verb, kinds in changes.items()]
        found += _mount_change(earlier, container)
    if before.delivery_volume != after.delivery_volume:
        found.append(f"{'added' if after.delivery_volume else 'removed'} the volume of dependencies")
    return tuple(found)


def _probe_changes(
    before: Mapping[ProbeKind, LiveProbe], after: Mapping[ProbeKind, LiveProbe]
) -> Iterator[tuple[str, str]]:
    for kind in ProbeKind:
        old, new = before.get(kind), after.get(kind)
        if old is None and new is not None:
            yield "added", kind
        elif old is not None and new is None:
            yield "removed", kind
        elif old is not None and new is not None and old.probe != new.probe:
            yield "restored" if RESTORER in new.owner.others else "changed", kind


def _mount_change(before: Container, after: Container) -> Iterator[str]:
    if before.mounts_delivery != after.mounts_delivery:
        yield f"{'mounted' if after.mounts_delivery else 'unmounted'} the dependencies of {after.name}"


def _fields(workload: Workload) -> dict[str, str]:
    """Return the fields of a line of JSON that name the workload."""
    return {"kind": workload.kind, "namespace": workload.namespace, "workload": workload.name}
