"""What a plan comes to: its state, and a sentence about it."""

from __future__ import annotations

from collections.abc import Collection

from apphealth.api.healthplan import Standing, State
from apphealth.api.spec import Mode
from apphealth.plan.result import Action, ProbesPlan


def state_of(planned: ProbesPlan, mode: Mode | None) -> tuple[State, str]:
    """Sum up the decisions about all probes.

    Parameters
    ----------
    planned
        The decisions.
    mode
        Enforce where they are written; else it says what would be.

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
    standings = {probe.standing for container in planned.containers for probe in container.probes}
    message = message or _why_nothing(planned, standings)
    if mode is Mode.AUDIT:
        return State.PREVIEW, message
    for applies, state in (
        (by_action[Action.CONTESTED], State.CONTESTED),
        (by_action[Action.APPLY] and not planned.questions, State.APPLIED),
        (Standing.REFUTED in standings, State.REFUTED),
        (Standing.AWAITING_PODS in standings, State.AWAITING_PODS),
        (by_action[Action.APPLY], State.APPLIED),
        (by_action[Action.KEEP], State.KEPT),
    ):
        if applies:
            return state, message
    return State.SKIPPED, message


def _why_nothing(planned: ProbesPlan, standings: Collection[Standing | None]) -> str:
    if Standing.AWAITING_PODS in standings and Standing.REFUTED not in standings:
        return "nothing is written before running pods have answered"
    return "nothing to write: see the findings" if planned.findings else "nothing to write"
