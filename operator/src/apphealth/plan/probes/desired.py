"""The probes that one eligible container should have: expand, evaluate, choose, complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.api.healthplan import VerificationState
from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Question
from apphealth.plan.findings import (
    APPLICATION_UNKNOWN,
    LIVENESS_AGGRESSIVE,
    READINESS_ORDERED,
    TIMEOUT_EXCEEDS_PERIOD,
    Finding,
)
from apphealth.plan.probes.candidates import Candidate, PlannedProbe, complete, expand
from apphealth.plan.probes.choice import Choice, all_answers, choose
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.numbers import RESTART_FACTOR
from apphealth.plan.probes.reporting import refuted_evidence, verification_findings
from apphealth.plan.probes.suggestions import USERS_ALONE, Origin, suggest
from apphealth.plan.probes.verification import Answered, Evaluation, ProbeEvaluation, evaluate
from apphealth.plan.rules.annotations import Annotations


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredProbes:
    """The probes that one container should have, as far as pods have proven them.

    Attributes
    ----------
    unresolved
        Kinds that are wanted and can't be planned yet: what is on the workload stays.
    settled
        False where pods may yet show that another preset describes the container.
    """

    choice: Choice | None = None
    probes: Mapping[ProbeKind, PlannedProbe] = field(default_factory=dict)
    evaluations: Mapping[ProbeKind, ProbeEvaluation] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unresolved: frozenset[ProbeKind] = frozenset()
    settled: bool = True

    @property
    def candidate(self) -> Candidate | None:
        """The candidate that was taken."""
        return self.choice.evaluation.candidate if self.choice is not None else None

    @property
    def answers(self) -> Sequence[Answered]:
        """The answers that counted."""
        return list(all_answers(self.choice)) if self.choice is not None else ()

    @property
    def questions(self) -> Sequence[Question]:
        """What has to be asked next."""
        return [one.question for one in self.evaluations.values() if one.question is not None]


def desired_probes(facts: ContainerFacts, annotations: Annotations) -> DesiredProbes:
    """Work out the probes of an eligible container, as far as pods have proven them.

    Parameters
    ----------
    facts
        The container, and what pods have answered.
    annotations
        Those of the pod template: while one of them can't be used, nothing is planned.
    """
    wanted = frozenset(facts.settings.wanted_kinds)
    suggestions = suggest(facts)
    if isinstance(suggestions, Finding):
        return DesiredProbes(findings=(suggestions,), unresolved=wanted, settled=False)
    if annotations.findings:
        return DesiredProbes(unresolved=wanted, settled=False)
    evaluations: Iterable[Evaluation] = (evaluate(candidate, facts) for candidate in expand(facts, suggestions))
    written = None
    if facts.ours:
        evaluations = list(_until_written(evaluations))
        written = evaluations[-1] if evaluations[-1].written else None
    return _chosen(choose(evaluations, written), facts)


def _until_written(evaluations: Iterable[Evaluation]) -> Iterator[Evaluation]:
    """Yield evaluations up to the one whose probes are on the workload: those after it are never chosen."""
    for found in evaluations:
        yield found
        if found.written:
            return


def _chosen(choice: Choice, facts: ContainerFacts) -> DesiredProbes:
    """Complete the probes of the candidate that was taken."""
    candidate, probes = choice.evaluation.candidate, dict(choice.evaluation.probes)
    problems = dict(candidate.problems)
    if choice.passed_over and candidate.suggestion is USERS_ALONE:
        missing = facts.writable - probes.keys()
        if refuted_evidence(choice):
            probes |= dict.fromkeys(missing, ProbeEvaluation(state=VerificationState.REFUTED))
        problems |= {kind: problem for kind, problem in _problems(choice).items() if kind in missing}
    problems = {kind: problem for kind, problem in problems.items() if kind not in probes}
    picked = {kind: one.handler for kind, one in probes.items() if one.handler is not None}
    planned = complete(picked, candidate, facts, {kind: probes[kind].proof for kind in picked})
    findings = [
        *problems.values(),
        *check_numbers(planned, facts.container.name),
        *verification_findings(choice, probes, facts),
    ]
    if facts.ordered and ProbeKind.READINESS in facts.writable and not _readiness_is_specified(choice, facts):
        findings.append(READINESS_ORDERED(container=facts.container.name))
    asks = any(one.question is not None for one in probes.values())
    if facts.writable and not (planned or findings or asks):
        findings.append(APPLICATION_UNKNOWN(container=facts.container.name))
    return DesiredProbes(
        choice=choice,
        probes=planned,
        evaluations=probes,
        findings=tuple(dict.fromkeys(findings)),
        unresolved=frozenset((problems.keys() | probes.keys() | _left_as_they_are(choice, facts)) - picked.keys()),
        settled=not choice.evaluation.waits,
    )


def _left_as_they_are(choice: Choice, facts: ContainerFacts) -> frozenset[ProbeKind]:
    """Return the probes about which the candidate that was taken decides nothing, so that what is there stays."""
    suggestion = choice.evaluation.candidate.suggestion
    left: frozenset[ProbeKind] = frozenset()
    if suggestion.derived or suggestion is USERS_ALONE:
        # What its owner keeps is no business of a guess.
        left |= frozenset(facts.settings.wanted_kinds) - facts.writable
    if choice.evaluation.waits:
        left |= facts.writable
    elif suggestion is USERS_ALONE and any(passed.refuted for passed in choice.passed_over):
        left |= facts.writable - choice.evaluation.probes.keys()
    return left


def _readiness_is_specified(choice: Choice, facts: ContainerFacts) -> bool:
    """Return whether users name the preset, or describe the readiness probe."""
    suggestion = choice.evaluation.candidate.suggestion
    named = suggestion.preset is not None and not suggestion.derived
    return named or facts.settings.readiness.sets_endpoint


def _problems(choice: Choice) -> dict[ProbeKind, Finding]:
    """Return why candidates that the container shows signs of can't be planned."""
    found: dict[ProbeKind, Finding] = {}
    for passed in choice.passed_over:
        candidate = passed.evaluation.candidate
        if not candidate.applicable and candidate.suggestion.origin is Origin.EVIDENCE:
            found.update(candidate.problems)
    return found


def check_numbers(probes: Mapping[ProbeKind, PlannedProbe], container: str) -> Iterator[Finding]:
    """Yield the invariants that users' numbers break; the numbers are written all the same."""
    for kind, planned in probes.items():
        probe = planned.probe
        if probe.timeout > probe.period:
            yield TIMEOUT_EXCEEDS_PERIOD(kind=kind, timeout=probe.timeout, period=probe.period, container=container)
    liveness, readiness = probes.get(ProbeKind.LIVENESS), probes.get(ProbeKind.READINESS)
    if liveness is None or readiness is None:
        return
    last, first = liveness.probe.gives_up_after, readiness.probe.gives_up_after
    if last < RESTART_FACTOR * first:
        yield LIVENESS_AGGRESSIVE(liveness=last, readiness=first, factor=RESTART_FACTOR, container=container)
