"""The status of an AppHealth or ClusterAppHealth: conditions, their reasons, and how many workloads stand where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec


class ConditionType(StrEnum):
    """What a condition is about. `Ready`, `Verified` and `Protected` are good when True, the others when False."""

    READY = "Ready"
    """Every selected workload stands as the rule wants it: `kubectl wait --for=condition=Ready` waits for this."""
    DEGRADED = "Degraded"
    """Something keeps the rule from being carried out, and won't go away by waiting."""
    CONFLICTING = "Conflicting"
    """Another rule of equal rank sets the same fields of the same workloads, and wins."""
    VERIFIED = "Verified"
    """Running pods answered as the probes want that are written; absent where no probe is to be written."""
    SHARED_DEPENDENCY = "SharedDependency"
    """By this rule so many workloads require one Service that its failure is everybody's; else absent."""
    PROTECTED = "Protected"
    """The admission policy is there with which no user's apply is refused for a probe of ours."""


class ConditionStatus(StrEnum):
    """The three values that Kubernetes gives a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition is as it is: one word for programs; the condition's message tells people the details."""

    ALL_MANAGED = "AllManaged"
    """Ready: every selected workload carries its planned probes, or keeps those of their owner."""
    PREVIEWED = "Previewed"
    """Ready: in mode Audit, everything is decided and recorded in HealthPlans, and nothing is written."""
    IN_PROGRESS = "InProgress"
    """Not ready yet: some workloads are still to be written, or wait for a running pod."""
    NOTHING_SELECTED = "NothingSelected"
    """Not ready: no workload matches the selector, or the one that targetRef names isn't there."""
    SOME_FAILED = "SomeFailed"
    """Not ready: some workloads could not be given their probes; Degraded says why."""
    INVALID_SPEC = "InvalidSpec"
    """Not ready and degraded: the spec is older than today's rules and breaks one; nothing is done for it."""
    PLAN_INCOMPLETE = "PlanIncomplete"
    """Degraded: for some workloads no probe can be worked out, for instance for want of a port."""
    DEPENDENCY_CYCLE = "DependencyCycle"
    """Degraded: required dependencies lead back to where they began, and so none of them counts as required."""
    PROBES_REFUTED = "ProbesRefuted"
    """Degraded: running pods answered otherwise than their planned probes want; nothing was written to them."""
    WRITES_REJECTED = "WritesRejected"
    """Degraded: the API server refused a patch; the workload's HealthPlan has its words."""
    ACCESS_DENIED = "AccessDenied"
    """Degraded: the operator's ServiceAccount may not read or patch some of the workloads."""
    NO_PROBLEMS = "NoProblems"
    """Not degraded."""
    OVERRIDDEN = "Overridden"
    """Conflicting: an older rule of equal rank sets the same fields; the message names it."""
    NO_CONFLICTS = "NoConflicts"
    """Not conflicting."""
    VERIFIED = "Verified"
    """Verified: every probe that is written was tried on running pods before."""
    REFUTED = "Refuted"
    """Not verified: running pods answered otherwise than planned probes want, which are not written."""
    UNVERIFIED = "Unverified"
    """Not known: probes are written that could not be tried on pods, or were not to be (`verification: Skip`)."""
    AWAITING_PODS = "AwaitingPods"
    """Not known: probes wait for a ready pod that can be asked."""
    REQUIRED_BY_MANY = "RequiredByMany"
    """SharedDependency: the message names the Services, and how many workloads leave rotation with each."""
    POLICY_INSTALLED = "PolicyInstalled"
    """Protected."""
    POLICY_MISSING = "PolicyMissing"
    """Not protected: the cluster is too old for the admission policy, or it isn't installed."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition, as metav1.Condition has it."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""
    """RFC 3339 in UTC; empty until `settle` fills it in."""


class WorkloadCounts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many workloads stand where."""

    selected: int = 0
    """Workloads that this rule selects."""
    managed: int = 0
    """Of these: carry a probe of ours."""
    pending: int = 0
    """Of these: still to be written, or waiting for pods."""
    kept_by_owner: int = 0
    """Of these: keep probes of their owner where the rule would have written others."""
    failed: int = 0
    """Of these: can't be given what was planned."""


class RuleStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The status of a rule."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    workloads: WorkloadCounts = WorkloadCounts()

    def to_object(self) -> dict[str, Any]:
        """Return the status as the API has it, for a PATCH of the status subresource."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def parse_status(obj: object) -> RuleStatus:
    """Read the status of a raw AppHealth or ClusterAppHealth; what can't be read is as if it weren't there."""
    status = obj.get("status") if isinstance(obj, Mapping) else None
    try:
        return msgspec.convert(status, RuleStatus)
    except (msgspec.ValidationError, RecursionError):
        return RuleStatus()


def settle(status: RuleStatus, previous: RuleStatus, *, now: datetime) -> RuleStatus:
    """Fill in since when each condition has its status.

    A condition whose status is the same as in `previous` keeps its time, whatever its reason or message: as
    metav1.Condition asks, and so that a status that says the same is the same, and need not be written.

    Parameters
    ----------
    status
        What is true now; the times in it don't count.
    previous
        What the API server has.
    now
        The time for conditions that have changed; it must know its zone.
    """
    before = {condition.type: condition for condition in previous.conditions}
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.structs.replace(status, conditions=tuple(_settled(status.conditions, before, stamp)))


def _settled(
    conditions: Iterable[Condition], previous: Mapping[ConditionType, Condition], stamp: str
) -> Iterable[Condition]:
    for condition in conditions:
        before = previous.get(condition.type)
        since = before.last_transition_time if before is not None and before.status is condition.status else ""
        yield msgspec.structs.replace(condition, last_transition_time=since or stamp)
