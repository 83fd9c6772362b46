"""Which containers get probes at all."""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.api.rule import Rule
from apphealth.model.probe import ProbeKind
from apphealth.model.service import Service
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.probes.ports import targets
from apphealth.plan.probes.presets import AUTO
from apphealth.plan.rules.merging import Settings, named_containers

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
"""Names of sidecars that others inject and look after: left alone unless a rule names them, or the pod has no other."""


def left_alone(
    container: Container, settings: Settings, workload: Workload, rules: Sequence[Rule], services: Sequence[Service]
) -> Finding | str | None:
    """Say why a container gets no probes: a finding where a person may want to know, else a word; None if it may."""
    if not rules:
        return "no rule selects the workload"
    if settings.get("enabled") is False:
        return "switched off by a rule"
    if container.name in named_containers(rules):
        return None
    if container.name in INJECTED and any(other.name not in INJECTED for other in workload.containers):
        return "injected: whoever injects it looks after it"
    if settings.get("addressed"):
        return None
    served = {other.name for other in workload.containers if _served(other, workload, services)}
    if container.name in served:
        return None
    if served:
        return _info(
            "container-unserved", "a Service leads to another container of the pod, not to this one", container
        )
    if container.ports or (alone(workload) and container.role is ContainerRole.MAIN and _described(settings)):
        return None
    return _info("container-unreachable", "it has no port and no Service, so there is nothing to ask", container)


def alone(workload: Workload) -> bool:
    """Whether the pod has one container of its own, apart from injected ones and sidecars."""
    mains = [c for c in workload.containers if c.role is ContainerRole.MAIN and c.name not in INJECTED]
    return len(mains) == 1


def _described(settings: Settings) -> bool:
    """Whether users said what this container serves, so that it need not declare a port."""
    preset = settings.get("preset") not in (None, AUTO)
    return preset or settings.says("port") or any(settings.says(f"{kind}.") for kind in ProbeKind)


def _served(container: Container, workload: Workload, services: Sequence[Service]) -> bool:
    lonely = alone(workload)
    return any(
        targets(service, port, container, alone=lonely) is not None for service in services for port in service.ports
    )


def _info(id_: str, message: str, container: Container) -> Finding:
    fix = "name it under spec.containers to give it probes all the same"
    return Finding(id=id_, severity=Severity.INFO, message=message, fix=fix, container=container.name)
