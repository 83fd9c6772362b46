"""One candidate put to the test: how each probe may ask by it, and what running pods have answered so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec

from apphealth.api.healthplan import Standing
from apphealth.api.scalars import HttpPath
from apphealth.api.spec import ProbeType
from apphealth.model.probe import Exec, Grpc, HttpGet, Probe, ProbeKind, TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict, subject_of
from apphealth.plan.findings import Finding
from apphealth.plan.probes.assembly import Handled, Subject, handle, numbers_of, wanted_kinds
from apphealth.plan.probes.candidates import Candidate
from apphealth.plan.probes.handlers import USERS, places, prefix_of
from apphealth.plan.probes.numbers import Numbers, apply_numbers
from apphealth.plan.probes.presets.preset import Endpoint
from apphealth.plan.rules.merging import Sourced

INDEX_TIMEOUT = 5
"""Seconds to wait for the library's index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """What can be asked of a workload's running pods, and what has been."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    required: bool = True
    """`verification: Required`."""
    ready: bool = False
    """A pod is there to be asked."""
    on_host: bool = False
    """They share their node's network, and are never asked."""
    files: bool = False
    """There are no pods, and never will be."""
    unproven: bool = False
    """In files, what was derived is written all the same."""


@dataclass(slots=True)
class Answers:
    """What was asked about one container, and what has to be."""

    known: dict[str, tuple[Question, Proof]] = field(default_factory=dict)
    open: dict[str, Question] = field(default_factory=dict)

    def look_up(self, question: Question, pods: Pods) -> Proof | None:
        """Return what came of a question, and keep it."""
        proof = pods.proofs.get(question.id)
        if proof is not None:
            self.known[question.id] = (question, proof)
        return proof


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a probe may ask."""

    endpoint: Endpoint | None
    """None where users say how."""
    handled: Handled
    accept: Accept

    @property
    def only_proven(self) -> bool:
        """Whether it is used only where pods have shown it."""
        return self.endpoint is not None and self.endpoint.only_proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one probe."""

    way: Way | None = None
    """How it asks; None where that is open, or every way was refuted."""
    standing: Standing | None = None
    proof: Proof | None = None
    refuted: tuple[tuple[Question, Proof], ...] = ()
    """The ways that pods refuted."""
    question: Question | None = None
    """What has to be asked next."""
    unreachable: Proof | None = None
    """What was said where no pod could be reached."""


