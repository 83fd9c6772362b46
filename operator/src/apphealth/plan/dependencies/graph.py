"""The dependency graph of all workloads, selected by a rule or not. `store.graph` gathers its input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.edges import Derived

SHARED_SHARE = 0.2
"""The share of all workloads that makes a Service a shared dependency if they require it."""
SHARED_LEAST = 3
"""The least number of workloads that make a Service a shared dependency."""
Requirement = tuple[WorkloadKey, WorkloadKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """A workload needs a Service."""

    source: WorkloadKey
    service: ServiceKey
    port: int
    """0: not known."""
    required: bool
    """A rule requires it, and it is not in a cycle."""
    in_cycle: bool
    """A rule requires it, but it leads back to the workload by required edges, so it doesn't count as required."""
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The dependencies between all workloads and Services."""

    workloads: tuple[WorkloadKey, ...]
    services: Mapping[ServiceKey, tuple[WorkloadKey, ...]]
    """The Services, with the workloads behind each."""
    edges: tuple[GraphEdge, ...]
    cycles: tuple[tuple[WorkloadKey, ...], ...]
    """The workloads of each cycle of required edges, one tuple for each cycle."""
    shared: Mapping[ServiceKey, int]
    """The shared dependencies, with the number of workloads that require each."""


def build_graph(
    derived: Mapping[WorkloadKey, Derived], services: Mapping[ServiceKey, tuple[WorkloadKey, ...]]
) -> Graph:
    """Build the graph.

    Parameters
    ----------
    derived
        The dependencies of every workload.
    services
        Every Service, with the workloads behind it.
    """
    edges = tuple(edge for key in sorted(derived) for edge in _edges(key, derived[key]))
    cycles = {found.cycle.edges for found in derived.values() if found.cycle is not None}
    return Graph(
        workloads=tuple(sorted(derived)),
        services={key: services[key] for key in sorted(services)},
        edges=edges,
        cycles=tuple(sorted(tuple(sorted({source for source, _ in cycle})) for cycle in cycles)),
        shared=shared(Counter(edge.service for edge in edges if edge.required or edge.in_cycle), len(derived)),
    )


def around(graph: Graph, namespace: str) -> Graph:
    """Return the part of a graph around a namespace: its workloads and Services, what they need, and what needs them.

    Shared dependencies and cycles are those of the whole graph.

    Parameters
    ----------
    graph
        All workloads.
    namespace
        The namespace to show.
    """
    edges = tuple(edge for edge in graph.edges if namespace in (edge.source.namespace, edge.service.namespace))
    named = {edge.service for edge in edges}
    services = {key: behind for key, behind in graph.services.items() if key.namespace == namespace or key in named}
    kept = {edge.source for edge in edges} | {key for behind in services.values() for key in behind}
    return replace(
        graph,
        workloads=tuple(key for key in graph.workloads if key.namespace == namespace or key in kept),
        services=services,
        edges=edges,
        cycles=tuple(cycle for cycle in graph.cycles if kept.issuperset(cycle)),
        shared={key: number for key, number in graph.shared.items() if key in services},
    )


def _edges(key: WorkloadKey, found: Derived) -> Iterable[GraphEdge]:
    for edge in found.edges:
        yield GraphEdge(
            source=key,
            service=edge.service.key,
            port=edge.port.number if edge.port else 0,
            required=edge.required,
            in_cycle=edge.service.key in found.broken,
            confidence=edge.confidence,
            evidence=edge.evidence,
        )


def shared(requiring: Mapping[ServiceKey, int], workloads: int) -> dict[ServiceKey, int]:
    """Return the shared dependencies among Services, given how many of all workloads require each.

    Parameters
    ----------
    requiring
        The workloads that require each Service.
    workloads
        All workloads.
    """
    least = max(SHARED_LEAST, SHARED_SHARE * workloads)
    return {service: number for service, number in sorted(requiring.items()) if number >= least}
