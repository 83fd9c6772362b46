"""Verification: what running pods have answered about a candidate, and which candidate is chosen for it.

    expand -> evaluate -> choose

`evaluate` takes a candidate and the answers of pods to an `Evaluation`: one `ProbeEvaluation` for each probe, by the
first of `PROBE_RULES` that applies. `choose` goes through the evaluations, the best candidate first: the first of
`CHOICE_RULES` that applies to one decides whether it is taken, and gives the reason that users read.

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
there stays. All of this is values: what is still to be asked, and what was answered, come out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from apphealth.api.healthplan import VerificationState
from apphealth.model.probe import Exec, ProbeKind, TcpSocket
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.plan.probes.candidates import Candidate, complete, question_of
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.handlers import PlannedHandler
from apphealth.plan.probes.suggestions import Origin, Suggestion


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


class _Case:
    """One candidate with the answers about it; looks up each answer, and notes that it counted."""

    def __init__(self, candidate: Candidate, facts: ContainerFacts) -> None:
        self.candidate = candidate
        self.facts = facts
        self.counted: dict[str, Answered] = {}
        self._questions: dict[tuple[ProbeKind, int], Question] = {}
        if candidate.index is not None:
            self.answer_to(candidate.index)
        self.as_written = self._as_written() if facts.ours and candidate.applicable else {}
        self.written = bool(facts.ours) and self._written()

    def answer_to(self, question: Question) -> Proof | None:
        proof = self.facts.answers.get(question.id)
        if proof is not None:
            self.counted[question.id] = Answered(question, proof)
        return proof

    def answer_about(self, kind: ProbeKind, planned: PlannedHandler) -> Proof | None:
        if not self.facts.answers or isinstance(planned.handler, Exec):
            return None
        return self.answer_to(self.question(kind, planned))

    def question(self, kind: ProbeKind, planned: PlannedHandler) -> Question:
        at = (kind, id(planned))
        if at not in self._questions:
            self._questions[at] = question_of(kind, planned, self.facts)
        return self._questions[at]

    def slowest(self, picked: Mapping[ProbeKind, PlannedHandler]) -> tuple[tuple[ProbeKind, float], ...]:
        """Return the seconds of the slowest answer to each probe that pods verified."""
        found = ((kind, self.answer_about(kind, planned)) for kind, planned in picked.items())
        return tuple(
            (kind, round(proof.slowest, 3))
            for kind, proof in found
            if proof is not None and proof.verdict is Verdict.VERIFIED and proof.slowest
        )

    def _as_written(self) -> dict[ProbeKind, PlannedHandler]:
        """Return the probes of ours that are on the workload just as this candidate would have them."""
        handlers, ours = self.candidate.handlers, self.facts.ours
        there = {
            kind: planned
            for kind, ways in handlers.items()
            if kind in ours
            for planned in reversed(ways)
            if planned.handler == ours[kind].handler
        }
        if not there:
            return there
        lost = self._lost()
        picked = {k: there.get(k) or usual(ways) for k, ways in handlers.items() if k in there or k not in lost}
        probes = complete(picked, self.candidate, self.facts, self.slowest(picked))
        return {kind: planned for kind, planned in there.items() if probes[kind].probe == ours[kind]}

    def _lost(self) -> set[ProbeKind]:
        """Return the probes of which pods have refuted every handler."""
        return {
            kind
            for kind, ways in self.candidate.handlers.items()
            if all(_verdict(self.answer_about(kind, planned)) is Verdict.REFUTED for planned in ways)
        }

    def _written(self) -> bool:
        candidate, facts = self.candidate, self.facts
        if not candidate.suggestion.derived or not candidate.applicable:
            return False
        if not facts.ours.keys() & facts.writable <= candidate.handlers.keys():
            return False
        suggested = candidate.derived & facts.writable & candidate.handlers.keys()
        there = suggested & self.as_written.keys()
        if not there or not suggested - there <= self._lost():
            return False
        speaks = not all(isinstance(self.as_written[kind].handler, TcpSocket) for kind in there)
        return candidate.opens_ports_only or speaks


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
    case = _Case(candidate, facts)
    probes: dict[ProbeKind, ProbeEvaluation] = {}
    if candidate.applicable:
        for kind in candidate.handlers:
            found = next((one for rule in PROBE_RULES if (one := rule(kind, case)) is not None), None)
            if found is not None and found is not _NOT_PLANNED:
                probes[kind] = found
    return Evaluation(
        candidate=candidate, facts=facts, probes=probes, written=case.written, answers=tuple(case.counted.values())
    )


_NOT_PLANNED = ProbeEvaluation()


def _kept_by_owner(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Plan without asking what we may not write: it is shown beside the probe that stays."""
    if kind in case.facts.writable:
        return None
    if case.candidate.suggestion.origin is Origin.COMMON:
        return _NOT_PLANNED
    return ProbeEvaluation(handler=usual(case.candidate.handlers[kind]))


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
    if kind in case.candidate.derived and pods.required and not pods.unproven:
        return ProbeEvaluation(state=VerificationState.AWAITING_PODS)
    return ProbeEvaluation(handler=usual(case.candidate.handlers[kind]), state=VerificationState.UNVERIFIED)


