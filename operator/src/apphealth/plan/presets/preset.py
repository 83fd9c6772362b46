"""The shape of a preset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import Container


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one probe asks. `path` belongs to HTTP and starts with a slash."""

    type: ProbeType
    path: str = ""


Endpoints = Mapping[ProbeKind, Endpoint]


def _no_signs(_container: Container) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Where a family of applications answers probes."""

    name: str
    source: str
    """Where the endpoints are documented."""
    endpoints: Callable[[str], Endpoints]
    """From the path prefix to the endpoints; a kind that is absent gets no probe from the preset."""
    default_prefix: str = ""
    default_port: int | None = None
    detect: Callable[[Container], str] = field(default=_no_signs)
    """Return the evidence that a container is of this family, or an empty text."""
    runs_library: bool = False
    """The container runs flask_management_endpoints, and so reads the dependencies file."""
