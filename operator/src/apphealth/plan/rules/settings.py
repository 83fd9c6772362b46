"""Effective settings: the values that users set for a workload and its containers, each with its source.

Plain values. `merging` makes them from rules and annotations; `plan.probes` fills the fields that users did not set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Generic, NamedTuple, TypeVar

from apphealth.api.spec import ExistingProbes, Header, ProbeType, Scheme, Verification
from apphealth.model.probe import ProbeKind
from apphealth.plan.result import Conflict

T = TypeVar("T")


class Sourced(NamedTuple, Generic[T]):
    """A value, and the layer or evidence that it came from."""

    value: T
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """The settings of one probe. A field that no user set is None; the names are those of the API."""

    enabled: Sourced[bool] | None = None
    type: Sourced[ProbeType] | None = None
    port: Sourced[int | str] | None = None
    path: Sourced[str] | None = None
    scheme: Sourced[Scheme] | None = None
    headers: Sourced[tuple[Header, ...]] | None = None
    service: Sourced[str] | None = None
    command: Sourced[tuple[str, ...]] | None = None
    initial_delay_seconds: Sourced[int] | None = None
    period_seconds: Sourced[int] | None = None
    timeout_seconds: Sourced[int] | None = None
    success_threshold: Sourced[int] | None = None
    failure_threshold: Sourced[int] | None = None
    termination_grace_period_seconds: Sourced[int] | None = None
    max_seconds: Sourced[int] | None = None
    """Only of the startup probe: period x failureThreshold."""

    @property
    def wanted(self) -> bool:
        """Whether no rule has switched the probe off."""
        return self.enabled is None or self.enabled.value

    @property
    def sets_endpoint(self) -> bool:
        """Whether users set the probe's endpoint. The type HTTP alone is none, because it lacks the path."""
        where = self.path is not None or self.service is not None or self.command is not None
        return where or (self.type is not None and self.type.value is not ProbeType.HTTP)

    @property
    def sets_anything(self) -> bool:
        """Whether users set any field of the probe, apart from switching it on or off."""
        return any(name != "enabled" for name, _ in self.items())

    def items(self) -> Iterator[tuple[str, Sourced[object]]]:
        """Yield the fields that users set, by name."""
        for name in PROBE_FIELDS:
            if (value := getattr(self, name)) is not None:
                yield name, value


PROBE_FIELDS = tuple(one.name for one in fields(ProbeSettings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSettings:
    """The settings of one container."""

    enabled: Sourced[bool] | None = None
    preset: Sourced[str] | None = None
    path_prefix: Sourced[str] | None = None
    port: Sourced[int | str] | None = None
    """The annotation's port, for every probe without a port of its own."""
    listed: bool = False
    """A `containers` entry applies to it, by name or by `*`."""
    liveness: ProbeSettings = ProbeSettings()
    readiness: ProbeSettings = ProbeSettings()
    startup: ProbeSettings = ProbeSettings()
    conflicts: tuple[Conflict, ...] = ()
    probes: Mapping[ProbeKind, ProbeSettings] = field(init=False, compare=False, repr=False)
    """The settings of each probe, by kind."""
    wanted_kinds: tuple[ProbeKind, ...] = field(init=False, compare=False, repr=False)
    """The kinds of probe that no rule has switched off."""

    def __post_init__(self) -> None:
        by_kind = {
            ProbeKind.LIVENESS: self.liveness,
            ProbeKind.READINESS: self.readiness,
            ProbeKind.STARTUP: self.startup,
        }
        object.__setattr__(self, "probes", by_kind)
        object.__setattr__(self, "wanted_kinds", tuple(kind for kind, probe in by_kind.items() if probe.wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSettings:
    """The settings of a workload as a whole, with their defaults."""

    verification: Verification = Verification.REQUIRED
    existing_probes: ExistingProbes = ExistingProbes.KEEP
    discover: bool = True
    deliver: bool = True
    defaults_version: int = 1
    conflicts: tuple[Conflict, ...] = ()

    @property
    def replaces(self) -> bool:
        """Whether probes of other owners are replaced (`existingProbes: Replace`)."""
        return self.existing_probes is ExistingProbes.REPLACE
