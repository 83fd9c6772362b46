"""Services whose target port no container has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apphealth.lint.check import Check, Hit
from apphealth.lint.subject import ServiceSubject
from apphealth.model.service import ServicePort
from apphealth.model.workload import ContainerPort, Workload
from apphealth.plan import findings
from apphealth.plan.findings import Severity


def _mismatch(subject: ServiceSubject) -> Iterator[Hit]:
    behind = [workload for workload in subject.behind if workload.containers]
    if not behind or subject.service.headless:
        return
    for index, port in enumerate(subject.service.ports):
        if any(_leads(port, _ports(workload)) for workload in behind):
            continue
        named = isinstance(port.target, str)
        declared = [item for workload in behind for item in _ports(workload)]
        if not named and not declared:
            continue
        yield Hit(
            message=f"port {port.number} leads to {port.target} ({port.protocol}) of the pods of"
            f" {_names(behind)}, and no container declares it (declared: {_listed(declared)})",
            fix="correct targetPort, or declare the port in the container",
            path=("spec", "ports", index, "targetPort"),
            severity=Severity.ERROR if named else Severity.INFO,
        )


def _ports(workload: Workload) -> list[ContainerPort]:
    return [port for container in workload.containers for port in container.ports]


def _leads(port: ServicePort, declared: Sequence[ContainerPort]) -> bool:
    numbers = any(port.target in (item.number, item.name) and item.protocol == port.protocol for item in declared)
    return numbers or (isinstance(port.target, int) and not declared)


def _names(behind: Sequence[Workload]) -> str:
    return ", ".join(f"{workload.kind} {workload.name}" for workload in behind[:3])


def _listed(declared: Sequence[ContainerPort]) -> str:
    shown = dict.fromkeys(f"{port.name or port.number}/{port.protocol}" for port in declared)
    return ", ".join([*shown][:8]) or "none"


CHECKS = (
    Check(
        kind=findings.SERVICE_TARGET_MISMATCH,
        title="A Service leads to a port that its pods do not have",
        why="With a targetPort by name that no container has, the Service has no endpoint for it, and requests fail"
        " (error). A number that no container declares may be open all the same (for information).",
        remedy="Correct targetPort, or declare the port under ports of the container. Not looked at are headless"
        " Services, whose names lead to the pods themselves, Services without a workload among the input, and numbers"
        " where no container of the pod declares a port.",
        sources=("https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports",),
        service=_mismatch,
    ),
)
