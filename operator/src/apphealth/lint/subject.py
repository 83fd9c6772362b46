"""The input of the checks: a workload's manifest, beside the values that the plan reads.

The model leaves out parts that no decision needs, such as the second handler of a probe, or the probes of an init
container. Checks need them, so the raw object is read here once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apphealth.api.spec import Mode
from apphealth.model import raw
from apphealth.model.probe import HANDLER_FIELDS, KINDS, Grpc, HttpGet, Probe, ProbeKind, TcpSocket, parse_probe
from apphealth.model.service import Service
from apphealth.model.workload import Container, ContainerPort, Workload
from apphealth.plan.probes.eligibility import INJECTED, alone
from apphealth.plan.probes.ports import targets
from apphealth.plan.result import Plan

Path = tuple[str | int, ...]
_POD: Path = ("spec", "template", "spec")
_METRICS = frozenset({"metrics", "prometheus", "prom", "telemetry", "pprof", "profiling", "monitoring"})
"""Names of ports, or parts of them between dashes, that serve metrics to who scrapes them."""
_METRICS_SERVICES = ("-metrics", "-metrics-service", "-exporter", "-monitoring")
_LISTS = ("containers", "initContainers", "ephemeralContainers")


class Role(StrEnum):
    """The role of a container in its pod."""

    MAIN = "main"
    SIDECAR = "sidecar"
    """An init container with restartPolicy Always."""
    INIT = "init"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True)
class RawProbe:
    """A probe that a container carries."""

    kind: ProbeKind
    raw: Mapping[str, Any]
    probe: Probe
    """The probe with the API server's defaults; of several handlers, the one that `parse_probe` takes."""
    path: Path

    @property
    def handlers(self) -> list[str]:
        """The fields of its handlers: a valid probe has one."""
        return [name for name in HANDLER_FIELDS if self.raw.get(name) is not None]

    @property
    def port(self) -> int | str | None:
        """The port that it asks; None for a command."""
        match self.probe.handler:
            case HttpGet(port=port) | TcpSocket(port=port) | Grpc(port=port):
                return port
        return None

    def at(self, *fields: str | int) -> Path:
        """Return the path of a field of it."""
        return (*self.path, *fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawContainer:
    """A container, init container or ephemeral container."""

    name: str
    role: Role
    raw: Mapping[str, Any]
    path: Path
    probes: Mapping[ProbeKind, RawProbe]
    model: Container | None = None
    """The container as the plan reads it; None for init and ephemeral containers."""

    def port(self, port: int | str | None) -> ContainerPort | None:
        """Return the declared port with this number or name; a TCP one before others."""
        declared = self.model.ports if self.model is not None else ()
        found = [candidate for candidate in declared if port in (candidate.number, candidate.name)]
        return min(found, key=lambda candidate: candidate.protocol != "TCP", default=None)


def _no_plan() -> Plan | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A workload, with its Services and its plan."""

    workload: Workload
    raw: Mapping[str, Any]
    containers: Sequence[RawContainer]
    services: Sequence[Service] = ()
    """The Services that select its pods."""
    plan: Plan | None = None
    """Its plan by the rules of the input; None if no rule selects it."""
    auto: Callable[[], Plan | None] = _no_plan
    """Returns its plan by `preset: auto`. Few checks need it, so it is made on demand."""
    served: frozenset[str] = field(default_factory=frozenset)
    """The names of the containers that Services send requests to, metrics apart."""

    @property
    def probed(self) -> Iterator[RawContainer]:
        """The containers that may have probes, except injected ones."""
        return (c for c in self.containers if c.model is not None and c.name not in INJECTED)

    def gets(self, container: str, kind: ProbeKind) -> bool:
        """Return whether a rule of the input plans a probe of this kind for the container."""
        return self._enforced(container, kind) is not None

    def wants(self, container: str, probe: RawProbe) -> bool:
        """Return whether a probe equals the one that a rule of the input plans."""
        return self._enforced(container, probe.kind) == probe.probe

    def derives_tcp(self, container: str) -> bool:
        """Return whether `preset: auto` would plan a liveness probe that opens a connection."""
        probe = _planned(self.auto(), container, ProbeKind.LIVENESS)
        return probe is not None and isinstance(probe.handler, TcpSocket)

    def _enforced(self, container: str, kind: ProbeKind) -> Probe | None:
        enforced = self.plan is not None and self.plan.mode is Mode.ENFORCE
        return _planned(self.plan, container, kind) if enforced else None


def _planned(plan: Plan | None, container: str, kind: ProbeKind) -> Probe | None:
    plans = (one for one in plan.containers if one.name == container) if plan is not None else ()
    return next((probe.probe for one in plans for probe in one.probes if probe.kind is kind and probe.probe), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSubject:
    """A Service, with the workloads behind it."""

    service: Service
    raw: Mapping[str, Any]
    behind: Sequence[Workload]


def pod_path(value: Mapping[str, Any]) -> Path:
    """Return the path of the pod's spec in an object."""
    return ("spec",) if value.get("kind") == "Pod" else _POD


def pod_of(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pod's spec of a workload's object, or of a Pod; empty if it has none."""
    found = value
    for part in pod_path(value):
        found = raw.mapping(found.get(str(part)))
    return found


def read_subject(
    value: Mapping[str, Any],
    workload: Workload,
    services: Sequence[Service],
    plan: Plan | None,
    auto: Callable[[], Plan | None] = _no_plan,
) -> Subject:
    """Read a workload's object for the checks.

    Parameters
    ----------
    value
        The object, as JSON or YAML gives it.
    workload
        The same as the plan reads it.
    services
        The Services that select its pods.
    plan
        Its plan by the rules of the input; None if no rule selects it.
    auto
        Returns its plan by `preset: auto`.

    Returns
    -------
    Subject
        The input of the checks.
    """
    containers = tuple(_containers(value, workload))
    return Subject(
        workload=workload,
        raw=value,
        containers=containers,
        services=services,
        plan=plan,
        auto=auto,
        served=_served(workload, services),
    )


def _containers(value: Mapping[str, Any], workload: Workload) -> Iterator[RawContainer]:
    pod, models = pod_of(value), iter(workload.containers)
    for name in _LISTS:
        listed = pod.get(name)
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, Mapping):
                role = _role(name, item)
                model = next(models, None) if role in (Role.MAIN, Role.SIDECAR) else None
                path = (*pod_path(value), name, index)
                yield RawContainer(
                    name=raw.text(item.get("name")),
                    role=role,
                    raw=item,
                    path=path,
                    probes=_probes(item, path),
                    model=model,
                )


def _role(name: str, item: Mapping[str, Any]) -> Role:
    if name == "containers":
        return Role.MAIN
    if name == "ephemeralContainers":
        return Role.EPHEMERAL
    return Role.SIDECAR if item.get("restartPolicy") == "Always" else Role.INIT


def _probes(item: Mapping[str, Any], path: Path) -> dict[ProbeKind, RawProbe]:
    return {
        kind: RawProbe(kind, item[kind.field], probe, (*path, kind.field))
        for kind in KINDS
        if kind.field in item and (probe := parse_probe(item[kind.field])) is not None
    }


def _served(workload: Workload, services: Sequence[Service]) -> frozenset[str]:
    lonely = alone(workload)
    waiting = [service for service in services if not service.publishes_unready]
    return frozenset(
        container.name
        for container in workload.containers
        if any(
            (target := targets(service, port, container, alone=lonely)) is not None
            and not _is_for_metrics(service.name, port.name, target.name)
            for service in waiting
            for port in service.ports
        )
    )


def _is_for_metrics(service: str, *ports: str) -> bool:
    """Return whether a Service's port leads to metrics, by the names of both: who scrapes needs no readiness."""
    return service.endswith(_METRICS_SERVICES) or any(
        part in _METRICS for port in ports for part in (port, *port.split("-")) if part
    )
