"""Verification: what running pods have answered about a candidate.

    expand (`candidates`) -> evaluate (here) -> choose (`choice`)

`evaluate` turns a candidate and the answers of pods into an `Evaluation`: one `ProbeEvaluation` for each probe, by the
first of `PROBE_RULES` that applies. All of it is values: what is still to be asked, and what was answered, come out.

=================  ============================  ============================
 the pods           what users said               what was derived
=================  ============================  ============================
 answered well      written, Verified             written, Verified
 answered badly     not written, Refuted          the next handler or candidate
 out of reach       written, Unverified           waits, AwaitingPods
 none is ready      written, Unverified           waits, AwaitingPods
 not asked yet      waits for the answer          waits for the answer
=================  ============================  ============================

A probe of ours that is on the workload as planned is never asked about again, and a candidate whose probes are all
there stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from apphealth.api.healthplan import VerificationState
from apphealth.model.probe import Exec, ProbeKind, TcpSocket
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.plan.probes.candidates import Candidate, complete, question_of
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.handlers import PlannedHandler
from apphealth.plan.probes.suggestions import Origin


class Answered(NamedTuple):
    """A question, and what pods answered."""

    question: Question
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeEvaluation:
    """What came of one probe of a candidate.

    Attributes
    ----------
    state
        None where nothing of ours is planned.
    handler
        None where that is open, or where pods refuted every handler.
    proof
        What pods answered about this very probe.
    refuted
        The handlers that pods refuted.
    question
        What has to be asked next.
    unreachable
        The answer where no pod could be reached.
    """

    state: VerificationState | None = None
    handler: PlannedHandler | None = None
    proof: Proof | None = None
    refuted: tuple[Answered, ...] = ()
    question: Question | None = None
    unreachable: Proof | None = None

    @property
    def waits(self) -> bool:
        """It can't be written before pods have answered."""
        return self.state is VerificationState.AWAITING_PODS


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came of a candidate.

    Attributes
    ----------
    probes
        By kind; a kind is absent where the candidate says nothing of it.
    written
        The probes that it suggests are on the workload as planned, ours.
    answers
        The answers that it was judged by.
    """

    candidate: Candidate
    facts: ContainerFacts
    probes: Mapping[ProbeKind, ProbeEvaluation] = field(default_factory=dict)
    written: bool = False
    answers: tuple[Answered, ...] = ()

    @property
    def suggested(self) -> list[ProbeEvaluation]:
        """The probes that the candidate suggests, no user, and that may be written."""
        kinds = self.candidate.derived & self.facts.writable
        return [probe for kind, probe in self.probes.items() if kind in kinds]

    @property
    def waits(self) -> bool:
        """Pods have yet to answer about what it suggests."""
        return any(probe.waits for probe in self.suggested)

    @property
    def proven(self) -> bool:
        """Pods have shown it: by more than an open port, unless that is all that it asks for."""
        if not self.suggested:
            return self.candidate.suggestion.origin is not Origin.COMMON
        handlers = [probe.handler.handler for probe in self.suggested if probe.handler is not None]
        speaks = not all(isinstance(handler, TcpSocket) for handler in handlers)
        return bool(handlers) and (self.candidate.opens_ports_only or speaks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A candidate with everything that its evaluation looks at.

    Attributes
    ----------
    questions
        What proves each handler, in the order of `Candidate.handlers`: None for a command, and no questions at all
        where pods can't be asked and never were.
    as_written
        The probes of ours that are on the workload just as the candidate would have them.
    written
        Everything that the candidate suggests is on the workload, or pods refute it.
    """

    candidate: Candidate
    facts: ContainerFacts
    questions: Mapping[ProbeKind, tuple[Question | None, ...]]
    as_written: Mapping[ProbeKind, PlannedHandler] = field(default_factory=dict)
    written: bool = False

    def answer_about(self, kind: ProbeKind, planned: PlannedHandler) -> Proof | None:
        """Return what pods have answered to the question that proves a handler."""
        question = self.question_about(kind, planned)
        return self.facts.answers.get(question.id) if question is not None else None

    def question_about(self, kind: ProbeKind, planned: PlannedHandler) -> Question | None:
        """Return the question that proves a handler."""
        asked = zip(self.candidate.handlers[kind], self.questions.get(kind, ()), strict=False)
        return next((question for way, question in asked if way is planned), None)

    def answers(self) -> Iterator[Answered]:
        """Yield every answer that pods have given about the candidate."""
        first = (self.candidate.suggestion.survey, self.candidate.index)
        for question in (*first, *(one for asked in self.questions.values() for one in asked)):
            if question is not None and (proof := self.facts.answers.get(question.id)) is not None:
                yield Answered(question, proof)


