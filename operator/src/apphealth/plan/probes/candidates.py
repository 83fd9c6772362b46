"""Candidates: every preset that may describe a container, completed to handlers and numbers.

`expand` yields them, the best first. `verification` evaluates the pods' answers about a candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from apphealth.api.healthplan import Value
from apphealth.api.scalars import HttpPath
from apphealth.api.spec import ProbeType
from apphealth.model.probe import HttpGet, Probe, ProbeKind, TcpSocket, interned
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.plan.findings import Finding
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.handlers import USERS, Handlers, PlannedHandler, endpoints_of, offered_by, prefix_of
from apphealth.plan.probes.numbers import Learned, Numbers, apply_numbers, choose_numbers, fit_numbers
from apphealth.plan.probes.presets.preset import Endpoint
from apphealth.plan.probes.suggestions import SURVEYED, USERS_ALONE, Origin, Suggestion
from apphealth.plan.probes.survey import survey_of, surveyed
from apphealth.plan.rules.settings import Sourced

INDEX_TIMEOUT = 5
"""Seconds to wait for the library's index."""


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """A complete probe that a container should have."""

    probe: Probe
    provenance: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A preset for one container, with the handlers that its probes may have.

    Attributes
    ----------
    suggestion
        The preset, and why it is considered.
    handlers
        The handlers of each probe, the best first.
    problems
        The probes that can't be planned, with the finding about each.
    derived
        The probes that only the preset describes, and no user: they must be proven on running pods.
    index
        The question to the library's index, which names its endpoints; None if the container has no index.

    The candidate of an open survey has no handlers of the preset's, and waits.
    """

    suggestion: Suggestion
    handlers: Mapping[ProbeKind, tuple[PlannedHandler, ...]]
    problems: Mapping[ProbeKind, Finding]
    derived: frozenset[ProbeKind]
    index: Question | None = None

    @property
    def applicable(self) -> bool:
        """Whether all its probes can be planned; a common preset also needs a port that may speak HTTP."""
        if self.suggestion.open:
            return bool(self.derived)
        if self.derived & self.problems.keys():
            return False
        if self.suggestion.origin is not Origin.COMMON:
            return True
        handlers = list(self._derived_handlers())
        return bool(handlers) and all(one.speaks_http or not isinstance(one.handler, HttpGet) for one in handlers)

    @property
    def opens_ports_only(self) -> bool:
        """Whether its probes only open a connection."""
        return all(isinstance(one.handler, TcpSocket) for one in self._derived_handlers())

    def _derived_handlers(self) -> Iterator[PlannedHandler]:
        for kind in self.derived:
            yield from self.handlers.get(kind, ())


def expand(facts: ContainerFacts, suggestions: Iterable[Suggestion]) -> Iterator[Candidate]:
    """Yield the candidates of a container, the best first.

    Parameters
    ----------
    facts
        The container.
    suggestions
        The presets that may describe it, the best first.
    """
    speaks_http = True
    for suggestion in suggestions:
        if suggestion is not SURVEYED:
            speaks_http = speaks_http and (suggestion.preset is None or suggestion.preset.speaks_http)
            yield candidate_of(facts, suggestion)
        elif (survey := survey_of(facts, speaks_http=speaks_http)) is not None:
            for found in surveyed(facts, survey):
                yield candidate_of(facts, found)


def candidate_of(facts: ContainerFacts, suggestion: Suggestion) -> Candidate:
    """Return the candidate of one suggestion: the handlers that the container's probes may have.

    Parameters
    ----------
    facts
        The container.
    suggestion
        The preset, and why it is considered.
    """
    by_preset = Handlers(facts, suggestion)
    # The probes that users describe don't depend on the suggestion.
    by_users = Handlers(facts, USERS_ALONE) if suggestion.derived else by_preset
    handlers: dict[ProbeKind, tuple[PlannedHandler, ...]] = {}
    problems: dict[ProbeKind, Finding] = {}
    derived = set()
    offered = suggestion.offered
    if offered is None:
        offered = offered_by(suggestion.preset, facts.settings, suggestion.place)
    for kind in facts.settings.wanted_kinds:
        endpoints = endpoints_of(kind, facts.settings, offered)
        if suggestion.derived and endpoints != USERS:
            if facts.ordered and kind is ProbeKind.READINESS:
                continue  # pods that need each other to become ready would never start: see READINESS_ORDERED
            derived.add(kind)
        elif suggestion.open and _may_be_found(kind, facts):
            derived.add(kind)
            continue
        found = _handlers(kind, endpoints, facts, suggestion, by_users if endpoints == USERS else by_preset)
        if isinstance(found, Finding):
            problems[kind] = found
        elif found:
            handlers[kind] = found
    index = _index(facts, suggestion, handlers)
    answer = facts.answers.get(index.id) if index is not None else None
    if answer is not None and answer.verdict is Verdict.VERIFIED:
        handlers = _as_index_says(answer.endpoints, handlers, by_preset)
    return Candidate(
        suggestion=suggestion, handlers=handlers, problems=problems, derived=frozenset(derived), index=index
    )


def _may_be_found(kind: ProbeKind, facts: ContainerFacts) -> bool:
    """Return whether a survey may find the endpoint of a probe that users leave open."""
    settings = facts.settings
    if settings.probes[kind].sets_endpoint or (kind is ProbeKind.READINESS and facts.ordered):
        return False
    return kind is not ProbeKind.STARTUP or not settings.liveness.sets_endpoint


def _handlers(
    kind: ProbeKind,
    endpoints: Sequence[Endpoint | None],
    facts: ContainerFacts,
    suggestion: Suggestion,
    handlers: Handlers,
) -> tuple[PlannedHandler, ...] | Finding:
    may_run = facts.allow_exec and not suggestion.derived
    found: list[PlannedHandler] = []
    for endpoint in endpoints:
        if endpoint is not None and endpoint.type is ProbeType.EXEC and not may_run:
            continue
        planned = handlers.plan(kind, endpoint)
        if isinstance(planned, Finding):
            return planned
        if planned is not None:
            found.append(planned)
    return tuple(found)


def _index(
    facts: ContainerFacts, suggestion: Suggestion, handlers: Mapping[ProbeKind, Sequence[PlannedHandler]]
) -> Question | None:
    """Return the question to the index of flask_management_endpoints, or None if pods can't be asked and were not."""
    preset = suggestion.preset
    if preset is None or not preset.runs_library or not facts.pods.required:
        return None
    if not facts.pods.ready and not facts.answers:
        return None
    planned = next((one for ways in handlers.values() for one in ways if one.endpoint is not None), None)
    if planned is None or not isinstance(planned.handler, HttpGet):
        return None
    path = prefix_of(facts.settings, preset, suggestion.place) or "/"
    handler = HttpGet(port=planned.number, path=path, scheme=planned.handler.scheme)
    return facts.question(handler, INDEX_TIMEOUT, Accept.INDEX)


