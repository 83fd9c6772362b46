"""The proof gate: which candidate a container's probes come from, given what its running pods have answered.

What users say stands by itself, and is tried before it is written. What evidence suggests is taken only where pods show
it: the candidates are gone through, the best first, and the first that holds is taken.

=================  ============================  ============================
 the pods           what users said               what was derived
=================  ============================  ============================
 answered well      written, Verified             written, Verified
 answered badly     not written, Refuted          the next way or candidate
 out of reach       written, Unverified           waits, AwaitingPods
 none is ready      written, Unverified           waits, AwaitingPods
 not asked yet      waits for the answer          waits for the answer
=================  ============================  ============================

A probe of ours that is there as it is wanted is never asked about again, and a candidate whose probes are all there
stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from apphealth.api.healthplan import Standing
from apphealth.model.probe import Exec, ProbeKind, TcpSocket
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.plan.findings import Finding
from apphealth.plan.probes import telling
from apphealth.plan.probes.assembly import Subject, WantedProbe, check_numbers, complete, wanted_kinds
from apphealth.plan.probes.attempt import Answers, Attempt, Pods, Tried, Way
from apphealth.plan.probes.candidates import USERS_WORD, Candidate
from apphealth.plan.result import Considered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The probes that a container should have, and what to tell about them."""

    candidate: Candidate = USERS_WORD
    """Where they come from, or will if pods show it."""
    probes: Mapping[ProbeKind, WantedProbe] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unresolved: frozenset[ProbeKind] = frozenset()
    """Probes that are wanted, and not known yet: what is there stays."""
    tried: Mapping[ProbeKind, Tried] = field(default_factory=dict)
    """What came of each probe that may be written."""
    derived: frozenset[ProbeKind] = frozenset()
    """Probes that evidence suggests, rather than users say."""
    considered: tuple[Considered, ...] = ()
    answers: Answers = field(default_factory=Answers)
    settled: bool = True
    """False where the candidate may yet turn out to be another one."""


def want_probes(
    subject: Subject, candidates: Sequence[Candidate], pods: Pods, open_kinds: Collection[ProbeKind]
) -> Wanted:
    """Derive the probes that a container should have, as far as they are proven.

    Parameters
    ----------
    subject
        The container and what is around it, without a preset.
    candidates
        Where the probes may come from, the best first.
    open_kinds
        The probes that may be written; what their owner keeps needs no proof.
    """
    return _Gate(subject, pods, open_kinds).choose(candidates)


