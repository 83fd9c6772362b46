"""Surveys of containers that nobody described: what to find out, and which presets fit what was found. Pure.

While the survey is open, there is one suggestion that waits for it. Once it is answered, there is one for each port
that has a health endpoint, the best first, and at last an open port by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from apphealth.model.probe import Grpc, HttpGet, ProbeKind, TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.survey import Served, Speaks, Survey, SurveyPort
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.named_paths import named_paths
from apphealth.plan.probes.port_ranking import survey_ports
from apphealth.plan.probes.ports import number_of
from apphealth.plan.probes.presets import plain
from apphealth.plan.probes.presets.clues import clues_of
from apphealth.plan.probes.presets.common import (
    COMMON,
    INDEX,
    LIBRARY_PATHS,
    WITHOUT_PREFIX,
    catalogue,
    endpoints_among,
)
from apphealth.plan.probes.presets.flask import MANAGEMENT_ENDPOINTS
from apphealth.plan.probes.presets.preset import GRPC, TCP, Endpoints, Place, Preset
from apphealth.plan.probes.presets.proxies import is_proxy
from apphealth.plan.probes.suggestions import SURVEYED, Origin, Suggestion

TIMEOUT = 3
"""Seconds to wait for each answer."""
OVERALL: Endpoints = {ProbeKind.READINESS: (GRPC,)}
"""What the overall status of any gRPC server is good for: frameworks aggregate in it, see docs/decisions/0027."""
_TRAFFIC = (ProbeKind.LIVENESS, ProbeKind.READINESS)


def survey_of(facts: ContainerFacts, *, speaks_http: bool = True) -> Question | None:
    """Return the question what a container serves, or None if there is no port to ask.

    Parameters
    ----------
    facts
        The container.
    speaks_http
        False if it is known to speak another protocol: then its ports are opened, and nothing is sent.
    """
    ports = survey_ports(facts.container, facts.services, facts.settings, alone=facts.alone)
    if not speaks_http:
        ports = tuple(SurveyPort(one.number, Speaks.TCP, one.served) for one in ports if not one.guess)
    if not ports:
        return None
    named = named_paths(facts.container)
    paths = catalogue(facts.prefix, named) if facts.prefix or named else WITHOUT_PREFIX
    return facts.question(Survey(ports, paths, facts.others), TIMEOUT, Accept.SURVEY)


def surveyed(facts: ContainerFacts, survey: Question) -> Iterator[Suggestion]:
    """Yield the suggestions that follow from a survey, the best first.

    Parameters
    ----------
    facts
        The container.
    survey
        See `survey_of`.
    """
    asked = survey.handler
    if not isinstance(asked, Survey):
        return
    if facts.ours and (written := _as_written(facts, asked, survey)) is not None:
        yield written
    if not facts.pods.may_ask:
        return
    answer = facts.answers.get(survey.id)
    if answer is None or answer.verdict is Verdict.UNREACHABLE:
        yield replace(SURVEYED, survey=survey, offered={}, open=True)
        return
    yield from _found(facts, asked, answer, survey)
    # Even if nothing was found, that was an answer, and has to be remembered.
    yield replace(SURVEYED, survey=survey, offered={})


def _found(facts: ContainerFacts, asked: Survey, answer: Proof, survey: Question) -> Iterator[Suggestion]:
    prefix = facts.prefix
    for port in asked.ports:
        there = [one for one in answer.served if one.port == port.number]
        if any(one.speaks is Speaks.GRPC for one in there):
            yield _suggestion(plain.GRPC, there[0], survey, None if _means_alive(facts, port) else OVERALL)
        paths = [one.path for one in there if one.path]
        if _is_library(paths, prefix):
            yield _suggestion(MANAGEMENT_ENDPOINTS, there[0], survey)
        live = not any(one.proxied for one in there) and not is_proxy(facts.container.image)
        if offered := endpoints_among(paths, prefix, alive=live, named=named_paths(facts.container)):
            yield _suggestion(COMMON, there[0], survey, offered)
    open_ = {one.port: one for one in answer.served}
    served = [port.number for port in asked.ports if port.served and port.number in open_]
    if number := next((number for number in (*served, *open_)), None):
        yield _suggestion(plain.TCP, open_[number], survey, {ProbeKind.READINESS: (TCP,)})


def _is_library(paths: Iterable[str], prefix: str) -> bool:
    return not {(prefix or INDEX) + below for below in LIBRARY_PATHS}.isdisjoint(paths)


def _means_alive(facts: ContainerFacts, port: SurveyPort) -> bool:
    """Return whether a port is meant for gRPC, and nothing hints at a framework that aggregates in its status."""
    return port.first is Speaks.GRPC and not plain.AGGREGATES.evidence(clues_of(facts.container, facts.services))


def _suggestion(preset: Preset, at: Served, survey: Question, offered: Endpoints | None = None) -> Suggestion:
    place = Place(port=at.port, https=at.speaks is Speaks.HTTPS)
    return Suggestion(
        preset=preset, evidence=SURVEYED.evidence, origin=Origin.COMMON, place=place, survey=survey, offered=offered
    )


def _as_written(facts: ContainerFacts, asked: Survey, survey: Question) -> Suggestion | None:
    """Return the suggestion that the probes of ours came from, so that a settled workload is asked nothing again."""
    settings = facts.settings.probes
    ours = {k: facts.ours[k].handler for k in _TRAFFIC if k in facts.ours and not settings[k].sets_endpoint}
    numbers = {number_of(getattr(handler, "port", 0), facts.container) for handler in ours.values()}
    if len(numbers) != 1 or not numbers <= {port.number for port in asked.ports}:
        return None
    (number,) = numbers
    handlers = list(ours.values())
    if all(isinstance(handler, Grpc) for handler in handlers):
        # What was written stays: no upgrade restarts pods.
        offered = None if ProbeKind.LIVENESS in ours else OVERALL
        return _suggestion(plain.GRPC, Served(number, Speaks.GRPC), survey, offered)
    if all(isinstance(handler, TcpSocket) for handler in handlers):
        return _suggestion(plain.TCP, Served(number, Speaks.TCP), survey, {ProbeKind.READINESS: (TCP,)})
    paths = {kind: handler.path for kind, handler in ours.items() if isinstance(handler, HttpGet)}
    https = any(isinstance(handler, HttpGet) and handler.scheme == "HTTPS" for handler in handlers)
    at, prefix = Served(number, Speaks.HTTPS if https else Speaks.HTTP), facts.prefix
    if _is_library(paths.values(), prefix):
        return _suggestion(MANAGEMENT_ENDPOINTS, at, survey)
    named = named_paths(facts.container)
    offered = {
        kind: ways
        for kind, path in paths.items()
        if (ways := endpoints_among((path,), prefix, alive=True, named=named).get(kind))
    }
    if offered.keys() == ours.keys():
        return _suggestion(COMMON, at, survey, offered)
    below = f"{prefix or INDEX}/"
    if len(paths) == len(ours) and all(path.startswith(below) for path in paths.values()):
        return _suggestion(MANAGEMENT_ENDPOINTS, at, survey)
    return None
