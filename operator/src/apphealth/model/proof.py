"""What running pods are asked before a probe is written, and what they answered: values, no I/O.

`plan` says what there is to ask (`Plan.questions`) and reads what came of it (`Facts.answers`); the controller asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b

from apphealth.model.probe import Handler, HttpGet, ProbeKind


class Accept(StrEnum):
    """Which answers prove something."""

    SUCCESS = "success"
    """What the kubelet takes for success: HTTP 200-399 after redirects to the same host, an open port, gRPC SERVING.
    Enough where users said it."""
    DISTINCT = "distinct"
    """HTTP 200-299, and another answer at a path that nobody serves: for what was derived. A server that answers
    everything alike, or sends everybody to a login page, proves nothing."""
    LIBRARY = "library"
    """The JSON of flask_management_endpoints, with a status of 200-299."""
    INDEX = "index"
    """The library's index, which names its endpoints: `Proof.endpoints` has them."""


class Verdict(StrEnum):
    """What came of a question."""

    VERIFIED = "Verified"
    """All pods that were asked answered as the probe wants."""
    REFUTED = "Refuted"
    """One of them answered otherwise; the probe would fail."""
    UNREACHABLE = "Unreachable"
    """None of them could be reached from where the operator runs: nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to ask the running, ready pods of a workload.

    The same question is asked once for all workloads of one namespace that have the same pod template: other pods may
    answer otherwise, for they may mount other volumes, Secrets and sidecars.

    Attributes
    ----------
    template
        The namespace, and the digest of the pod template, see `Workload.template_key`.
    container
        The container's name: only pods that run it are asked.
    image
        Its image, for people; `template` covers it.
    handler
        What to ask; the port is always a number.
    timeout
        Seconds to wait for an answer.
    accept
        Which answers prove something.
    """

    template: str
    container: str
    image: str
    handler: Handler
    timeout: int
    accept: Accept

    @cached_property
    def id(self) -> str:
        """16 hex digits that name this question among all, and in HealthPlans, also after a restart."""
        asked = (self.template, self.container, self.handler, self.timeout, self.accept.value)
        return blake2b(repr(asked).encode(), digest_size=8).hexdigest()

    def __str__(self) -> str:
        """`GET http :8080/readyz`, `TCP :5432`, `gRPC :50051 shop.Users`."""
        handler = self.handler
        if isinstance(handler, HttpGet):
            return f"GET {handler.scheme.lower()} :{handler.port}{handler.path}"
        name = "gRPC" if hasattr(handler, "service") else "TCP"
        return f"{name} :{getattr(handler, 'port', '')} {getattr(handler, 'service', '')}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of a question.

    Attributes
    ----------
    verdict
        What it means for the probe.
    answer
        What came back, for people: `200 in 12 ms from 3 pods`, `404 from web-5d4f-x2x`. At most 200 characters.
    slowest
        Seconds of the slowest answer; 0 where there was none.
    endpoints
        The paths that an index named, for `Accept.INDEX`.
    """

    verdict: Verdict
    answer: str = ""
    slowest: float = 0.0
    endpoints: tuple[tuple[ProbeKind, str], ...] = ()
