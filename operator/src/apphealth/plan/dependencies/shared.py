"""Shared dependencies: Services that so many workloads require that their failure is everybody's.

`shared_dependencies` tells which they are, and what their failure would lead to; `shared_finding` says it. (The finding
`dependency-cycle` is among those of every plan.)
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
    """A Service that many require, and its blast radius."""

    service: ServiceKey
    required_by: int
    """Workloads that require it by the user's word."""
    workloads: int
    """All workloads there are."""
    unready: tuple[WorkloadKey, ...]
    """What leaves rotation if it fails, directly or by way of others."""
    degraded: tuple[WorkloadKey, ...]
    """What else needs it, directly or by way of others, and stays in rotation."""


def shared_dependencies(graph: Graph, patience: Patience) -> tuple[SharedDependency, ...]:
    """Return the shared dependencies of a graph, with what their failure would lead to.

    Parameters
    ----------
    graph
        Who needs whom.
    patience
        That of the graph's workloads; it need not be known where nothing is shared.
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
    """Say what the failure of a shared dependency would lead to."""
    return f"if it fails, {len(shared.unready)} become unready and {len(shared.degraded)} degrade"
