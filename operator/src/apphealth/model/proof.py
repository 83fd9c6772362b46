"""Questions to running pods before a probe is written, and their answers: values, no I/O.

`plan` returns the open questions (`Plan.questions`) and reads the answers (`Facts.answers`); the controller asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b

from apphealth.model.probe import Handler, HttpGet, ProbeKind
from apphealth.model.survey import Served, Survey


class Accept(StrEnum):
    """Which answers prove a probe."""

    SUCCESS = "success"
    """The kubelet's success: HTTP 200-399 after redirects to the same host, an open port, gRPC SERVING. Enough for
    probes that users describe."""
    DISTINCT = "distinct"
    """HTTP 200-299, and another answer at a path that doesn't exist: for derived probes. A server that gives the same
    answer to every path, or redirects every path to a login page, proves nothing; where it has an answer for every path
    (a single-page application), only a body that says so is one of health."""
    HEALTH = "health"
    """As `DISTINCT`, and no page for people: for endpoints that were found by asking."""
    WELL = "well"
    """HTTP 200-299 with a body that says so: for servers that have one answer for every path."""
    LIBRARY = "library"
    """The JSON of flask_management_endpoints, with a status of 200-299."""
    INDEX = "index"
    """The library's index, which names its endpoints: `Proof.endpoints` has them."""
    SURVEY = "survey"
    """Whatever is served: `Proof.served` has it."""


class Verdict(StrEnum):
    """The result of a question."""

    VERIFIED = "Verified"
    """All pods that were asked passed the probe."""
    REFUTED = "Refuted"
    """At least one pod failed the probe."""
    UNREACHABLE = "Unreachable"
    """The operator could reach no pod, so nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question to the running, ready pods of a workload.

    The same question is asked once for all workloads of one namespace with the same pod template. Other pods may
    answer differently, because they may have other volumes, Secrets and sidecars.

    Attributes
    ----------
    template
        The namespace, and the digest of the pod template, see `Workload.template_key`.
    container
        The container's name: only pods that run it are asked.
    image
        Its image, as users see it; `template` covers it.
    handler
        The handler to try; its port is always a number. A survey goes through several.
    timeout
        Seconds to wait for an answer.
    accept
        Which answers prove something.
    """

    template: str
    container: str
    image: str
    handler: Handler | Survey
    timeout: int
    accept: Accept

    @cached_property
    def id(self) -> str:
        """16 hex digits that identify the question, in HealthPlans and after a restart too."""
        asked = (self.template, self.container, self.handler, self.timeout, self.accept.value)
        return blake2b(repr(asked).encode(), digest_size=8).hexdigest()

    def __str__(self) -> str:
        """`GET http :8080/readyz`, `TCP :5432`, `gRPC :50051 shop.Users`."""
        handler = self.handler
        if isinstance(handler, Survey):
            return f"what is served at {', '.join(f':{port.number}' for port in handler.ports if not port.guess)}"
        if isinstance(handler, HttpGet):
            return f"GET {handler.scheme.lower()} :{handler.port}{handler.path}"
        name = "gRPC" if hasattr(handler, "service") else "TCP"
        return f"{name} :{getattr(handler, 'port', '')} {getattr(handler, 'service', '')}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The pods' answer to a question, with its verdict.

    Attributes
    ----------
    verdict
        Whether the pods passed the probe.
    answer
        The answer as users see it: `200 in 12 ms from 3 pods`, `404 from web-5d4f-x2x`. At most 200 characters.
    slowest
        Seconds of the slowest answer; 0 if there was none.
    endpoints
        The paths that an index named, for `Accept.INDEX`.
    served
        What a survey found, for `Accept.SURVEY`.
    """

    verdict: Verdict
    answer: str = ""
    slowest: float = 0.0
    endpoints: tuple[tuple[ProbeKind, str], ...] = ()
    served: tuple[Served, ...] = ()
