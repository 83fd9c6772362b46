"""What the API server refuses: said once in the HealthPlan in its own words, and not asked again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from apphealth.api.healthplan import FindingRecord, HealthPlan, State
from apphealth.api.status import Reason
from apphealth.controller.queue import Backoff
from apphealth.controller.store import same
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.result import Patch

BACKOFF = Backoff(first=60, longest=3600)
"""Before the same patch is tried again on the same workload: policies and rights change without telling us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A write that the API server refuses."""

    reason: Reason
    finding: FindingRecord
    again: float
    """Seconds until it is tried again."""
    rejected: bool = True
    """Whether it leaves the workload without its probes."""


@dataclass(frozen=True, slots=True)
class _Memory:
    workload: Workload
    patches: Sequence[Patch]
    refusal: Refusal
    until: float
    times: int


class Refusals:
    """The patches that were refused, by workload.

    Parameters
    ----------
    clock
        Seconds, rising.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._memory: dict[WorkloadKey, _Memory] = {}

    def standing(self, workload: Workload, patches: Sequence[Patch]) -> Refusal | None:
        """Return the refusal of the same patches for the same workload, if it isn't time to try them again."""
        known = self._memory.get(workload.key)
        if known is None or known.patches != patches or not same(known.workload, workload):
            return None
        wait = known.until - self._clock()
        return replace(known.refusal, again=wait) if wait > 0 else None

    def note(self, workload: Workload, patches: Sequence[Patch], error: KubeError) -> Refusal:
        """Remember that patches were refused."""
        known = self._memory.get(workload.key)
        times = known.times + 1 if known is not None and known.patches == patches else 1
        refusal = refusal_of(error, "the patch of the workload", again=BACKOFF.after(times))
        until = self._clock() + refusal.again
        self._memory[workload.key] = _Memory(workload, patches, refusal, until, times)
        return refusal

    def clear(self, key: WorkloadKey) -> None:
        """Forget a workload's refusal."""
        self._memory.pop(key, None)


def refusal_of(error: KubeError, what: str, *, again: float, rejected: bool = True) -> Refusal:
    """Say what was refused, why, and what to do about it."""
    if isinstance(error, ForbiddenError) and _lacks_right(error.message):
        return Refusal(
            reason=Reason.ACCESS_DENIED,
            finding=_finding(
                "missing-right",
                f"{what} was refused: {error.message}",
                "give the operator's ServiceAccount this right; deploy/operator has the RBAC rules it needs",
            ),
            again=again,
            rejected=rejected,
        )
    return Refusal(
        reason=Reason.WRITES_REJECTED,
        finding=_finding("rejected", f"{what} was refused: {error.message}", "change the rule or what refuses it"),
        again=again,
        rejected=rejected,
    )


def with_refusals(plan: HealthPlan, refusals: Sequence[Refusal]) -> HealthPlan:
    """Return a HealthPlan that says what was refused."""
    if not refusals:
        return plan
    plan = with_findings(plan, [refusal.finding for refusal in refusals])
    if not any(refusal.rejected for refusal in refusals):
        return plan
    status = msgspec.structs.replace(plan.status, state=State.REJECTED, message=refusals[0].finding.message)
    return msgspec.structs.replace(plan, status=status)


def with_findings(plan: HealthPlan, findings: Sequence[FindingRecord]) -> HealthPlan:
    """Return a HealthPlan with more findings."""
    status = msgspec.structs.replace(plan.status, findings=(*plan.status.findings, *findings))
    return msgspec.structs.replace(plan, status=status)


def _finding(id_: str, message: str, fix: str) -> FindingRecord:
    return FindingRecord(id=id_, severity="error", message=message, fix=fix)


def _lacks_right(message: str) -> bool:
    """Whether RBAC says no, rather than a policy: `User "x" cannot patch resource "deployments" in API group ...`."""
    return " cannot " in message and " resource " in message