def _index_first(kind: ProbeKind, case: _Case) -> ProbeEvaluation | None:
    """Ask the library's index before the endpoints that it may name."""
    index = case.candidate.index
    by_preset = case.candidate.handlers[kind][0].endpoint is not None
    if index is None or not by_preset or not case.facts.pods.ready or case.answer_to(index) is not None:
        return None
    return ProbeEvaluation(state=VerificationState.AWAITING_PODS, question=index)


def _as_pods_answer(kind: ProbeKind, case: _Case) -> ProbeEvaluation:
    """Go through the handlers until pods verify one, or have to be asked about one."""
    pods = case.facts.pods
    refuted: list[Answered] = []
    ways = case.candidate.handlers[kind]
    for planned in ways:
        if isinstance(planned.handler, Exec):
            return ProbeEvaluation(handler=planned, state=VerificationState.UNVERIFIED)
        if not pods.ready and not case.facts.answers:
            return _unproven(kind, case, ways)
        question = case.question(kind, planned)
        match case.answer_to(question):
            case None if pods.ready:
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
    _as_it_is,
    _never_asked,
    _index_first,
    _as_pods_answer,
)
"""The first that applies evaluates a probe."""


class _Contender(NamedTuple):
    """An evaluation, beside the one whose probes are on the workload already, if there is one."""

    found: Evaluation
    written: Evaluation | None

    @property
    def suggestion(self) -> Suggestion:
        return self.found.candidate.suggestion


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """A reason to take a candidate, or to pass it over.

    Attributes
    ----------
    name
        The reason, as HealthPlans and `explain` give it.
    text
        What it means, for people.
    takes
        True: the candidate is taken. False: the next one is tried.
    applies
        Whether it decides about a contender.
    """

    name: str
    text: str
    takes: bool
    applies: Callable[[_Contender], bool]


NOT_APPLICABLE = ChoiceRule(
    "NotApplicable",
    "its probes can't be planned for this container",
    takes=False,
    applies=lambda one: not one.found.candidate.applicable,
)
USERS_ALONE = ChoiceRule(
    "UsersAlone",
    "no preset describes it: only what users say is planned",
    takes=True,
    applies=lambda one: not one.suggestion.derived and one.suggestion.preset is None,
)
NAMED = ChoiceRule("Named", "a rule or annotation names it", takes=True, applies=lambda one: not one.suggestion.derived)
ALREADY_WRITTEN = ChoiceRule(
    "AlreadyWritten",
    "its probes are on the workload, and ours",
    takes=True,
    applies=lambda one: one.found is one.written,
)
NEVER_ASKED = ChoiceRule(
    "NeverAsked",
    "nothing suggests it, and pods are not asked",
    takes=False,
    applies=lambda one: one.suggestion.origin is Origin.COMMON and not one.found.facts.pods.may_ask,
)
AWAITING = ChoiceRule(
    "AwaitingPods",
    "running pods have yet to answer",
    takes=True,
    applies=lambda one: one.written is None and one.found.waits,
)
PROVEN = ChoiceRule(
    "Proven",
    "running pods answered as its probes want",
    takes=True,
    applies=lambda one: one.written is None and one.found.proven,
)
REFUTED = ChoiceRule(
    "Refuted",
    "running pods answered otherwise",
    takes=False,
    applies=lambda one: any(probe.refuted for probe in one.found.suggested),
)
ANOTHER_HOLDS = ChoiceRule("AnotherHolds", "another one holds", takes=False, applies=lambda _: True)
CHOICE_RULES = (
    *(NOT_APPLICABLE, USERS_ALONE, NAMED, ALREADY_WRITTEN, NEVER_ASKED, AWAITING, PROVEN, REFUTED, ANOTHER_HOLDS),
)
"""The first that applies to an evaluation decides about it."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A candidate that was not taken, and why."""

    evaluation: Evaluation
    rule: ChoiceRule

    @property
    def refuted(self) -> tuple[Answered, ...]:
        """What pods refuted of it."""
        return tuple(answer for probe in self.evaluation.suggested for answer in probe.refuted)


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that was taken, why, and those that were passed over before it."""

    evaluation: Evaluation
    rule: ChoiceRule
    passed_over: tuple[PassedOver, ...] = ()


def choose(evaluations: Iterable[Evaluation], written: Evaluation | None = None) -> Choice:
    """Choose the first evaluation that a rule takes.

    Parameters
    ----------
    evaluations
        Of all candidates, the best first. The last one is that of what users say alone, which a rule always takes.
    written
        The one of them whose probes are on the workload already.
    """
    passed_over: list[PassedOver] = []
    for found in evaluations:
        rule = next(rule for rule in CHOICE_RULES if rule.applies(_Contender(found, written)))
        if rule.takes:
            return Choice(found, rule, tuple(passed_over))
        passed_over.append(PassedOver(found, rule))
    raise ValueError("no evaluation of what users say alone among the evaluations")


def all_answers(choice: Choice) -> Iterator[Answered]:
    """Yield every answer that counted in a choice."""
    for passed in choice.passed_over:
        yield from passed.evaluation.answers
    yield from choice.evaluation.answers
