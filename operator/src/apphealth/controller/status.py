"""From the outcomes of workloads to the status of the rules that select them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from apphealth.api.healthplan import WORST, State, VerificationState
from apphealth.api.rule import Rule, RuleKey
from apphealth.api.spec import Mode
from apphealth.api.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    RolloutStatus,
    RuleStatus,
    WorkloadCounts,
)
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import shared
from apphealth.store.outcomes import Coverage, Outcome

NAMED = 3
"""How many workloads a condition's message names."""
MAX_MESSAGE = 1000
"""Longest message of a condition, in characters."""

_PENDING = frozenset({State.AWAITING_PODS, State.WAITING})
_KEPT = frozenset({State.KEPT, State.CONTESTED})
_LEFT_ALONE = frozenset({Reason.OTHER_OPERATOR, Reason.RULE_UNREADABLE})
"""Problems because of which nothing is written to a workload for now, whatever it carries."""
_FAILED = frozenset({State.REJECTED, State.REFUTED, State.ROLLED_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The input of a rule's status."""

    rule: RuleKey
    generation: int
    mode: Mode = Mode.ENFORCE
    complaint: str = ""
    """Why the rule can't be parsed; empty if it can."""
    missing: str = ""
    """The workload that targetRef names and that doesn't exist, with the nearest name; empty if it exists."""
    outcomes: Mapping[WorkloadKey, Outcome | None]
    """The selected workloads; None for a workload that has not been reconciled yet."""
    workloads: int = 0
    """The number of all workloads, selected or not."""
    protected: bool | None = None
    """Whether the admission policies are installed; None: not known."""
    in_flight: int = 0
    """The number of selected workloads that were written, and are not yet well for long enough."""
    between: int = 0
    """Of those in flight: the workloads that wait for their next pass."""
    halted: bool = False
    """Whether more workloads have failed than the rule bears."""
    paused: str = ""
    """Why nothing is written: the rule is paused, or the brake is on; empty if it may be."""


def missing_target(rule: Rule, workloads: Iterable[WorkloadKey]) -> str:
    """Return that the workload of a rule's targetRef doesn't exist, with the nearest name; empty if it does.

    Parameters
    ----------
    rule
        The rule.
    workloads
        All workloads.
    """
    target = rule.spec.target_ref
    if target is None:
        return ""
    reach = (key for key in workloads if rule.namespace in ("", key.namespace))
    names = {key.name for key in reach if key.kind == target.kind}
    if target.name in names:
        return ""
    near = get_close_matches(target.name, names, n=1)
    question = f"; did you mean {near[0]}?" if near else ""
    where = f" in the namespace {rule.namespace}" if rule.namespace else ""
    return f"targetRef: there is no {target.kind} {target.name}{where}{question}"


def rule_status(facts: Facts) -> RuleStatus:
    """Return a rule's status. The times of its conditions are filled in by `settle`."""
    counts = _counts(facts.outcomes.values())
    conditions = [_ready(facts, counts), _degraded(facts), _conflicting(facts), *_verified(facts), *_shared(facts)]
    if facts.protected is not None:
        conditions.append(_protected(protected=facts.protected))
    rollout = _rollout(facts)
    if facts.mode is Mode.ENFORCE and not facts.complaint:
        conditions.append(_rolled_out(facts, counts, rollout))
    return RuleStatus(
        observed_generation=facts.generation,
        conditions=tuple(_finished(condition, facts.generation) for condition in conditions),
        workloads=counts,
        rollout=rollout,
    )


def _counts(outcomes: Iterable[Outcome | None]) -> WorkloadCounts:
    found = list(outcomes)
    held = sum(outcome is not None and outcome.problem in _LEFT_ALONE for outcome in found)
    states = [outcome.state for outcome in found if outcome is not None and outcome.problem not in _LEFT_ALONE]
    coverages = Counter(Coverage.UNKNOWN if outcome is None else outcome.coverage for outcome in found)
    return WorkloadCounts(
        selected=len(found),
        managed=states.count(State.APPLIED) + states.count(State.PARTIAL),
        pending=held + found.count(None) + sum(state in _PENDING for state in states),
        kept_by_owner=sum(state in _KEPT for state in states),
        failed=sum(outcome is not None and _has_failed(outcome) for outcome in found),
        covered=coverages[Coverage.COVERED],
        without_probes=coverages[Coverage.WITHOUT_PROBES],
        unknown=coverages[Coverage.UNKNOWN],
        would_restart=sum(outcome is not None and outcome.would_restart for outcome in found),
    )


def _has_failed(outcome: Outcome) -> bool:
    """Return whether a workload has a problem that waiting doesn't solve: then its rule is not Ready."""
    if outcome.problem in _LEFT_ALONE:
        return False
    if outcome.problem is Reason.PODS_FAILING:  # it has a reason of its own, and an example
        return outcome.state in _FAILED
    return outcome.problem is not None or outcome.state in _FAILED


def _ready(facts: Facts, counts: WorkloadCounts) -> Condition:
    lacking = _lacking(facts)

    def condition(status: ConditionStatus, reason: Reason, message: str) -> Condition:
        return Condition(type=ConditionType.READY, status=status, reason=reason, message=message + lacking)

    if facts.complaint:
        return condition(ConditionStatus.FALSE, Reason.INVALID_SPEC, facts.complaint)
    if not counts.selected:
        nothing = "no workload matches; check selector, labels and namespace"
        return condition(ConditionStatus.FALSE, Reason.NOTHING_SELECTED, facts.missing or nothing)
    if (held := _held(facts)) is not None and counts.pending:
        return condition(ConditionStatus.FALSE, *held)
    if counts.failed:
        return condition(ConditionStatus.FALSE, Reason.SOME_FAILED, _tally(counts))
    if example := _failing(facts):
        return condition(ConditionStatus.FALSE, Reason.PODS_FAILING, f"{_tally(counts)}; {example}")
    if counts.pending:
        return condition(ConditionStatus.FALSE, Reason.IN_PROGRESS, _tally(counts))
    if facts.mode is Mode.AUDIT:
        return condition(ConditionStatus.TRUE, Reason.PREVIEWED, _previewed(counts))
    return condition(ConditionStatus.TRUE, Reason.ALL_MANAGED, _tally(counts))


def _lacking(facts: Facts) -> str:
    """Return what to add to a message if no selected workload has a container that the rule lists; else nothing."""
    known = [outcome for outcome in facts.outcomes.values() if outcome is not None]
    if not known or len(known) < len(facts.outcomes):
        return ""
    everywhere = set.intersection(*(set(outcome.lacks) for outcome in known))
    names = sorted(name for rule, name in everywhere if rule == facts.rule)
    listed = ", ".join(f"'{name}'" for name in names[:NAMED])
    return f"; spec.containers: no selected workload has {listed}" if names else ""


def _failing(facts: Facts) -> str:
    """Return the first workload whose pods fail a probe of ours, with the example; empty if there is none."""
    failing = (key for key, outcome in facts.outcomes.items() if outcome and outcome.problem is Reason.PODS_FAILING)
    key = min(failing, default=None)
    outcome = facts.outcomes[key] if key is not None else None
    return f"{key}: {outcome.message}" if outcome is not None else ""


def _held(facts: Facts) -> tuple[Reason, str] | None:
    """Return why the whole rollout stands still, or None if it doesn't."""
    if facts.paused:
        return Reason.PAUSED, facts.paused
    if facts.halted:
        return (
            Reason.HALTED,
            "too many workloads failed by its probes (rollout.maxFailures): nothing more is written",
        )
    return None


def _rollout(facts: Facts) -> RolloutStatus:
    states = Counter(outcome.state for outcome in facts.outcomes.values() if outcome is not None)
    waiting, rolled_back = states[State.WAITING], states[State.ROLLED_BACK]
    written = states[State.APPLIED] + states[State.PARTIAL]
    if facts.mode is not Mode.ENFORCE or facts.complaint:
        return RolloutStatus()
    held = _held(facts)
    examples = (
        outcome.waits for outcome in facts.outcomes.values() if outcome is not None and outcome.state is State.WAITING
    )
    return RolloutStatus(
        planned=waiting + written + rolled_back,
        waiting=waiting - facts.between,
        in_flight=facts.in_flight,
        done=max(0, written + facts.between - facts.in_flight),
        rolled_back=rolled_back,
        halted=facts.halted,
        message=held[1] if held is not None else min(examples, default=""),
    )


def _rolled_out(facts: Facts, counts: WorkloadCounts, rollout: RolloutStatus) -> Condition:
    held = _held(facts)
    unknown = any(outcome is None for outcome in facts.outcomes.values())
    left = rollout.waiting + rollout.in_flight
    status = ConditionStatus.FALSE
    if held is not None and (rollout.waiting or facts.halted):
        reason, message = held
    elif left or unknown or not counts.selected:
        reason = Reason.IN_PROGRESS if counts.selected else Reason.NOTHING_SELECTED
        message = f"{rollout.done} of {rollout.planned} done, {rollout.in_flight} in flight, {rollout.waiting} waiting"
    else:
        status, reason, message = ConditionStatus.TRUE, Reason.ROLLED_OUT, f"{rollout.done} workloads changed and well"
    return Condition(type=ConditionType.ROLLED_OUT, status=status, reason=reason, message=message)


def _degraded(facts: Facts) -> Condition:
    if facts.complaint:
        return Condition(
            type=ConditionType.DEGRADED,
            status=ConditionStatus.TRUE,
            reason=Reason.INVALID_SPEC,
            message=f"{facts.complaint}. Until it is put right, every workload within its reach is left as it is",
        )
    troubled = {key: outcome for key, outcome in facts.outcomes.items() if outcome and outcome.problem}
    if not troubled:
        return Condition(
            type=ConditionType.DEGRADED,
            status=ConditionStatus.FALSE,
            reason=Reason.NO_PROBLEMS,
            message="no problem is known",
        )
    worst = min((outcome.problem for outcome in troubled.values() if outcome.problem), key=_WORST.index)
    shown = sorted(key for key, outcome in troubled.items() if outcome.problem is worst)
    named = [f"{key}: {troubled[key].message}" for key in shown[:NAMED]]
    more = [f"and {len(troubled) - len(named)} more"] if len(troubled) > len(named) else []
    return Condition(
        type=ConditionType.DEGRADED, status=ConditionStatus.TRUE, reason=worst, message="; ".join([*named, *more])
    )


_WORST: Sequence[Reason] = (
    Reason.ACCESS_DENIED,
    Reason.WRITES_REJECTED,
    Reason.OTHER_OPERATOR,
    Reason.RULE_UNREADABLE,
    Reason.PROBES_ROLLED_BACK,
    Reason.PODS_FAILING,
    Reason.PROBES_REFUTED,
    Reason.PLAN_INCOMPLETE,
    Reason.DEPENDENCY_CYCLE,
)
"""The reasons of Degraded, the most urgent first."""


def _conflicting(facts: Facts) -> Condition:
    lost = sorted(
        {
            f"{conflict.field} is set by {conflict.winner}"
            for outcome in facts.outcomes.values()
            if outcome is not None
            for conflict in outcome.conflicts
            if conflict.loser == facts.rule
        }
    )
    if not lost:
        return Condition(
            type=ConditionType.CONFLICTING,
            status=ConditionStatus.FALSE,
            reason=Reason.NO_CONFLICTS,
            message="no other rule of this rank sets the same fields",
        )
    return Condition(
        type=ConditionType.CONFLICTING, status=ConditionStatus.TRUE, reason=Reason.OVERRIDDEN, message="; ".join(lost)
    )


_VERIFIED = {
    VerificationState.REFUTED: (ConditionStatus.FALSE, Reason.REFUTED),
    VerificationState.AWAITING_PODS: (ConditionStatus.UNKNOWN, Reason.AWAITING_PODS),
    VerificationState.UNVERIFIED: (ConditionStatus.UNKNOWN, Reason.UNVERIFIED),
    VerificationState.VERIFIED: (ConditionStatus.TRUE, Reason.VERIFIED),
}
"""The condition Verified that the worst verification state of a rule's workloads leads to."""


def _verified(facts: Facts) -> Iterator[Condition]:
    """Yield the condition Verified: the number of workloads in each verification state, and an example of the worst."""
    verified = {key: outcome for key, outcome in facts.outcomes.items() if outcome and outcome.verification}
    if not verified:
        return
    counts = Counter(outcome.verification for outcome in verified.values())
    worst = next(one for one in WORST if counts[one])
    status, reason = _VERIFIED[worst]
    listed = ", ".join(f"{counts[one]} {one}" for one in reversed(WORST) if counts[one])
    tally = f"{len(verified)} workloads with planned probes: {listed}"
    examples = (f"{key}: {verified[key].proof}" for key in sorted(verified) if verified[key].verification is worst)
    example = next((example for example in examples if not example.endswith(": ")), "")
    message = f"{tally}; {example}" if example else tally
    yield Condition(type=ConditionType.VERIFIED, status=status, reason=reason, message=message)


def _shared(facts: Facts) -> Iterator[Condition]:
    """Yield the condition SharedDependency, naming the Services that many workloads of a rule require."""
    count = Counter(service for outcome in facts.outcomes.values() if outcome for service in outcome.requires)
    found = sorted(shared(count, facts.workloads).items(), key=lambda item: (-item[1], item[0]))
    if not found:
        return
    named = [f"{number} of {facts.workloads} workloads require {service}" for service, number in found[:NAMED]]
    more = [f"and {len(found) - NAMED} more Services like it"] if len(found) > NAMED else []
    message = f"{'; '.join([*named, *more])}; they leave rotation together when it fails"
    yield Condition(
        type=ConditionType.SHARED_DEPENDENCY,
        status=ConditionStatus.TRUE,
        reason=Reason.REQUIRED_BY_MANY,
        message=message,
    )


def _protected(*, protected: bool) -> Condition:
    if protected:
        return Condition(
            type=ConditionType.PROTECTED,
            status=ConditionStatus.TRUE,
            reason=Reason.POLICY_INSTALLED,
            message="the admission policies are installed",
        )
    return Condition(
        type=ConditionType.PROTECTED,
        status=ConditionStatus.FALSE,
        reason=Reason.POLICY_MISSING,
        message="an apply over what we wrote may be refused: kubectl apply -k deploy/operator/admission",
    )


def _previewed(counts: WorkloadCounts) -> str:
    parts = {
        "would restart with new probes": counts.would_restart,
        "have no probe and would get none": counts.without_probes,
    }
    told = [f"{number} {what}" for what, number in parts.items() if number]
    return f"{counts.selected} selected: {', '.join(told) or 'nothing to write'} (mode Audit: nothing is written)"


def _tally(counts: WorkloadCounts) -> str:
    parts = {
        "managed": counts.managed,
        "pending": counts.pending,
        "kept by their owner": counts.kept_by_owner,
        "failed": counts.failed,
        "without any probe": counts.without_probes,
    }
    told = [f"{number} {what}" for what, number in parts.items() if number]
    return f"{counts.selected} selected: {', '.join(told) or 'nothing to write'}"


def _finished(condition: Condition, generation: int) -> Condition:
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message[:MAX_MESSAGE],
        observed_generation=generation,
    )
