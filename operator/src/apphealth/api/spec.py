"""The `spec` of AppHealth and ClusterAppHealth, field for field as in the CustomResourceDefinitions.

Every field of a probe is optional: `None` means that the rule doesn't set it, and the next lower layer decides.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from apphealth.api.scalars import (
    Argument,
    Canaries,
    Concurrency,
    ContainerName,
    Count,
    CronSchedule,
    Delay,
    Duration,
    Failures,
    GrpcService,
    HeaderName,
    HeaderValue,
    HttpPath,
    LabelKey,
    LabelValue,
    NameGlob,
    NamespaceName,
    PathPrefix,
    Port,
    PresetName,
    Seconds,
    ServiceName,
    Soak,
    Stage,
    Threshold,
    TimeZone,
    WorkloadName,
)


class Mode(StrEnum):
    """Whether the operator writes a plan."""

    ENFORCE = "Enforce"
    """Write it to the workload."""
    AUDIT = "Audit"
    """Record it in the HealthPlan, and write nothing else."""


class Verification(StrEnum):
    """Whether a probe is tried on running pods before it is written."""

    REQUIRED = "Required"
    SKIP = "Skip"


class ExistingProbes(StrEnum):
    """What happens to probes of other owners."""

    KEEP = "Keep"
    """They stay, and are reported."""
    REPLACE = "Replace"
    """They are remembered, replaced, and restored when the rule is deleted."""


class ProbeType(StrEnum):
    """How a probe asks."""

    HTTP = "HTTP"
    TCP = "TCP"
    GRPC = "GRPC"
    EXEC = "Exec"


class Scheme(StrEnum):
    """The scheme of an HTTP probe, spelled as Kubernetes does."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The base of every part of a spec: immutable, camelCase on the wire, no unknown fields."""


class Header(_Part, frozen=True, kw_only=True):
    """One header that an HTTP probe sends."""

    name: HeaderName
    value: HeaderValue


class ProbeSettings(_Part, frozen=True, kw_only=True):
    """The settings of one probe."""

    enabled: bool | None = None
    type: ProbeType | None = None
    port: Port | None = None
    path: HttpPath | None = None
    scheme: Scheme | None = None
    headers: Annotated[tuple[Header, ...], Meta(max_length=16)] | None = None
    service: GrpcService | None = None
    command: Annotated[tuple[Argument, ...], Meta(min_length=1, max_length=64)] | None = None
    initial_delay_seconds: Delay | None = None
    period_seconds: Seconds | None = None
    timeout_seconds: Seconds | None = None
    success_threshold: Threshold | None = None
    failure_threshold: Threshold | None = None
    termination_grace_period_seconds: Seconds | None = None


class StartupSettings(ProbeSettings, frozen=True, kw_only=True):
    """The settings of the startup probe: `maxSeconds` stands for period x failureThreshold."""

    max_seconds: Seconds | None = None


class ProbesSettings(_Part, frozen=True, kw_only=True):
    """The three probes of a container."""

    liveness: ProbeSettings = ProbeSettings()
    readiness: ProbeSettings = ProbeSettings()
    startup: StartupSettings = StartupSettings()


class ContainerSettings(_Part, frozen=True, kw_only=True):
    """Settings for the container of this name; `*` stands for every container."""

    name: ContainerName
    enabled: bool | None = None
    preset: PresetName | None = None
    path_prefix: PathPrefix | None = None
    probes: ProbesSettings = ProbesSettings()


class ServiceReference(_Part, frozen=True, kw_only=True):
    """A Service that the workload needs."""

    name: ServiceName
    namespace: NamespaceName | None = None
    port: Port | None = None
    required: bool | None = None


class IgnoredService(_Part, frozen=True, kw_only=True):
    """Services that are never a dependency; `*` and `?` are wildcards."""

    name: NameGlob
    namespace: NameGlob | None = None


class DependenciesSettings(_Part, frozen=True, kw_only=True):
    """The Services that the workload needs, and whether they are delivered to it."""

    discover: bool | None = None
    deliver: bool | None = None
    services: Annotated[tuple[ServiceReference, ...], Meta(max_length=64)] = ()
    ignore: Annotated[tuple[IgnoredService, ...], Meta(max_length=64)] = ()


class SelectorOperator(StrEnum):
    """The operators of a label selector."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorRequirement(_Part, frozen=True, kw_only=True):
    """One expression of a label selector."""

    key: LabelKey
    operator: SelectorOperator
    values: Annotated[tuple[LabelValue, ...], Meta(max_length=64)] = ()


class LabelSelector(_Part, frozen=True, kw_only=True):
    """A standard label selector: all of it must match; an empty one matches everything."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Meta(max_length=64)] = {}
    match_expressions: Annotated[tuple[SelectorRequirement, ...], Meta(max_length=64)] = ()


class WorkloadKind(StrEnum):
    """The kinds of workload that a rule can select."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    ROLLOUT = "Rollout"
    """Argo's Rollout: planned and shown, never written."""


class TargetRef(_Part, frozen=True, kw_only=True):
    """One workload, by name."""

    kind: WorkloadKind
    name: WorkloadName


class Window(_Part, frozen=True, kw_only=True):
    """A time in which workloads may be changed: it opens by the schedule and stays open for the duration."""

    schedule: CronSchedule
    duration: Duration
    time_zone: TimeZone | None = None


class RolloutSettings(_Part, frozen=True, kw_only=True):
    """How fast a rule changes workloads that have ready pods."""

    max_concurrent: Concurrency | None = None
    max_per_namespace: Count | None = None
    canaries: Canaries | None = None
    soak_seconds: Soak | None = None
    max_failures: Failures | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=16)] = ()
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=3)] | None = None
    paused: bool | None = None


class AppHealthSpec(_Part, frozen=True, kw_only=True):
    """The spec of an AppHealth."""

    mode: Mode = Mode.ENFORCE
    selector: LabelSelector | None = None
    target_ref: TargetRef | None = None
    preset: PresetName | None = None
    path_prefix: PathPrefix | None = None
    verification: Verification | None = None
    existing_probes: ExistingProbes | None = None
    probes: ProbesSettings = ProbesSettings()
    containers: Annotated[tuple[ContainerSettings, ...], Meta(max_length=64)] = ()
    dependencies: DependenciesSettings = DependenciesSettings()
    rollout: RolloutSettings = RolloutSettings()
    defaults_version: Annotated[int, Meta(ge=1, le=1)] = 1


class ClusterAppHealthSpec(AppHealthSpec, frozen=True, kw_only=True):
    """The spec of a ClusterAppHealth: that of an AppHealth, for the namespaces that its selector matches."""

    mode: Mode = Mode.AUDIT
    namespace_selector: LabelSelector = LabelSelector()
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