class Attempt:
    """One candidate for one container.

    Attributes
    ----------
    ways
        How each probe may ask, the best first.
    problems
        Probes that cannot be worked out, and why.
    derived
        Probes that the candidate's evidence suggests; the others are as users say.
    """

    def __init__(self, candidate: Candidate, subject: Subject, pods: Pods, answers: Answers) -> None:
        self.candidate = candidate
        self.subject = replace(
            subject, preset=candidate.preset, source=candidate.source, place=candidate.place, ports={}
        )
        self._plain = replace(subject, ports={})
        self._pods = pods
        self._answers = answers
        self.ways: dict[ProbeKind, tuple[Way, ...]] = {}
        self.problems: dict[ProbeKind, Finding] = {}
        self.derived: set[ProbeKind] = set()
        for kind in wanted_kinds(subject.settings):
            self._find_ways(kind, places(kind, subject.settings, candidate.preset, candidate.place))
        self.index = self._index()
        if self.index is not None and (found := answers.look_up(self.index, pods)) is not None:
            self._believe(found)

    def _find_ways(self, kind: ProbeKind, endpoints: tuple[Endpoint | None, ...]) -> None:
        if self.candidate.derived and endpoints != USERS:
            self.derived.add(kind)
        found: list[Way] = []
        for endpoint in endpoints:
            if endpoint is not None and endpoint.type is ProbeType.EXEC and not self._may_run():
                continue
            # What users say doesn't depend on what is guessed of the application.
            by_user = self.candidate.derived and endpoint is None
            handled = handle(kind, endpoint, self._plain if by_user else self.subject)
            if isinstance(handled, Finding):
                self.problems[kind] = handled
                return
            if handled is not None:
                found.append(Way(endpoint, handled, _accept(handled, endpoint, self.candidate)))
        if found:
            self.ways[kind] = tuple(found)

    def _may_run(self) -> bool:
        return self.subject.allow_exec and not self.candidate.derived

    def _index(self) -> Question | None:
        """Return what to ask of the library's index, which names its endpoints."""
        preset = self.candidate.preset
        if preset is None or not preset.runs_library or not self._pods.required:
            return None
        if not self._pods.ready and not self._pods.proofs:
            return None
        way = next((way for ways in self.ways.values() for way in ways if way.endpoint is not None), None)
        if way is None or not isinstance(way.handled.handler, HttpGet):
            return None
        path = prefix_of(self.subject.settings, preset, self.candidate.place) or "/"
        handler = HttpGet(port=way.handled.number, path=path, scheme=way.handled.handler.scheme)
        return self._question(handler, INDEX_TIMEOUT, Accept.INDEX)

    def _believe(self, proof: Proof) -> None:
        """Ask where the index says, if there is one."""
        if proof.verdict is not Verdict.VERIFIED:
            return
        said = {kind: path for kind, path in proof.endpoints if _is_path(path)}
        for kind, ways in tuple(self.ways.items()):
            if ways[0].endpoint is not None and kind in said:
                self._find_ways(kind, (Endpoint(ProbeType.HTTP, said[kind]),))

    @property
    def applies(self) -> bool:
        """Whether there is anything in it: what is only looked for has to have a port that may speak HTTP."""
        if not self.candidate.sought:
            return not self.derived & self.problems.keys()
        ways = [way for kind in self.derived for way in self.ways.get(kind, ())]
        silent = any(isinstance(way.handled.handler, HttpGet) and not way.handled.speaks_http for way in ways)
        return bool(ways) and not silent and not self.derived & self.problems.keys()

    @cached_property
    def by_preset(self) -> frozenset[ProbeKind]:
        """The probes that ask where the preset says."""
        return frozenset(kind for kind, ways in self.ways.items() if ways[0].endpoint is not None)

    @property
    def by_connection(self) -> bool:
        """Whether all that it asks is for an open port."""
        ways = [way for kind in self.derived for way in self.ways.get(kind, ())]
        return all(isinstance(way.handled.handler, TcpSocket) for way in ways)

    def numbers(self, picked: Mapping[ProbeKind, Way]) -> Mapping[ProbeKind, Numbers]:
        """Choose the numbers of these probes; a timeout that was once learned stays while it serves."""
        kinds = tuple(picked)
        slowest = tuple(self._slowest(picked))
        found = dict(numbers_of(kinds, self.subject, slowest))
        usual = numbers_of(kinds, self.subject) if slowest else found
        for kind, way in picked.items():
            live = self.subject.ours.get(kind)
            raised = found[kind].timeout.value > usual[kind].timeout.value
            said = self.subject.settings.get(f"{kind}.timeout_seconds") is not None
            if live is not None and not said and (raised or (not slowest and not self._pods.ready)):
                found[kind] = _as_learned(found[kind], way, live)
        return found

    def _slowest(self, picked: Mapping[ProbeKind, Way]) -> Iterator[tuple[ProbeKind, float]]:
        for kind, way in picked.items():
            proof = self.look_up(kind, way)
            if proof is not None and proof.verdict is Verdict.VERIFIED and proof.slowest:
                yield kind, round(proof.slowest, 3)

    def look_up(self, kind: ProbeKind, way: Way) -> Proof | None:
        """Return what pods have answered to a probe."""
        if not self._pods.proofs or isinstance(way.handled.handler, Exec):
            return None
        return self._answers.look_up(self.question(kind, way), self._pods)

    def question(self, kind: ProbeKind, way: Way) -> Question:
        """Return what to ask to prove a probe."""
        handler, number = way.handled.handler, way.handled.number
        match handler:
            case HttpGet():
                handler = HttpGet(number, handler.path, handler.scheme, handler.headers)
            case TcpSocket():
                handler = TcpSocket(number)
        return self._question(handler, self._timeouts[kind], way.accept)

    @cached_property
    def _timeouts(self) -> dict[ProbeKind, int]:
        return {kind: numbers.timeout.value for kind, numbers in numbers_of(tuple(self.ways), self.subject).items()}

    def _question(self, handler: HttpGet | TcpSocket | Grpc | Exec, timeout: int, accept: Accept) -> Question:
        container = self.subject.container
        return Question(
            container=container.name,
            image=container.image,
            subject=self._digest,
            handler=handler,
            timeout=timeout,
            accept=accept,
        )

    @cached_property
    def _digest(self) -> str:
        return subject_of(self.subject.container)


def _accept(handled: Handled, endpoint: Endpoint | None, candidate: Candidate) -> Accept:
    if endpoint is None or not isinstance(handled.handler, HttpGet):
        return Accept.SUCCESS
    if candidate.preset is not None and candidate.preset.runs_library:
        return Accept.LIBRARY
    return Accept.DISTINCT if candidate.derived else Accept.SUCCESS


def _is_path(text: str) -> bool:
    try:
        msgspec.convert(text, HttpPath)
    except msgspec.ValidationError:
        return False
    return True


def _as_learned(numbers: Numbers, way: Way, live: Probe) -> Numbers:
    """Return the numbers with the timeout of the probe that is there, if that is all they differ in."""
    planned = apply_numbers(way.handled.handler, numbers)
    if not numbers.timeout.value < live.timeout <= live.period or replace(planned, timeout=live.timeout) != live:
        return numbers
    return replace(numbers, timeout=Sourced(live.timeout, "raised earlier, for slow answers")).explained()
