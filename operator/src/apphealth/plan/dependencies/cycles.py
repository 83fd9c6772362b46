"""Required dependencies that lead back to the workload: nobody's readiness may wait for itself.

If A requires B and B requires A, neither is ready before the other, and so never. Required edges within a strongly
connected component are all treated as not required. Only the user's word makes an edge required, so that nothing is
looked at where nobody says it, and the graph library is imported only for a workload that stands in a cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apphealth.api.rule import Rule
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.evidence.said import by_rules, counting, says_required
from apphealth.plan.facts import EMPTY, Requirements
from apphealth.plan.findings import DEPENDENCY_CYCLE, Finding

if TYPE_CHECKING:
    import networkx as nx

MAX_SHOWN = 12
"""Workloads of a loop that are printed."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A strongly connected component of required edges, as one of its workloads sees it."""

    edges: tuple[tuple[WorkloadKey, WorkloadKey], ...]
    """All its edges, in order: the same for each of its workloads."""
    services: frozenset[ServiceKey]
    """The Services that the workload requires and that lead back to it."""
    loop: tuple[WorkloadKey, ...]
    """A shortest way from the workload back to it, which is the first and the last."""


def find_cycle(workload: WorkloadKey, required: Collection[ServiceKey], requirements: Requirements) -> Cycle | None:
    """Find the cycle that a workload stands in, if it does.

    Parameters
    ----------
    workload
        Where to start.
    required
        The Services that it requires.
    requirements
        All that can be reached from it by required edges.
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
    """Fill a graph with requirements."""
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
    """Return the Services that a workload requires by its rules' word, those in a cycle included, existing or not.

    Parameters
    ----------
    workload
        The workload.
    rules
        Those that select it, the weakest first.
    own
        The Services that select its pods.
    """
    if not says_required(rules):
        return []
    counts = counting(rules, own)
    return [said.service for said in by_rules(rules, workload) if said.required and counts(said.service)]
