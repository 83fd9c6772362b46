"""Decide which containers get probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apphealth.api.rule import Rule
from apphealth.model.probe import KINDS
from apphealth.model.service import Service
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan.findings import CONTAINER_UNREACHABLE, CONTAINER_UNSERVED, Finding
from apphealth.plan.probes.ports import targets
from apphealth.plan.probes.presets import AUTO
from apphealth.plan.rules.merging import listed_containers
from apphealth.plan.rules.settings import ContainerSettings

INJECTED = frozenset(
    {
        "azwi-proxy",
        "cloud-sql-proxy",
        "cloudsql-proxy",
        "consul-connect-envoy-sidecar",
        "consul-dataplane",
        "daprd",
        "filebeat",
        "fluent-bit",
        "gke-gcsfuse-sidecar",
        "istio-proxy",
        "jaeger-agent",
        "kuma-sidecar",
        "linkerd-proxy",
        "otc-container",
        "queue-proxy",
        "vault-agent",
    }
)
"""Names of injected sidecars. They get no probes unless a rule names them, or the pod has no other container."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a container gets no probes: a reason, the same as a sentence, and a finding if users should see it."""

    reason: str
    text: str
    finding: Finding | None = None


NO_RULE = Skip("NoRule", "no rule selects the workload")
INJECTED_SIDECAR = Skip("Injected", "a sidecar that another program injects and looks after")


def why_skipped(
    container: Container,
    settings: ContainerSettings,
    workload: Workload,
    rules: Sequence[Rule],
    services: Sequence[Service],
) -> Skip | None:
    """Return why a container gets no probes, or None if it may get them.

    Parameters
    ----------
    settings
        The settings of the container.
    rules
        The rules that select the workload.
    services
        The Services that select its pods.
    """
    if not rules:
        return NO_RULE
    if settings.enabled is not None and not settings.enabled.value:
        return Skip("SwitchedOff", f"{settings.enabled.source} switches it off")
    if container.name in listed_containers(rules):
        return None
    if container.name in INJECTED and any(other.name not in INJECTED for other in workload.containers):
        return INJECTED_SIDECAR
    if settings.listed:
        return None
    lonely = alone(workload)
    served = {other.name for other in workload.containers if _served(other, services, lonely=lonely)}
    if container.name in served:
        return None
    if served:
        return _told("Unserved", CONTAINER_UNSERVED(container=container.name))
    if container.ports or (lonely and container.role is ContainerRole.MAIN and _described(settings)):
        return None
    return _told("Unreachable", CONTAINER_UNREACHABLE(container=container.name))


def _told(reason: str, finding: Finding) -> Skip:
    return Skip(reason, finding.message, finding)


def alone(workload: Workload) -> bool:
    """Return whether the pod has one container, not counting injected ones and sidecars."""
    mains = [c for c in workload.containers if c.role is ContainerRole.MAIN and c.name not in INJECTED]
    return len(mains) == 1


def _described(settings: ContainerSettings) -> bool:
    """Return whether users described what this container serves, so that it need not declare a port."""
    preset = settings.preset is not None and settings.preset.value != AUTO
    return preset or settings.port is not None or any(settings.probes[kind].sets_anything for kind in KINDS)


def _served(container: Container, services: Sequence[Service], *, lonely: bool) -> bool:
    return any(
        targets(service, port, container, alone=lonely) is not None for service in services for port in service.ports
    )
