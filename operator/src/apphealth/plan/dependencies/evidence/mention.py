"""A place that names a Service, and how likely it is that the workload needs it."""

from __future__ import annotations

from typing import NamedTuple

from apphealth.model.service import ServiceKey

USER_WORD = 1.0
ADDRESS = 0.9
"""A URL, DSN, `host:port` or qualified name."""
NAMED_HOST = 0.7
"""A bare name, where the key says that it is a host."""
ALLOWED = 0.6
"""A NetworkPolicy lets the workload talk to it."""


class Mention(NamedTuple):
    """A place that names a Service, which may or may not exist."""

    service: ServiceKey
    port: int | str | None
    confidence: float
    evidence: str
    required: bool = False
    port_tells: bool = False
    """Only a port that the Service has makes it one: `redis:7` may be an image as well."""
    pod: bool = False
    """The name is that of a pod, `db-0.db`, so only a headless Service can be meant."""
