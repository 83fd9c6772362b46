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


def left_alone(workload: Workload, store: Store) -> LeftAlone | None:
    """Return why nothing may be written to a workload now, or None if its plan may be carried out.

    Parameters
    ----------
    workload
        The workload as it is now.
    store
        What is known of the cluster.

    Returns
    -------
    LeftAlone or None
        A rule that can't be parsed may select the workload: whatever the other rules say, this one may say otherwise.
    """
    unreadable = store.invalid_over(workload.namespace)
    if unreadable is None or opted_out(workload, store.world.namespace(workload.namespace)) is not None:
        return None
    message = f"left as it is until {unreadable} can be parsed again, because that rule may select it too"
    return LeftAlone(Reason.RULE_UNREADABLE, message)


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