class _Gate:
    """Goes through the candidates of one container."""

    def __init__(self, subject: Subject, pods: Pods, open_kinds: Collection[ProbeKind]) -> None:
        self._subject = subject
        self._pods = pods
        self._open = frozenset(open_kinds)
        self._answers = Answers()
        self._considered: list[Considered] = []
        self._refuted: list[tuple[Question, Proof]] = []
        self._suggested = False
        """Whether something that evidence suggests was refuted."""
        self._problems: dict[ProbeKind, Finding] = {}

    def choose(self, candidates: Sequence[Candidate]) -> Wanted:
        """Return what the first candidate that holds comes to."""
        attempts: Iterable[Attempt] = (Attempt(one, self._subject, self._pods, self._answers) for one in candidates)
        kept = None
        if self._subject.ours:
            attempts = list(attempts)
            kept = next((one for one in attempts if one.candidate.derived and self._is_there(one)), None)
        for attempt in attempts:
            if (found := self._consider(attempt, kept)) is not None:
                return found
        return self._without_any()

    def _consider(self, attempt: Attempt, kept: Attempt | None) -> Wanted | None:
        """Return what a candidate comes to; None where it does not hold, or another one is kept."""
        candidate = attempt.candidate
        if not attempt.applies:
            if not candidate.sought:
                self._problems.update(attempt.problems)
            return None
        tried = self._try(attempt, stays=attempt is kept)
        if not candidate.derived or attempt is kept:
            return self._wanted(attempt, tried)
        if kept is not None or (candidate.sought and not self._may_ask):
            return None
        derived = self._derived(attempt, tried)
        if any(one.standing is Standing.AWAITING_PODS for one in derived) or _holds(attempt, derived):
            return self._wanted(attempt, tried)
        refuted = [pair for one in derived for pair in one.refuted]
        self._refuted += refuted
        self._suggested |= not candidate.sought
        if candidate.preset is not None and refuted:
            self._considered.append(Considered(candidate.preset.name, candidate.evidence, telling.answers(refuted)))
        return None

    def _derived(self, attempt: Attempt, tried: Mapping[ProbeKind, Tried]) -> list[Tried]:
        """Return what came of the probes that a candidate suggests and that may be written."""
        return [one for kind, one in tried.items() if kind in attempt.derived and kind in self._open]

    @property
    def _may_ask(self) -> bool:
        return self._pods.required and not self._pods.files

    def _carried(self, attempt: Attempt) -> dict[ProbeKind, Way]:
        """Return the probes that are there as they are wanted, ours."""
        there: dict[ProbeKind, Way] = {}
        for kind, ways in attempt.ways.items():
            live = self._subject.ours.get(kind)
            if live is not None:
                there.update((kind, way) for way in reversed(ways) if way.handled.handler == live.handler)
        if not there:
            return there
        lost = self._lost(attempt)
        picked = {k: there.get(k) or _usual(ways) for k, ways in attempt.ways.items() if k in there or k not in lost}
        numbers = attempt.numbers(picked)
        whole = {kind: complete(way.handled, numbers[kind]).probe for kind, way in there.items()}
        return {kind: way for kind, way in there.items() if whole[kind] == self._subject.ours[kind]}

    def _lost(self, attempt: Attempt) -> set[ProbeKind]:
        """Return the probes that pods are known to refute, whichever way they ask."""
        return {
            kind
            for kind, ways in attempt.ways.items()
            if all(self._verdict(attempt, kind, way) is Verdict.REFUTED for way in ways)
        }

    @staticmethod
    def _verdict(attempt: Attempt, kind: ProbeKind, way: Way) -> Verdict | None:
        proof = attempt.look_up(kind, way)
        return proof.verdict if proof is not None else None

    def _is_there(self, attempt: Attempt) -> bool:
        """Whether all that a candidate suggests is there already."""
        if not attempt.applies or not self._subject.ours.keys() & self._open <= attempt.ways.keys():
            return False
        wanted = attempt.derived & self._open & attempt.ways.keys()
        carried = self._carried(attempt)
        there = wanted & carried.keys()
        silent = all(isinstance(carried[kind].handled.handler, TcpSocket) for kind in there)
        return bool(there) and wanted - there <= self._lost(attempt) and (attempt.by_connection or not silent)

    def _try(self, attempt: Attempt, *, stays: bool) -> dict[ProbeKind, Tried]:
        carried = self._carried(attempt)
        tried: dict[ProbeKind, Tried] = {}
        for kind, ways in attempt.ways.items():
            derived = kind in attempt.derived
            if kind not in self._open:
                if not attempt.candidate.sought:
                    tried[kind] = Tried(way=_usual(ways))
            elif kind in carried and (stays or not derived):
                tried[kind] = self._as_it_is(attempt, kind, carried[kind])
            elif not self._may_ask:
                tried[kind] = self._unasked(attempt, kind)
            else:
                tried[kind] = self._walk(attempt, kind)
        return tried

    def _as_it_is(self, attempt: Attempt, kind: ProbeKind, way: Way) -> Tried:
        match attempt.look_up(kind, way):
            case Proof(verdict=Verdict.VERIFIED) as proof:
                return Tried(way=way, standing=Standing.VERIFIED, proof=proof)
            case Proof(verdict=Verdict.UNREACHABLE) as proof:
                return Tried(way=way, standing=Standing.UNVERIFIED, unreachable=proof)
        return Tried(way=way, standing=Standing.UNVERIFIED)

    def _unasked(self, attempt: Attempt, kind: ProbeKind) -> Tried:
        """Decide about a probe where asking is out of the question: on files, or by `verification: Skip`."""
        if kind in attempt.derived and self._pods.required and not self._pods.unproven:
            return Tried(standing=Standing.AWAITING_PODS)
        return Tried(way=_usual(attempt.ways[kind]), standing=Standing.UNVERIFIED)

    def _walk(self, attempt: Attempt, kind: ProbeKind) -> Tried:
        """Go through the ways in which a probe may ask, until one holds or has to be asked about."""
        if attempt.index is not None and kind in attempt.by_preset and self._is_open(attempt.index):
            return Tried(standing=Standing.AWAITING_PODS, question=attempt.index)
        refuted: list[tuple[Question, Proof]] = []
        for way in attempt.ways[kind]:
            if isinstance(way.handled.handler, Exec):
                return Tried(way=way, standing=Standing.UNVERIFIED)
            if not self._pods.ready and not self._pods.proofs:
                return _unproven(attempt, kind)
            question = attempt.question(kind, way)
            match self._answers.look_up(question, self._pods):
                case None if self._pods.ready:
                    return Tried(standing=Standing.AWAITING_PODS, question=question)
                case Proof(verdict=Verdict.VERIFIED) as proof:
                    return Tried(way=way, standing=Standing.VERIFIED, proof=proof, refuted=tuple(refuted))
                case Proof(verdict=Verdict.REFUTED) as proof:
                    refuted.append((question, proof))
                case proof:
                    return _unproven(attempt, kind, len(refuted), proof)
        return Tried(standing=Standing.REFUTED, refuted=tuple(refuted), proof=refuted[-1][1])

    def _is_open(self, question: Question) -> bool:
        """Whether a question can be asked, and has not been."""
        return self._pods.ready and self._answers.look_up(question, self._pods) is None

    def _wanted(self, attempt: Attempt, tried: Mapping[ProbeKind, Tried]) -> Wanted:
        picked = {kind: one.way for kind, one in tried.items() if one.way is not None}
        numbers = attempt.numbers(picked)
        probes = {kind: complete(way.handled, numbers[kind]) for kind, way in picked.items()}
        self._answers.open.update((one.question.id, one.question) for one in tried.values() if one.question is not None)
        problems = {kind: problem for kind, problem in attempt.problems.items() if kind not in tried}
        findings = (
            *problems.values(),
            *check_numbers(probes, self._subject),
            *telling.about(attempt, tried, self._pods, self._refuted, suggested=self._suggested),
        )
        unresolved = frozenset(problems) | (tried.keys() - picked.keys())
        if attempt.candidate.derived or attempt.candidate is USERS_WORD:
            # What its owner keeps is no business of a guess.
            unresolved |= set(wanted_kinds(self._subject.settings)) - self._open - picked.keys()
        settled = not any(one.standing is Standing.AWAITING_PODS for one in self._derived(attempt, tried))
        return Wanted(
            candidate=attempt.candidate,
            probes=probes,
            findings=tuple(dict.fromkeys(findings)),
            unresolved=unresolved if settled else unresolved | (self._open - picked.keys()),
            tried=tried,
            derived=frozenset(attempt.derived),
            considered=tuple(self._considered),
            answers=self._answers,
            settled=settled,
        )

    def _without_any(self) -> Wanted:
        """Return what users say, where no candidate holds; a probe of ours that is there stays if pods were asked."""
        attempt = Attempt(USERS_WORD, self._subject, self._pods, self._answers)
        tried = self._try(attempt, stays=False)
        missing = self._open - tried.keys()
        if self._suggested:
            tried |= {kind: Tried(standing=Standing.REFUTED) for kind in missing}
        attempt.problems.update({kind: self._problems[kind] for kind in missing & self._problems.keys()})
        found = self._wanted(attempt, tried)
        return replace(found, unresolved=found.unresolved | missing) if self._refuted else found


def _usual(ways: Sequence[Way]) -> Way:
    """Return the way to ask where nothing is proven."""
    return next((way for way in ways if not way.only_proven), ways[0])


def _unproven(attempt: Attempt, kind: ProbeKind, after: int = 0, proof: Proof | None = None) -> Tried:
    """Decide about a probe that could not be asked about: what users say is written, what was derived waits."""
    if kind in attempt.derived:
        return Tried(standing=Standing.AWAITING_PODS, unreachable=proof)
    return Tried(way=_usual(attempt.ways[kind][after:]), standing=Standing.UNVERIFIED, unreachable=proof)


def _holds(attempt: Attempt, derived: Sequence[Tried]) -> bool:
    """Whether a candidate has proven itself: by more than an open port, unless that is all that it asks for."""
    if not derived:
        return not attempt.candidate.sought
    chosen = [one.way.handled.handler for one in derived if one.way is not None]
    return bool(chosen) and (attempt.by_connection or not all(isinstance(handler, TcpSocket) for handler in chosen))
