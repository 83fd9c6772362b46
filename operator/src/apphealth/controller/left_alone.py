"""Why nothing is written to a workload for now, whatever its plan says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apphealth.api.healthplan import State
from apphealth.api.status import Reason
from apphealth.model.workload import Workload
from apphealth.plan import Plan
from apphealth.plan.rules.selection import opted_out
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Why a workload is left as it is: a reason of the condition Degraded, and a sentence."""

    reason: Reason
    message: str


def left_alone(workload: Workload, decided: Plan, store: Store) -> LeftAlone | None:
    """Return why nothing may be written to a workload now, or None if its plan may be carried out.

    Parameters
    ----------
    workload
        The workload as it is now.
    decided
        Its plan.
    store
        What is known of the cluster.

    Returns
    -------
    LeftAlone or None
        Another operator manages the workload, or a rule that can't be parsed may select it: whatever the other rules
        say, this one may say otherwise.
    """
    if (other := _other_operator(workload, decided, store)) is not None:
        return LeftAlone(Reason.OTHER_OPERATOR, other)
    unreadable = store.invalid_over(workload.namespace)
    if unreadable is None or opted_out(workload, store.world.namespace(workload.namespace)) is not None:
        return None
    message = f"left as it is until {unreadable} can be parsed again, because that rule may select it too"
    return LeftAlone(Reason.RULE_UNREADABLE, message)


def _other_operator(workload: Workload, decided: Plan, store: Store) -> str | None:
    """Return the sentence about another operator that manages the workload, or None.

    An operator for one namespace reads no ClusterAppHealths, and may have no right to see the operator that does. It
    takes the HealthPlan's word, whether that operator runs at the moment or not.
    """
    if workload.namespace in store.elsewhere:
        return f"left to the operator that manages the namespace {workload.namespace} alone"
    if store.cluster_wide:
        return None
    record = store.records.health_plans.get(workload.key)
    if record is not None and record.cluster_ruled:
        return (
            "left to the operator of the whole cluster, because its HealthPlan names a ClusterAppHealth; "
            "if that operator is gone for good, delete the HealthPlan"
        )
    if record is None and workload.has_ours and not decided.rules:
        return "left as it is: it has probes of AppHealth's, and no HealthPlan that tells which operator wrote them"
    return None


def outcome_of(known: Outcome | None, decided: Plan, why: LeftAlone) -> Outcome | None:
    """Return the outcome of a workload that is left alone.

    Parameters
    ----------
    known
        Its last outcome, which tells what it carries; None if it was never reconciled.
    decided
        The plan that is not carried out.
    why
        The reason.

    Returns
    -------
    Outcome or None
        None if no rule that can be parsed selects it now or did before.
    """
    if known is not None:
        return replace(known, rules=decided.rules or known.rules, problem=why.reason, message=why.message)
    if not decided.rules:
        return None
    return Outcome(state=State.AWAITING_PODS, rules=decided.rules, problem=why.reason, message=why.message)
