"""The decisions about one container, and the plan that tells users of them, with the reason of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from apphealth.api.healthplan import VerificationState
from apphealth.model.probe import KINDS, Probe, ProbeKind
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import Container
from apphealth.plan.ownership.passes import Pass
from apphealth.plan.ownership.takeover import Decision, SetProbe
from apphealth.plan.ownership.withholding import Wanted
from apphealth.plan.probes.choice import REFUTED, Choice
from apphealth.plan.probes.desired import DesiredProbes
from apphealth.plan.probes.eligibility import NO_RULE, Skip
from apphealth.plan.probes.reporting import quote, survey_answers
from apphealth.plan.probes.verification import ProbeEvaluation
from apphealth.plan.result import Action, Considered, ContainerPlan, ProbePlan
from apphealth.plan.rules.settings import ContainerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDecisions:
    """The decisions about one container.

    Attributes
    ----------
    skip
        Why it gets no probes; None if it may get them.
    desired
        The probes that it should have, as far as pods have proven them.
    wanted
        For each kind of probe, `desired` with what is withheld taken into account.
    decisions
        What to do about each probe.
    ours
        The probes of ours that are there.
    harmful
        Probes of ours that are there, and withheld or without the port that they name.
    """

    container: Container
    settings: ContainerSettings
    skip: Skip | None
    desired: DesiredProbes
    wanted: Mapping[ProbeKind, Wanted]
    decisions: Mapping[ProbeKind, Decision]
    ours: frozenset[ProbeKind]
    harmful: frozenset[ProbeKind]


def container_plan(decided: ContainerDecisions, step: Pass, *, unproven: bool) -> ContainerPlan:
    """Return the plan of one container, as users read it.

    Parameters
    ----------
    decided
        The decisions about it.
    step
        What of them is written in the next pass.
    unproven
        Derived probes are written without proof (`Options.unproven`).
    """
    skip, desired = decided.skip, decided.desired
    choice, candidate = desired.choice, desired.candidate
    preset = candidate.suggestion.preset if candidate is not None else None
    derived = candidate.derived if candidate is not None and unproven else frozenset()
    reason, message = "", ""
    if skip is not None:
        reason, message = skip.reason, skip.text
    elif choice is not None:
        reason, message = choice.rule.name, choice.rule.text
    return ContainerPlan(
        name=decided.container.name,
        preset=preset.name if preset is not None else "",
        preset_source=candidate.suggestion.evidence if candidate is not None else "",
        skipped=skip is not None,
        reason=reason,
        message=message,
        # While it is not known what the container runs, what is delivered to it stays.
        runs_library=(
            (preset is not None and preset.runs_library) if desired.settled else decided.container.mounts_delivery
        ),
        probes=tuple(
            _with_pass(_probe_plan(kind, decided, unproven=kind in derived), (decided.container.name, kind), step)
            for kind in KINDS
        ),
        considered=tuple(_considered(choice)) if choice is not None else (),
    )


def _considered(choice: Choice) -> Iterator[Considered]:
    for passed in choice.passed_over:
        suggestion = passed.evaluation.candidate.suggestion
        if passed.rule is REFUTED and suggestion.preset is not None:
            yield Considered(suggestion.preset.name, suggestion.evidence, quote(passed.refuted))


def _with_pass(probe: ProbePlan, target: tuple[str, ProbeKind], step: Pass) -> ProbePlan:
    """Return the decision about a probe with what is said of one that is not written yet."""
    later = target in step.later and probe.action is Action.APPLY
    if not later and not isinstance(step.edits.get(target), SetProbe):
        return probe
    reason = f"{probe.reason}; it goes in a later pass (spec.rollout.stages)" if later else probe.reason
    return replace(probe, later=later, pending=True, reason=reason)


_NOT_EVALUATED = ProbeEvaluation()


def _probe_plan(kind: ProbeKind, decided: ContainerDecisions, *, unproven: bool) -> ProbePlan:
    decision, wanted = decided.decisions[kind], decided.wanted[kind]
    evaluation = decided.desired.evaluations.get(kind, _NOT_EVALUATED)
    if wanted.applies and wanted.entry is not None:
        return _withheld_plan(kind, decision, evaluation, wanted.probe, wanted.entry)
    planned = decided.desired.probes.get(kind)
    live = decided.container.probes.get(kind)
    # What can't be planned now is there already, and stays.
    stays = live.probe if live is not None and decision.action is Action.APPLY else None
    planned = planned if not wanted.after_harm else None
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=_AFTER_HARM if wanted.after_harm else _reason(kind, decided, evaluation.state),
        probe=planned.probe if planned else stays,
        provenance=planned.provenance if planned else (),
        verification=evaluation.state,
        proof=evaluation.proof,
        unproven=unproven,
    )


_WITHHELD = {
    WithheldReason.ROLLED_BACK: "taken back, because it did harm",
    WithheldReason.REFUTED: "taken out, because the new pods answer otherwise",
    WithheldReason.CONTESTED: "not written again, because another manager keeps taking it out",
}


_AFTER_HARM = "not written, because a probe of an earlier pass did harm (spec.rollout.stages)"


def _withheld_plan(
    kind: ProbeKind, decision: Decision, evaluation: ProbeEvaluation, instead: Probe | None, entry: Withheld
) -> ProbePlan:
    """Return the decision about a probe that is not written; `instead` is an earlier one of ours that comes back."""
    refuted = entry.reason is WithheldReason.REFUTED
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=f"{_WITHHELD[entry.reason]}: {entry.evidence}"
        + ("; the one before it is back" if instead is not None else ""),
        probe=instead,
        verification=VerificationState.REFUTED if refuted else evaluation.state,
        proof=evaluation.proof,
        withheld=entry,
    )


_NOT_WRITTEN = {
    VerificationState.AWAITING_PODS: "waits to be shown on a running pod",
    VerificationState.REFUTED: "not written: the running pods answered otherwise",
}
_UNCHANGED = {
    VerificationState.AWAITING_PODS: "stays as it was: what is wanted now waits to be shown on a running pod",
    VerificationState.REFUTED: "stays as it was: the running pods answered otherwise than what is wanted now",
}


def _reason(kind: ProbeKind, decided: ContainerDecisions, state: VerificationState | None) -> str:
    """Return the reason of a decision, with what users, or what pods, have to do with it."""
    decision = decided.decisions[kind]
    if state is None:
        why = _why_none(kind, decided) if decision.action is Action.NONE else ""
        return f"{decision.reason} ({why})" if why else decision.reason
    if decision.action is Action.NONE:
        return _NOT_WRITTEN.get(state, decision.reason)
    return _UNCHANGED.get(state, decision.reason) if decision.unchanged else decision.reason


def _why_none(kind: ProbeKind, decided: ContainerDecisions) -> str:
    """Return why no probe of a kind is wanted; empty where nobody decided that."""
    if decided.skip is not None:
        return decided.skip.text if decided.skip is not NO_RULE else ""
    settings = decided.settings.probes[kind]
    if settings.enabled is not None and not settings.wanted:
        return f"{settings.enabled.source} switches it off"
    choice = decided.desired.choice
    answers = survey_answers(choice) if choice is not None and kind is not ProbeKind.STARTUP else ""
    return f"no endpoint for it answered: {answers}" if answers else ""