def _case_of(candidate: Candidate, facts: ContainerFacts) -> _Case:
    case = _Case(candidate=candidate, facts=facts, questions=_questions(candidate, facts))
    if not facts.ours or not candidate.applicable:
        return case
    as_written = _as_written(case)
    return replace(case, as_written=as_written, written=_is_written(case, as_written))


def _questions(candidate: Candidate, facts: ContainerFacts) -> dict[ProbeKind, tuple[Question | None, ...]]:
    if not facts.answers and not (facts.pods.may_ask and facts.pods.ready):
        return {}
    return {
        kind: tuple(None if isinstance(way.handler, Exec) else question_of(kind, way, facts) for way in ways)
        for kind, ways in candidate.handlers.items()
    }


def _as_written(case: _Case) -> dict[ProbeKind, PlannedHandler]:
    handlers, ours = case.candidate.handlers, case.facts.ours
    there = {
        kind: planned
        for kind, ways in handlers.items()
        if kind in ours
        for planned in reversed(ways)
        if planned.handler == ours[kind].handler
    }
    if not there:
        return there
    lost = _refuted_kinds(case)
    picked = {k: there.get(k) or usual(ways) for k, ways in handlers.items() if k in there or k not in lost}
    proofs = {kind: case.answer_about(kind, planned) for kind, planned in picked.items()}
    probes = complete(picked, case.candidate, case.facts, proofs)
    return {kind: planned for kind, planned in there.items() if probes[kind].probe == ours[kind]}


def _is_written(case: _Case, as_written: Mapping[ProbeKind, PlannedHandler]) -> bool:
    candidate, facts = case.candidate, case.facts
    if not candidate.suggestion.derived or not facts.ours.keys() & facts.writable <= candidate.handlers.keys():
        return False
    suggested = candidate.derived & facts.writable & candidate.handlers.keys()
    there = suggested & as_written.keys()
    if not there or not suggested - there <= _refuted_kinds(case):
        return False
    speaks = not all(isinstance(as_written[kind].handler, TcpSocket) for kind in there)
    return candidate.opens_ports_only or speaks


def _refuted_kinds(case: _Case) -> set[ProbeKind]:
    """Return the probes of which pods have refuted every handler."""
    return {
        kind
        for kind, ways in case.candidate.handlers.items()
        if all(_verdict(case.answer_about(kind, planned)) is Verdict.REFUTED for planned in ways)
    }


def _verdict(proof: Proof | None) -> Verdict | None:
    return proof.verdict if proof is not None else None


def usual(ways: Sequence[PlannedHandler]) -> PlannedHandler:
    """Return the handler to use where nothing is proven."""
    return next((planned for planned in ways if not planned.only_proven), ways[0])


def evaluate(candidate: Candidate, facts: ContainerFacts) -> Evaluation:
    """Evaluate a candidate by what pods have answered.

    Parameters
    ----------
    candidate
        Complete: see `candidates.expand`.
    facts
        The container, and the answers.
    """
    case = _case_of(candidate, facts)
    probes: dict[ProbeKind, ProbeEvaluation] = {}
    if candidate.applicable:
        kinds = candidate.derived | candidate.handlers.keys() if candidate.suggestion.open else candidate.handlers
        for kind in kinds:
            found = next((one for rule in PROBE_RULES if (one := rule(kind, case)) is not None), None)
            if found is not None and found is not _NOT_PLANNED:
                probes[kind] = found
    return Evaluation(
        candidate=candidate, facts=facts, probes=probes, written=case.written, answers=tuple(case.answers())
    )


_NOT_PLANNED = ProbeEvaluation()