def _as_index_says(
    endpoints: Iterable[tuple[ProbeKind, str]],
    handlers: Mapping[ProbeKind, tuple[PlannedHandler, ...]],
    by_preset: Handlers,
) -> dict[ProbeKind, tuple[PlannedHandler, ...]]:
    """Return the handlers with the paths that the library's index names, instead of the preset's."""
    found = dict(handlers)
    for kind, path in endpoints:
        if kind in found and found[kind][0].endpoint is not None and _is_path(path):
            planned = by_preset.plan(kind, Endpoint(ProbeType.HTTP, path))
            if isinstance(planned, PlannedHandler):
                found[kind] = (planned,)
    return found


def _is_path(text: str) -> bool:
    try:
        msgspec.convert(text, HttpPath)
    except msgspec.ValidationError:
        return False
    return True


def timeout_of(kind: ProbeKind, facts: ContainerFacts) -> int:
    """Return the seconds that a probe waits for an answer, before any pod has been asked."""
    return choose_numbers(kind, facts.settings.probes[kind], facts.defaults_version).timeout.value


def question_of(kind: ProbeKind, planned: PlannedHandler, facts: ContainerFacts) -> Question:
    """Return the question that proves a probe."""
    return facts.question(planned.numbered, timeout_of(kind, facts), planned.accept)


def complete(
    picked: Mapping[ProbeKind, PlannedHandler],
    candidate: Candidate,
    facts: ContainerFacts,
    proofs: Mapping[ProbeKind, Proof | None],
) -> dict[ProbeKind, PlannedProbe]:
    """Return complete probes for the picked handlers, with numbers that fit each other.

    Parameters
    ----------
    picked
        One handler for each planned probe.
    candidate
        The candidate that the handlers belong to.
    facts
        The container.
    proofs
        What pods have answered about each picked handler. Slow answers raise the timeout, and a timeout that an earlier
        answer has raised stays while it is long enough.
    """
    slowest = tuple(
        (kind, round(proof.slowest, 3))
        for kind, proof in proofs.items()
        if proof is not None and proof.verdict is Verdict.VERIFIED and proof.slowest
    )
    numbers = _fit(tuple(picked), candidate, facts, slowest)
    usual = _fit(tuple(picked), candidate, facts, ()) if slowest else numbers
    for kind, planned in picked.items():
        live = facts.ours.get(kind)
        raised = numbers[kind].timeout.value > usual[kind].timeout.value
        set_by_users = facts.settings.probes[kind].timeout_seconds is not None
        if live is not None and not set_by_users and (raised or (not slowest and not facts.pods.ready)):
            numbers[kind] = _as_learned(numbers[kind], planned, live)
    return {
        kind: PlannedProbe(
            interned(apply_numbers(planned.handler, numbers[kind])), planned.provenance + numbers[kind].provenance()
        )
        for kind, planned in picked.items()
    }


def _fit(
    kinds: tuple[ProbeKind, ...],
    candidate: Candidate,
    facts: ContainerFacts,
    slowest: tuple[tuple[ProbeKind, float], ...],
) -> dict[ProbeKind, Numbers]:
    kept = {kind: probe for kind, probe in facts.theirs.items() if not (facts.replaces and kind in kinds)}
    preset = candidate.suggestion.preset
    failures = None
    if preset is not None and preset.liveness_failures is not None:
        failures = Sourced(preset.liveness_failures, candidate.suggestion.source)
    learned = Learned(liveness_failures=failures, slowest=slowest, start=facts.start)
    return fit_numbers(kinds, kept, facts.settings, facts.defaults_version, learned)


def _as_learned(numbers: Numbers, planned: PlannedHandler, live: Probe) -> Numbers:
    """Return the numbers with the timeout of the live probe, if they differ in nothing else."""
    probe = apply_numbers(planned.handler, numbers)
    if not numbers.timeout.value < live.timeout <= live.period or replace(probe, timeout=live.timeout) != live:
        return numbers
    return replace(numbers, timeout=Sourced(live.timeout, "raised earlier, for slow answers"))
