"""Writes that the API server rejects or rewrites: reported once in the HealthPlan, and retried with back-off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from apphealth.api.healthplan import FindingRecord, HealthPlan, State
from apphealth.api.status import Reason
from apphealth.controller.queue import Backoff
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.model.probe import Probe, serialise_probe
from apphealth.model.workload import LiveProbe, Workload, WorkloadKey, same
from apphealth.plan import Plan
from apphealth.plan.findings import MISSING_RIGHT, REJECTED, REWRITTEN
from apphealth.plan.ownership.managed_fields import leaves
from apphealth.plan.record import finding_record
from apphealth.plan.result import Action, Patch

BACKOFF = Backoff(first=60, longest=3600)
"""Seconds before the same patch is sent again to the same workload: policies and rights change without an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A write that the API server rejected."""

    reason: Reason
    finding: FindingRecord
    again: float
    """Seconds until the write is tried again."""
    rejected: bool = True
    """Whether the rejection leaves the workload without its probes."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    workload: Workload
    patches: Sequence[Patch]
    rejection: Rejection
    until: float
    times: int


class Rejections:
    """The rejected patches, by workload.

    Parameters
    ----------
    clock
        Seconds, rising.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._remembered: dict[WorkloadKey, _Remembered] = {}

    def current(self, workload: Workload, patches: Sequence[Patch]) -> Rejection | None:
        """Return the rejection of the same patches to the same workload, or None if they may be tried (again)."""
        known = self._remembered.get(workload.key)
        if known is None or known.patches != patches or not same(known.workload, workload):
            return None
        wait = known.until - self._clock()
        return replace(known.rejection, again=wait) if wait > 0 else None

    def note(self, workload: Workload, patches: Sequence[Patch], error: KubeError) -> Rejection:
        """Remember that patches were rejected, and return the rejection."""
        return self._remember(workload, patches, rejection_of(error, "the patch of the workload", again=0))

    def note_rewritten(self, workload: Workload, patches: Sequence[Patch], differs: str) -> Rejection:
        """Remember that patches have no effect, and return the rejection.

        Parameters
        ----------
        workload
            The workload as the last patches left it.
        patches
            The patches that it still needs.
        differs
            What differs from what was written.
        """
        finding = finding_record(REWRITTEN(differs=differs))
        rejection = Rejection(reason=Reason.WRITES_REJECTED, finding=finding, again=0, rejected=False)
        return self._remember(workload, patches, rejection)

    def _remember(self, workload: Workload, patches: Sequence[Patch], rejection: Rejection) -> Rejection:
        known = self._remembered.get(workload.key)
        times = known.times + 1 if known is not None and known.patches == patches else 1
        rejection = replace(rejection, again=BACKOFF.after(times))
        until = self._clock() + rejection.again
        self._remembered[workload.key] = _Remembered(workload, patches, rejection, until, times)
        return rejection

    def clear(self, key: WorkloadKey) -> None:
        """Forget a workload's rejection."""
        self._remembered.pop(key, None)


def rewritten(decided: Plan, patched: Workload) -> str:
    """Return which probes the API server has kept otherwise than they were written; empty if none.

    Parameters
    ----------
    decided
        The plan whose patches were sent.
    patched
        The workload as the API server returned it.
    """
    live = {container.name: container.probes for container in patched.containers}
    return "; ".join(
        f"{probe.kind} of {container.name} {_difference(probe.probe, live.get(container.name, {}).get(probe.kind))}"
        for container in decided.containers
        for probe in container.probes
        if probe.action is Action.APPLY
        and not probe.later
        and probe.probe is not None
        and ((there := live.get(container.name, {}).get(probe.kind)) is None or there.probe != probe.probe)
    )


def _difference(written: Probe, there: LiveProbe | None) -> str:
    if there is None:
        return "is gone"
    wanted, found = dict(leaves(serialise_probe(written))), dict(leaves(serialise_probe(there.probe)))
    paths = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    told = (f"{'.'.join(path)} {found.get(path, 'missing')}, not {wanted.get(path, 'missing')}" for path in paths)
    return f"has {', '.join(told)}"


def rejection_of(error: KubeError, what: str, *, again: float, rejected: bool = True) -> Rejection:
    """Return the rejection that an error means: its reason, and a finding with the server's words and the remedy.

    Parameters
    ----------
    error
        The API server's answer.
    what
        The write that was rejected, as a noun phrase.
    again
        Seconds until the write is tried again.
    rejected
        Whether the workload is left without its probes.
    """
    if isinstance(error, ForbiddenError) and _is_missing_right(error.message):
        return Rejection(
            reason=Reason.ACCESS_DENIED,
            finding=finding_record(MISSING_RIGHT(write=what, answer=error.message)),
            again=again,
            rejected=rejected,
        )
    return Rejection(
        reason=Reason.WRITES_REJECTED,
        finding=finding_record(REJECTED(write=what, answer=error.message)),
        again=again,
        rejected=rejected,
    )


def with_rejections(plan: HealthPlan, rejections: Sequence[Rejection]) -> HealthPlan:
    """Return a HealthPlan with the findings of rejected writes."""
    if not rejections:
        return plan
    plan = with_findings(plan, [rejection.finding for rejection in rejections])
    if not any(rejection.rejected for rejection in rejections):
        return plan
    status = msgspec.structs.replace(plan.status, state=State.REJECTED, message=rejections[0].finding.message)
    return msgspec.structs.replace(plan, status=status)


def with_findings(plan: HealthPlan, findings: Sequence[FindingRecord]) -> HealthPlan:
    """Return a HealthPlan with more findings."""
    status = msgspec.structs.replace(plan.status, findings=(*plan.status.findings, *findings))
    return msgspec.structs.replace(plan, status=status)


def _is_missing_right(message: str) -> bool:
    """Return whether RBAC rejected the write, not a policy: `User "x" cannot patch resource "deployments" in ...`."""
    return " cannot " in message and " resource " in message
