"""The shape of a preset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.signs import Signs

MAX_PREFIX = 256
"""Characters of a path prefix."""
_PATH = re.compile(r"[!-\"%-'*-.0->@-~/]*", re.ASCII)
"""No space, `#` or `?`, nor `$(`: a reference that only the kubelet resolves."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one probe asks. `path` belongs to HTTP and starts with a slash."""

    type: ProbeType
    path: str = ""
    command: tuple[str, ...] = ()
    """What an Exec probe runs. It is asked so only where commands are allowed."""
    only_proven: bool = False
    """Used only where running pods have shown that it is there: not all versions serve it."""


Endpoints = Mapping[ProbeKind, tuple[Endpoint, ...]]
"""The places where each probe may ask, the best first; a kind that is absent gets no probe from the preset."""


def http(path: str, *, only_proven: bool = False) -> Endpoint:
    """Ask by HTTP GET."""
    return Endpoint(ProbeType.HTTP, path, only_proven=only_proven)


TCP = Endpoint(ProbeType.TCP)
"""Open a connection."""
GRPC = Endpoint(ProbeType.GRPC)
"""Ask by the gRPC health protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a container's own settings put the endpoints, as its framework reads them."""

    prefix: str | None = None
    """None where the settings say nothing: the preset's own prefix."""
    port: int | None = None
    """A port for management alone, which no Service need lead to."""
    default_port: int | None = None
    """The port that the application listens on, where neither the container nor a Service declares one."""
    https: bool | None = None
    """Whether it serves TLS; None where the port has to tell."""


NOWHERE = Place()


def _no_place(_clues: Clues) -> Place:
    return NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Where a family of applications answers probes."""

    name: str
    source: str
    """Where the endpoints are documented."""
    endpoints: Callable[[str], Endpoints]
    """From the path prefix to the endpoints."""
    default_prefix: str = ""
    default_port: int | None = None
    place: Callable[[Clues], Place] = field(default=_no_place)
    """Read prefix and ports from the container's own settings."""
    signs: Signs = field(default=Signs())
    """Any of these suggests it."""
    besides: Signs | None = None
    """One of these has to be there as well."""
    sought: bool = False
    """Looked for by asking the pods, also where nothing suggests it."""
    sought_where: Signs | None = None
    """Looked for so only where one of these is there."""
    runs_library: bool = False
    """The container runs flask_management_endpoints, and so reads the dependencies file."""
    port_names: tuple[str, ...] = ()
    """Names of ports that tell where it answers, ahead of `http`."""
    port_protocols: tuple[str, ...] = ("http",)
    """What the appProtocol of a Service's port begins with where it answers."""
    liveness_failures: int | None = None
    """A higher failureThreshold of liveness than the defaults', where the endpoint is a coarse one."""

    def evidence(self, clues: Clues) -> str:
        """Return the evidence that a container is of this family, or an empty text."""
        found = self.signs.evidence(clues)
        if not found or self.besides is None:
            return found
        more = self.besides.evidence(clues)
        return f"{found}, {more}" if more else ""


def is_true(text: str) -> bool:
    """Whether a setting is switched on."""
    return text.strip().lower() in ("true", "1", "yes", "on")


def port_of(text: str) -> int | None:
    """Read a port's number from a setting; None where it is none."""
    number = int(text) if text.isdecimal() and text.isascii() and len(text) <= 5 else 0
    return number if 1 <= number <= 65535 else None


def joined(*parts: str) -> str | None:
    """Join parts of a path, with one slash before each; None where that is no path that a probe could ask."""
    path = "".join(f"/{part}" for part in (part.strip("/") for part in parts) if part)
    return path if len(path) <= MAX_PREFIX and _PATH.fullmatch(path) else None
