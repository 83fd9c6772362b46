"""Sum up a plan: its state, and a sentence about it."""

from __future__ import annotations

from collections.abc import Collection

from apphealth.api.healthplan import State, VerificationState
from apphealth.api.spec import Mode
from apphealth.model.withheld import WithheldReason
from apphealth.plan.findings import Severity
from apphealth.plan.result import Action, ProbesPlan

_WITHHELD = {
    WithheldReason.ROLLED_BACK: (State.ROLLED_BACK, "took back, because of the harm done:"),
    WithheldReason.CONTESTED: (State.CONTESTED, "left out, because another manager keeps taking it out:"),
    WithheldReason.REFUTED: (State.REFUTED, "took out, because the new pods answer otherwise:"),
}
"""The state of a plan that withholds a probe, and its verb; the most urgent reason first."""


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
    later: list[str] = []
    for container in planned.containers:
        for probe in container.probes:
            found = later if probe.later else by_action[probe.action]
            found.append(f"{probe.kind} of {container.name}")
    parts = {
        Action.APPLY: "adds" if mode is Mode.ENFORCE else "would add",
        Action.KEEP: "keeps its owner's",
        Action.CONTESTED: "left to its owner, who took it back:",
    }
    withheld = _withheld(planned)
    told = [f"{_WITHHELD[reason][1]} {', '.join(names)}" for reason, names in withheld.items()]
    told += [f"{verb} {', '.join(by_action[action])}" for action, verb in parts.items() if by_action[action]]
    told += [f"in a later pass {', '.join(later)}"] if later else []
    message = "; ".join(told)
    states = {probe.verification for container in planned.containers for probe in container.probes}
    message = message or _why_nothing(planned, states)
    if mode is Mode.AUDIT:
        return State.PREVIEW, message
    for reason in withheld:
        return _WITHHELD[reason][0], message
    for applies, state in (
        (by_action[Action.CONTESTED], State.CONTESTED),
        (by_action[Action.APPLY] and not planned.questions and _lacks(planned, states), State.PARTIAL),
        (by_action[Action.APPLY] and not planned.questions, State.APPLIED),
        (VerificationState.REFUTED in states, State.REFUTED),
        (VerificationState.AWAITING_PODS in states, State.AWAITING_PODS),
        (by_action[Action.APPLY], State.APPLIED),
        (by_action[Action.KEEP], State.KEPT),
    ):
        if applies:
            return state, message
    return State.SKIPPED, message


def _lacks(planned: ProbesPlan, states: Collection[VerificationState | None]) -> bool:
    """Return whether some planned probes can't be written, because pods failed them or because of an error."""
    return VerificationState.REFUTED in states or any(
        finding.severity is Severity.ERROR for finding in planned.findings
    )


def _withheld(planned: ProbesPlan) -> dict[WithheldReason, list[str]]:
    """Return the withheld probes by reason, the most urgent reason first."""
    found: dict[WithheldReason, list[str]] = {reason: [] for reason in _WITHHELD}
    for container in planned.containers:
        for probe in container.probes:
            if probe.withheld is not None:
                found[probe.withheld.reason].append(f"{probe.kind} of {container.name}")
    return {reason: names for reason, names in found.items() if names}


def _why_nothing(planned: ProbesPlan, states: Collection[VerificationState | None]) -> str:
    if VerificationState.AWAITING_PODS in states and VerificationState.REFUTED not in states:
        return "nothing is written before running pods have answered"
    return "nothing to write: see the findings" if planned.findings else "nothing to write"
