"""Cycles of required dependencies: a workload's readiness must not wait for itself.

If A requires B and B requires A, neither ever becomes ready. So no required edge within a strongly connected component
counts as required. Only rules make an edge required, so a workload whose rules require nothing costs nothing here, and
the graph library is imported only for a workload in a cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apphealth.api.rule import Rule
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.evidence.declared import by_rules, dependable_services, requires_any
from apphealth.plan.facts import EMPTY, Requirements
from apphealth.plan.findings import DEPENDENCY_CYCLE, Finding

if TYPE_CHECKING:
    import networkx as nx

MAX_SHOWN = 12
"""Most workloads of a loop that the finding lists."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A strongly connected component of required edges, found from one of its workloads."""

    edges: tuple[tuple[WorkloadKey, WorkloadKey], ...]
    """All its edges, sorted: equal for each of its workloads."""
    services: frozenset[ServiceKey]
    """The Services that the workload requires and that lead back to it."""
    loop: tuple[WorkloadKey, ...]
    """A shortest path from the workload back to itself; it is the first and the last item."""


def find_cycle(workload: WorkloadKey, required: Collection[ServiceKey], requirements: Requirements) -> Cycle | None:
    """Return the cycle that a workload is part of, or None.

    Parameters
    ----------
    workload
        The workload.
    required
        The Services that it requires.
    requirements
        The required edges that can be reached from it.
    """
    own = {service: behind for service, behind in requirements.get(workload, EMPTY).items() if service in required}
    if not any(workload in behind for found in requirements.values() for behind in found.values()):
        return None
    import networkx as nx

    graph = as_graph({**requirements, workload: own}, nx.DiGraph())
    members = next(part for part in nx.strongly_connected_components(graph) if workload in part)
    inside = graph.subgraph(members)
    if not inside.edges:
        return None
    ways = (nx.shortest_path(inside, after, workload) for after in sorted(inside.successors(workload)))
    return Cycle(
        edges=tuple(sorted(inside.edges)),
        services=frozenset(service for service, behind in own.items() if not members.isdisjoint(behind)),
        loop=(workload, *min(ways, key=lambda way: (len(way), way))),
    )


def as_graph(requirements: Requirements, graph: nx.DiGraph[WorkloadKey]) -> nx.DiGraph[WorkloadKey]:
    """Add the requirements to a graph, and return it."""
    for source, required in requirements.items():
        graph.add_node(source)
        graph.add_edges_from((source, target) for behind in required.values() for target in behind)
    return graph


def cycle_finding(cycle: Cycle) -> Finding:
    """Return the finding about a cycle, for the workload that it was found from."""
    names = [str(key) for key in cycle.loop]
    if len(names) > MAX_SHOWN:
        names[MAX_SHOWN - 1 : -1] = [f"({len(names) - MAX_SHOWN} more)"]
    return DEPENDENCY_CYCLE(loop=" -> ".join(names))


def required_by(workload: Workload, rules: Sequence[Rule], own: Collection[ServiceKey]) -> list[ServiceKey]:
    """Return the Services that a workload's rules require, existing or not, also those in a cycle.

    Parameters
    ----------
    workload
        The workload.
    rules
        The rules that select it, the weakest first.
    own
        The Services that select its pods.
    """
    if not requires_any(rules):
        return []
    counts = dependable_services(rules, own)
    return [mention.service for mention in by_rules(rules, workload) if mention.required and counts(mention.service)]
