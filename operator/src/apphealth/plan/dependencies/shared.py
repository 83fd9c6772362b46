"""Shared dependencies: Services that a large share of all workloads requires, so that one failure stops many of them.

`shared_dependencies` finds them with the impact of their failure; `shared_finding` makes the finding about one. (The
finding `dependency-cycle` is part of every plan.)
"""

from __future__ import annotations

from dataclasses import dataclass

from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.impact import Patience, impact
from apphealth.plan.findings import SHARED_DEPENDENCY, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDependency:
    """A Service that many workloads require, and its blast radius."""

    service: ServiceKey
    required_by: int
    """The number of workloads whose rules require it."""
    workloads: int
    """The number of all workloads."""
    unready: tuple[WorkloadKey, ...]
    """The workloads that leave rotation if it fails, directly or through other Services."""
    degraded: tuple[WorkloadKey, ...]
    """The other workloads that need it, directly or through other Services, and stay in rotation."""


def shared_dependencies(graph: Graph, patience: Patience) -> tuple[SharedDependency, ...]:
    """Return the shared dependencies of a graph, with the impact of their failure.

    Parameters
    ----------
    graph
        The dependencies of all workloads.
    patience
        The seconds until each workload notices a failed dependency. Not read if the graph has no shared dependency.
    """
    found = {service: impact(service, graph, patience) for service in graph.shared}
    return tuple(
        SharedDependency(
            service=service,
            required_by=number,
            workloads=len(graph.workloads),
            unready=tuple(one.workload for one in found[service].unready),
            degraded=tuple(one.workload for one in found[service].degraded),
        )
        for service, number in graph.shared.items()
    )


def shared_finding(shared: SharedDependency) -> Finding:
    """Return the finding about a shared dependency."""
    return SHARED_DEPENDENCY(
        required_by=shared.required_by,
        workloads=shared.workloads,
        service=shared.service,
        blast_radius=blast_radius(shared),
    )


def blast_radius(shared: SharedDependency) -> str:
    """Return the impact of a shared dependency's failure as a sentence."""
    return f"if it fails, {len(shared.unready)} become unready and {len(shared.degraded)} degrade"
