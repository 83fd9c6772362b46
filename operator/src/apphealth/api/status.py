"""The status of an AppHealth or ClusterAppHealth: conditions, their reasons, and the numbers of its workloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec


class ConditionType(StrEnum):
    """What a condition is about. `Ready`, `Verified` and `Protected` are good when True, the others when False."""

    READY = "Ready"
    """Every selected workload is as the rule wants it: `kubectl wait --for=condition=Ready` waits for this."""
    DEGRADED = "Degraded"
    """The rule can't be carried out, and waiting doesn't help."""
    CONFLICTING = "Conflicting"
    """Another rule of equal rank sets the same fields of the same workloads, and wins."""
    VERIFIED = "Verified"
    """Running pods passed the probes that are written; absent if no probe is to be written."""
    SHARED_DEPENDENCY = "SharedDependency"
    """By this rule a large share of all workloads requires one Service; absent otherwise."""
    ROLLED_OUT = "RolledOut"
    """Every selected workload was changed and is well; absent in mode Audit."""
    PROTECTED = "Protected"
    """The admission policy is installed that keeps users' applies from being rejected because of our probes."""


class ConditionStatus(StrEnum):
    """The three values that Kubernetes gives a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """The reason of a condition's status, in one word for programs; the condition's message has the details."""

    ALL_MANAGED = "AllManaged"
    """Ready: every selected workload is as planned: it has its probes, keeps those of another owner, or has none."""
    PREVIEWED = "Previewed"
    """Ready: in mode Audit, every decision is recorded in a HealthPlan, and no workload is written."""
    IN_PROGRESS = "InProgress"
    """Not ready yet: some workloads are still to be written, or wait for a running pod."""
    ROLLED_OUT = "RolledOut"
    """RolledOut: nothing waits, and nothing is being changed."""
    PAUSED = "Paused"
    """Neither ready nor rolled out: the rule is paused, or the operator's brake is on."""
    HALTED = "Halted"
    """Neither ready nor rolled out: more workloads failed by this rule's probes than `rollout.maxFailures`."""
    NOTHING_SELECTED = "NothingSelected"
    """Not ready: no workload matches the selector, or the workload that targetRef names doesn't exist."""
    SOME_FAILED = "SomeFailed"
    """Not ready: the probes of some workloads could not be written; Degraded has the reason."""
    INVALID_SPEC = "InvalidSpec"
    """Not ready and degraded: the spec is older than the schema and breaks it, so the rule has no effect."""
    OTHER_OPERATOR = "OtherOperator"
    """Degraded: another operator manages some of the workloads, so they are left as they are."""
    RULE_UNREADABLE = "RuleUnreadable"
    """Degraded: another rule that can't be parsed may select the same workloads, so they are left as they are."""
    PLAN_INCOMPLETE = "PlanIncomplete"
    """Degraded: a probe of some workloads can't be planned, for instance because no port is known."""
    DEPENDENCY_CYCLE = "DependencyCycle"
    """Degraded: required dependencies form a cycle, so none of them counts as required."""
    PROBES_REFUTED = "ProbesRefuted"
    """Degraded: running pods failed their planned probes, which were not written."""
    PODS_FAILING = "PodsFailing"
    """Not ready and degraded: pods fail a probe of ours; the message has an example."""
    PROBES_ROLLED_BACK = "ProbesRolledBack"
    """Degraded: probes did harm and were taken back; they are tried again when the template or the rule changes."""
    WRITES_REJECTED = "WritesRejected"
    """Degraded: the API server rejected a patch; the workload's HealthPlan quotes its answer."""
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
    """Not verified: running pods failed planned probes, which are not written."""
    UNVERIFIED = "Unverified"
    """Not known: probes are written without a try on pods, because no pod could be asked or `verification` is Skip."""
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
    """The numbers of a rule's workloads."""

    selected: int = 0
    """Workloads that this rule selects."""
    managed: int = 0
    """Of these: have a probe of ours."""
    pending: int = 0
    """Of these: still to be written, or waiting for pods."""
    kept_by_owner: int = 0
    """Of these: keep probes of other owners where the rule would have written ours."""
    failed: int = 0
    """Of these: have a problem, so that some or all planned probes can't be written."""
    covered: int = 0
    """Of these: have at least one probe once the plan is carried out, ours or their owner's."""
    without_probes: int = 0
    """Of these: have none even then."""
    unknown: int = 0
    """Of these: not decided yet. Covered, without probes and unknown add up to selected."""
    would_restart: int = 0
    """Of these: would be changed, and so restart their pods, if the rules in mode Audit were enforced."""


class RolloutStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far the rollout of a rule has come, in workloads."""

    planned: int = 0
    """Workloads that get probes of ours."""
    waiting: int = 0
    """Of these: wait for their turn."""
    in_flight: int = 0
    """Of these: written, and not yet well for long enough."""
    done: int = 0
    """Of these: written and well."""
    rolled_back: int = 0
    """Of these: the probes did harm and were taken back."""
    halted: bool = False
    """Whether nothing further is written, because too many have failed."""
    message: str = ""
    """What the rollout waits for."""


class RuleStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The status of a rule."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    workloads: WorkloadCounts = WorkloadCounts()
    rollout: RolloutStatus = RolloutStatus()

    def to_object(self) -> dict[str, Any]:
        """Return the status as the API has it, for a PATCH of the status subresource."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def parse_status(obj: object) -> RuleStatus:
    """Read the status of a raw AppHealth or ClusterAppHealth; parts that can't be read are left out."""
    status = obj.get("status") if isinstance(obj, Mapping) else None
    try:
        return msgspec.convert(status, RuleStatus)
    except (msgspec.ValidationError, RecursionError):
        return RuleStatus()


def settle(status: RuleStatus, previous: RuleStatus, *, now: datetime) -> RuleStatus:
    """Fill in the time of each condition's last change.

    A condition with the same status as in `previous` keeps its time, whatever its reason or message. metav1.Condition
    requires it, and so an unchanged status compares equal and need not be written.

    Parameters
    ----------
    status
        The new status; its times are ignored.
    previous
        The status on the API server.
    now
        The time for conditions that have changed; it must have a time zone.
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
