"""Builders for candidates and their evaluation, without a workload around them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apphealth.api.spec import ProbeType
from apphealth.model.probe import HttpGet, ProbeKind, TcpSocket
from apphealth.model.proof import Accept, Proof, Verdict
from apphealth.model.workload import Container, ContainerPort
from apphealth.plan.probes.candidates import Candidate
from apphealth.plan.probes.container import ContainerFacts, Pods
from apphealth.plan.probes.handlers import PlannedHandler
from apphealth.plan.probes.presets.preset import Endpoint, Preset
from apphealth.plan.probes.suggestions import Origin, Suggestion
from apphealth.plan.rules.settings import ContainerSettings


def facts(**fields: Any) -> ContainerFacts:
    """An unmarked container with one port, whose pods can be asked."""
    return ContainerFacts(
        **{
            "container": Container(name="main", image="shop:1", ports=(ContainerPort(8080, "http", "TCP"),)),
            "template": "shop/1",
            "settings": ContainerSettings(),
            "services": (),
            "alone": True,
            "ordered": False,
            "defaults_version": 1,
            "start": 0,
            "allow_exec": False,
            "writable": frozenset(ProbeKind),
            "theirs": {},
            "ours": {},
            "replaces": False,
            "pods": Pods(ready=True),
            "answers": {},
        }
        | fields
    )


def handler(path: str = "", *, by_users: bool = False, only_proven: bool = False) -> PlannedHandler:
    """An HTTP handler, or without a path one that opens a connection."""
    type_ = ProbeType.HTTP if path else ProbeType.TCP
    return PlannedHandler(
        handler=HttpGet("http", path) if path else TcpSocket("http"),
        endpoint=None if by_users else Endpoint(type_, path, only_proven=only_proven),
        number=8080,
        speaks_http=True,
        accept=Accept.SUCCESS,
        provenance=(),
    )


def candidate(
    origin: Origin = Origin.EVIDENCE, name: str = "style", *, certain: bool = False, **handlers: Any
) -> Candidate:
    """A candidate with handlers by kind; what users name derives nothing."""
    kinds = {ProbeKind(kind): ways if isinstance(ways, tuple) else (ways,) for kind, ways in handlers.items()}
    preset = Preset(name=name, source="tests", endpoints=lambda _prefix: {}, certain=certain) if name else None
    return Candidate(
        suggestion=Suggestion(preset=preset, evidence="a sign", origin=origin),
        handlers=kinds,
        problems={},
        derived=frozenset(kinds) if origin is not Origin.USERS else frozenset(),
    )


def verified(slowest: float = 0.01) -> Proof:
    return Proof(verdict=Verdict.VERIFIED, answer="200 from 1 pod", slowest=slowest)


REFUTED = Proof(verdict=Verdict.REFUTED, answer="404 from web-1")
UNREACHABLE = Proof(verdict=Verdict.UNREACHABLE, answer="no route to web-1")


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The builders."""
    return SimpleNamespace(
        facts=facts,
        handler=handler,
        candidate=candidate,
        verified=verified,
        refuted=REFUTED,
        unreachable=UNREACHABLE,
    )
