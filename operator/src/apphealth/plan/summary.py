"""Sum up a plan: its state, and a sentence about it."""

from __future__ import annotations

from collections.abc import Collection

from apphealth.api.healthplan import State, VerificationState
from apphealth.api.spec import Mode
from apphealth.plan.result import Action, ProbesPlan


def state_of(planned: ProbesPlan, mode: Mode | None) -> tuple[State, str]:
    """Sum up the decisions about all probes.

    Parameters
    ----------
    planned
        The decisions.
    mode
        Enforce: the decisions are written. Audit: they are only shown. None: no rule selects the workload.

    Returns
    -------
    tuple[State, str]
        The state, and the sentence.
    """
    by_action: dict[Action, list[str]] = {action: [] for action in Action}
    for container in planned.containers:
        for probe in container.probes:
            by_action[probe.action].append(f"{probe.kind} of {container.name}")
    parts = {
        Action.APPLY: "adds" if mode is Mode.ENFORCE else "would add",
        Action.KEEP: "keeps its owner's",
        Action.CONTESTED: "left to its owner, who took it back:",
    }
    message = "; ".join(f"{verb} {', '.join(by_action[action])}" for action, verb in parts.items() if by_action[action])
    states = {probe.verification for container in planned.containers for probe in container.probes}
    message = message or _why_nothing(planned, states)
    if mode is Mode.AUDIT:
        return State.PREVIEW, message
    for applies, state in (
        (by_action[Action.CONTESTED], State.CONTESTED),
        (by_action[Action.APPLY] and not planned.questions, State.APPLIED),
        (VerificationState.REFUTED in states, State.REFUTED),
        (VerificationState.AWAITING_PODS in states, State.AWAITING_PODS),
        (by_action[Action.APPLY], State.APPLIED),
        (by_action[Action.KEEP], State.KEPT),
    ):
        if applies:
            return state, message
    return State.SKIPPED, message


def _why_nothing(planned: ProbesPlan, states: Collection[VerificationState | None]) -> str:
    if VerificationState.AWAITING_PODS in states and VerificationState.REFUTED not in states:
        return "nothing is written before running pods have answered"
    return "nothing to write: see the findings" if planned.findings else "nothing to write"