def _kept_by_owner(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Plan without asking what we may not write: it is shown beside the probe that stays."""
    if kind in case.facts.writable:
        return None
    if case.candidate.suggestion.origin is Origin.COMMON:
        return _NOT_PLANNED
    return ProbeEvaluation(handler=usual(case.candidate.handlers[kind]))


def _survey_first(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Survey the container before anything is known of its endpoints."""
    suggestion = case.candidate.suggestion
    if not suggestion.open or kind not in case.candidate.derived or suggestion.survey is None:
        return None
    answer = case.facts.answers.get(suggestion.survey.id)
    if answer is not None:
        return ProbeEvaluation(state=VerificationState.AWAITING_PODS, unreachable=answer)
    question = suggestion.survey if case.facts.pods.ready else None
    return ProbeEvaluation(state=VerificationState.AWAITING_PODS, question=question)


def _as_it_is(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Leave a probe of ours that is there as planned: it is not asked about again."""
    planned = case.as_written.get(kind)
    if planned is None or not (case.written or kind not in case.candidate.derived):
        return None
    match case.answer_about(kind, planned):
        case Proof(verdict=Verdict.VERIFIED) as proof:
            return ProbeEvaluation(handler=planned, state=VerificationState.VERIFIED, proof=proof)
        case Proof(verdict=Verdict.UNREACHABLE) as proof:
            return ProbeEvaluation(handler=planned, state=VerificationState.UNVERIFIED, unreachable=proof)
    return ProbeEvaluation(handler=planned, state=VerificationState.UNVERIFIED)


def _never_asked(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Decide without pods: in manifests, or by `verification: Skip`."""
    pods = case.facts.pods
    if pods.may_ask:
        return None
    preset = case.candidate.suggestion.preset
    certain = pods.unproven and preset is not None and preset.certain
    if kind in case.candidate.derived and pods.required and not certain:
        return ProbeEvaluation(state=VerificationState.AWAITING_PODS)
    return ProbeEvaluation(handler=usual(case.candidate.handlers[kind]), state=VerificationState.UNVERIFIED)


def _index_first(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Ask the library's index before the endpoints that it may name."""
    index = case.candidate.index
    by_preset = case.candidate.handlers[kind][0].endpoint is not None
    if index is None or not by_preset or not case.facts.pods.ready or index.id in case.facts.answers:
        return None
    return ProbeEvaluation(state=VerificationState.AWAITING_PODS, question=index)


def _as_pods_answer(kind: ProbeKind, case: _Case) -> ProbeEvaluation:
    """Go through the handlers until pods verify one, or have to be asked about one."""
    refuted: list[Answered] = []
    ways = case.candidate.handlers[kind]
    for planned in ways:
        if isinstance(planned.handler, Exec):
            return ProbeEvaluation(handler=planned, state=VerificationState.UNVERIFIED)
        question = case.question_about(kind, planned)
        if question is None:
            return _unproven(kind, case, ways)
        match case.facts.answers.get(question.id):
            case None if case.facts.pods.ready:
                return ProbeEvaluation(state=VerificationState.AWAITING_PODS, question=question)
            case Proof(verdict=Verdict.VERIFIED) as proof:
                return ProbeEvaluation(
                    handler=planned, state=VerificationState.VERIFIED, proof=proof, refuted=tuple(refuted)
                )
            case Proof(verdict=Verdict.REFUTED) as proof:
                refuted.append(Answered(question, proof))
            case proof:
                return _unproven(kind, case, ways[len(refuted) :], proof)
    return ProbeEvaluation(state=VerificationState.REFUTED, refuted=tuple(refuted), proof=refuted[-1].proof)


def _unproven(
    kind: ProbeKind, case: _Case, ways: Sequence[PlannedHandler], unreachable: Proof | None = None
) -> ProbeEvaluation:
    """Decide where no pod can be asked: what users say is written, what was derived waits."""
    if kind in case.candidate.derived:
        return ProbeEvaluation(state=VerificationState.AWAITING_PODS, unreachable=unreachable)
    return ProbeEvaluation(handler=usual(ways), state=VerificationState.UNVERIFIED, unreachable=unreachable)


PROBE_RULES: tuple[Callable[[ProbeKind, _Case], ProbeEvaluation | None], ...] = (
    _kept_by_owner,
    _survey_first,
    _as_it_is,
    _never_asked,
    _index_first,
    _as_pods_answer,
)
"""The first that applies evaluates a probe."""
