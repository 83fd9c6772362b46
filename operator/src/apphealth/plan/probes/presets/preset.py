"""The type of a preset, and of its endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.signs import Signs

MAX_PREFIX = 256
"""Most characters of a path prefix."""
_PATH = re.compile(r"[!-\"%-'*-.0->@-~/]*", re.ASCII)
"""No space, `#` or `?`, nor `$(`: a reference that only the kubelet resolves."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of one probe. `path` is only for HTTP, and starts with a slash."""

    type: ProbeType
    path: str = ""
    command: tuple[str, ...] = ()
    """The command of an Exec probe, which is used only if commands are allowed."""
    only_proven: bool = False
    """Whether it is written only after running pods have proven it, because not all versions serve it."""
    any_path: bool = False
    """Whether its server answers so at every path: then the body has to say that it is well."""


Endpoints = Mapping[ProbeKind, tuple[Endpoint, ...]]
"""The endpoints that each probe may ask, the best first; the preset has no probe of a kind that is absent."""


def http(path: str, *, only_proven: bool = False, any_path: bool = False) -> Endpoint:
    """Return an endpoint for HTTP GET."""
    return Endpoint(ProbeType.HTTP, path, only_proven=only_proven, any_path=any_path)


TCP = Endpoint(ProbeType.TCP)
"""Open a connection."""
GRPC = Endpoint(ProbeType.GRPC)
"""Ask by the gRPC health protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of the endpoints by a container's own settings, as its framework reads them."""

    prefix: str | None = None
    """None: the settings have none, and the preset's own prefix counts."""
    port: int | None = None
    """A port for management alone, which need not be a Service's target."""
    default_port: int | None = None
    """The port that the application listens on, used if neither the container nor a Service declares one."""
    https: bool | None = None
    """Whether it serves TLS; None: the port decides."""


NOWHERE = Place()


def _no_place(_clues: Clues) -> Place:
    return NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The endpoints of a family of applications, and the signs of the family."""

    name: str
    source: str
    """The link to the documentation of the endpoints."""
    endpoints: Callable[[str], Endpoints]
    """Returns the endpoints under a path prefix."""
    default_prefix: str = ""
    default_port: int | None = None
    place: Callable[[Clues], Place] = field(default=_no_place)
    """Reads prefix and ports from the container's own settings."""
    signs: Signs = field(default=Signs())
    """Any of these signs suggests the preset."""
    besides: Signs | None = None
    """The container must have one of these signs too."""
    sought: bool = False
    """Whether it is tried on pods without any sign of it."""
    sought_where: Signs | None = None
    """It is tried so only if the container has one of these signs."""
    runs_library: bool = False
    """The container runs flask_management_endpoints, and so reads the dependencies file."""
    speaks_http: bool = True
    """False: its programs take HTTP amiss, so that none of their ports is ever asked by it."""
    certain: bool = False
    """Whether a container with its signs serves its endpoints for certain: then they may be written unproven."""
    left_to_survey: bool = False
    """Where pods can be asked, a survey tells with more certainty than its signs."""
    port_names: tuple[str, ...] = ()
    """Names of the port to ask, preferred to `http`."""
    port_protocols: tuple[str, ...] = ("http",)
    """Prefixes of the appProtocol of the Service's port to ask."""
    liveness_failures: int | None = None
    """A failureThreshold of liveness above the default, because the endpoint may fail while the process is well."""

    def evidence(self, clues: Clues) -> str:
        """Return the evidence that a container is of this family, or an empty text."""
        found = self.signs.evidence(clues)
        if not found or self.besides is None:
            return found
        more = self.besides.evidence(clues)
        return f"{found}, {more}" if more else ""


def is_true(text: str) -> bool:
    """Return whether a setting is switched on."""
    return text.strip().lower() in ("true", "1", "yes", "on")


def port_of(text: str) -> int | None:
    """Return the port number in a setting, or None."""
    number = int(text) if text.isdecimal() and text.isascii() and len(text) <= 5 else 0
    return number if 1 <= number <= 65535 else None


def joined(*parts: str) -> str | None:
    """Join parts of a path, with one slash before each; None if the result is no valid path of a probe."""
    path = "".join(f"/{part}" for part in (part.strip("/") for part in parts) if part)
    return path if len(path) <= MAX_PREFIX and _PATH.fullmatch(path) else None
