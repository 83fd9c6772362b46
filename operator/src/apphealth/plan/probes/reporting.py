"""The findings about verification: probes that pods refuted, that wait for pods, or that are written untried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from apphealth.api.healthplan import VerificationState
from apphealth.model.probe import Grpc, HttpGet, ProbeKind
from apphealth.model.proof import Verdict
from apphealth.model.survey import Survey
from apphealth.plan.findings import (
    AWAITING_PODS,
    ENDPOINT_NOT_FOUND,
    NEEDS_PROOF,
    NO_ENDPOINT_FOUND,
    PODS_ON_HOST_NETWORK,
    PODS_UNREACHABLE,
    PROBE_REFUTED,
    PROBE_REFUTED_DERIVED,
    PROBE_UNVERIFIED,
    READINESS_BROAD,
    Finding,
    Severity,
)
from apphealth.plan.probes.choice import Choice, all_answers
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.presets.common import is_broad
from apphealth.plan.probes.suggestions import Origin
from apphealth.plan.probes.verification import Answered, ProbeEvaluation

MAX_ANSWERS = 4
"""Most answers that one finding quotes."""

Evaluations = Mapping[ProbeKind, ProbeEvaluation]


def quote(refuted: Sequence[Answered]) -> str:
    """Return the pods' answers as a text: `GET http :8080/readyz: 404 from web-1`."""
    shown = list(dict.fromkeys(f"{question}: {proof.answer or 'no'}" for question, proof in refuted))
    more = f" (and {len(shown) - MAX_ANSWERS} more)" if len(shown) > MAX_ANSWERS else ""
    return "; ".join(shown[:MAX_ANSWERS]) + more


def verification_findings(choice: Choice, probes: Evaluations, facts: ContainerFacts) -> Iterator[Finding]:
    """Yield the findings about the verification of one container.

    Parameters
    ----------
    choice
        The chosen candidate, and those that were passed over.
    probes
        The evaluation of each planned probe.
    facts
        The container.
    """
    candidate, name = choice.evaluation.candidate, facts.container.name
    by_users = {kind: one for kind, one in probes.items() if kind not in candidate.derived}
    derived = {kind: one for kind, one in probes.items() if kind in candidate.derived}
    refuted = _in_state(by_users, VerificationState.REFUTED)
    if any(by_users[kind].refuted for kind in refuted):
        yield PROBE_REFUTED(kinds=_list(refuted), answers=_answers(by_users, refuted), container=name)
    if lost := _in_state(derived, VerificationState.REFUTED):
        common = candidate.suggestion.origin is Origin.COMMON
        yield PROBE_REFUTED_DERIVED(
            kinds=_list(lost),
            answers=_answers(derived, lost),
            container=name,
            severity=Severity.INFO if common else None,
        )
    waiting = _in_state(derived, VerificationState.AWAITING_PODS)
    if not waiting and not _speaks(derived.values()):
        yield from _nothing_found(choice, name)
    yield from _broad(derived, choice, name)
    unasked = [kind for kind in waiting if derived[kind].question is None]
    if out_of_reach := [proof for one in probes.values() if (proof := one.unreachable) is not None]:
        yield PODS_UNREACHABLE(answer=out_of_reach[0].answer or "no answer", container=name)
    elif unasked:
        yield _waits(choice, unasked, facts)
    untried = [kind for kind in _in_state(by_users, VerificationState.UNVERIFIED) if by_users[kind].unreachable is None]
    if untried and facts.pods.may_ask:
        yield PROBE_UNVERIFIED(kinds=_list(untried), container=name)


def _nothing_found(choice: Choice, name: str) -> Iterator[Finding]:
    if refuted_evidence(choice):
        refuted = [answer for passed in choice.passed_over for answer in passed.refuted]
        yield NO_ENDPOINT_FOUND(answers=quote(refuted), container=name)
    elif answers := survey_answers(choice):
        yield ENDPOINT_NOT_FOUND(answers=answers, container=name)


def survey_answers(choice: Choice) -> str:
    """Return what a survey of the container came to; empty if there was none that pods answered."""
    surveys = (answer for answer in all_answers(choice) if isinstance(answer.question.handler, Survey))
    return next((answer.proof.answer for answer in surveys if answer.proof.verdict is not Verdict.UNREACHABLE), "")


def _broad(probes: Evaluations, choice: Choice, name: str) -> Iterator[Finding]:
    """Yield the finding about a readiness probe at an endpoint that may check other services, too."""
    readiness = probes.get(ProbeKind.READINESS)
    if readiness is None or readiness.handler is None or choice.evaluation.candidate.suggestion.survey is None:
        return
    handler = readiness.handler.handler
    if isinstance(handler, HttpGet) and is_broad(handler.path, choice.evaluation.facts.prefix):
        yield READINESS_BROAD(path=handler.path, container=name)


def refuted_evidence(choice: Choice) -> bool:
    """Return whether pods refuted a candidate that evidence suggested."""
    return any(
        passed.refuted and passed.evaluation.candidate.suggestion.origin is Origin.EVIDENCE
        for passed in choice.passed_over
    )


def _waits(choice: Choice, kinds: Sequence[ProbeKind], facts: ContainerFacts) -> Finding:
    suggestion = choice.evaluation.candidate.suggestion
    source = suggestion.source
    if facts.pods.files:
        return NEEDS_PROOF(kinds=_list(kinds), candidate=source, container=facts.container.name)
    kind = PODS_ON_HOST_NETWORK if facts.pods.on_host else AWAITING_PODS
    shown = "endpoints that pods may serve" if suggestion.origin is Origin.COMMON else source
    return kind(kinds=_list(kinds), candidate=shown, container=facts.container.name)


def _in_state(probes: Evaluations, state: VerificationState) -> list[ProbeKind]:
    return [kind for kind, one in probes.items() if one.state is state]


def _speaks(probes: Iterable[ProbeEvaluation]) -> bool:
    """Return whether a probe asks the application, and doesn't only open a port."""
    return any(one.handler is not None and isinstance(one.handler.handler, HttpGet | Grpc) for one in probes)


def _answers(probes: Evaluations, kinds: Iterable[ProbeKind]) -> str:
    return quote([answer for kind in kinds for answer in probes[kind].refuted])


def _list(kinds: Iterable[ProbeKind]) -> str:
    return ", ".join(kinds)
