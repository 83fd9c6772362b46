"""The type of a place that names a Service, and the confidence of each kind of evidence."""

from __future__ import annotations

from typing import NamedTuple

from apphealth.model.service import ServiceKey

USER_WORD = 1.0
ADDRESS = 0.9
"""A URL, DSN, `host:port` or qualified name."""
NAMED_HOST = 0.7
"""A bare name whose key means a host (`meaning_of`)."""
ALLOWED = 0.6
"""A NetworkPolicy that allows the workload to connect to it."""


class Mention(NamedTuple):
    """A place that names a Service, which may or may not exist."""

    service: ServiceKey
    port: int | str | None
    confidence: float
    evidence: str
    required: bool = False
    port_tells: bool = False
    """It counts only if the Service has this port: `redis:7` may be an image."""
    pod: bool = False
    """The name is a pod's, `db-0.db`, so it counts only for a headless Service."""
