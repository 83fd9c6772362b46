"""Required dependencies that lead back to the workload: nobody's readiness may wait for itself.

If A requires B and B requires A, neither is ready before the other, and so never. Required edges within a strongly
connected component are all treated as not required. Only the user's word makes an edge required, so that nothing is
looked at where nobody says it, and the graph library is imported only for a workload that stands in a cycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apphealth.model.service import Service, ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.model.world import World
from apphealth.plan.dependencies.evidence.said import by_rules, counting, says_required
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.rules.selection import selecting

if TYPE_CHECKING:
    import networkx as nx

FINDING = "dependency-cycle"
MAX_SHOWN = 12
"""Workloads of a loop that are printed."""
Requirements = Mapping[WorkloadKey, Mapping[WorkloadKey, ServiceKey]]
"""From each workload to those it requires, with the Service that leads there."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A strongly connected component of required edges, as one of its workloads sees it."""

    edges: tuple[tuple[WorkloadKey, WorkloadKey], ...]
    """All its edges, in order: the same for each of its workloads."""
    services: frozenset[ServiceKey]
    """The Services that the workload requires and that lead back to it."""
    loop: tuple[WorkloadKey, ...]
    """A shortest way from the workload back to it, which is the first and the last."""


def find_cycle(
    workload: Workload, required: Sequence[Service], own_services: Sequence[Service], world: World
) -> Cycle | None:
    """Find the cycle that a workload stands in, if it does.

    Parameters
    ----------
    workload
        Where to start.
    required
        The Services that it requires.
    own_services
        The Services in front of it: without one, nobody can require it.
    world
        Where the others are.
    """
    if not required or not own_services:
        return None
    found = _reach(workload, required, world)
    if not any(workload.key in targets for targets in found.values()):
        return None
    import networkx as nx

    graph = as_graph(found, nx.DiGraph())
    members = next(part for part in nx.strongly_connected_components(graph) if workload.key in part)
    inside = graph.subgraph(members)
    ways = (nx.shortest_path(inside, after, workload.key) for after in sorted(inside.successors(workload.key)))
    return Cycle(
        edges=tuple(sorted(inside.edges)),
        services=frozenset(
            service.key
            for service in required
            if any(behind.key in members for behind in world.workloads_behind(service))
        ),
        loop=(workload.key, *min(ways, key=lambda way: (len(way), way))),
    )


def as_graph(requirements: Requirements, graph: nx.DiGraph[WorkloadKey]) -> nx.DiGraph[WorkloadKey]:
    """Fill a graph with requirements."""
    for source, targets in requirements.items():
        graph.add_edges_from((source, target) for target in targets)
    return graph


def finding_of(cycle: Cycle) -> Finding:
    """Tell of a cycle."""
    names = [str(key) for key in cycle.loop]
    if len(names) > MAX_SHOWN:
        names[MAX_SHOWN - 1 : -1] = [f"({len(names) - MAX_SHOWN} more)"]
    return Finding(
        id=FINDING,
        severity=Severity.WARNING,
        message=f"required dependencies form a cycle, so none of them counts as required: {' -> '.join(names)}",
        fix="take required: true away from one of them in spec.dependencies.services",
    )


def _reach(workload: Workload, required: Sequence[Service], world: World) -> Requirements:
    """Follow required edges from a workload, each one once."""
    found: dict[WorkloadKey, dict[WorkloadKey, ServiceKey]] = {workload.key: _leading(required, world)}
    todo = [*found[workload.key]]
    while todo:
        key = todo.pop()
        if key not in found:
            found[key] = _leading(required_by(world.workloads[key], world), world)
            todo += found[key]
    return found


def required_by(workload: Workload, world: World) -> list[Service]:
    """Return the Services that a workload requires by its rules' word, those in a cycle included."""
    rules = selecting(world.rules_in(workload.namespace), workload, world.namespace(workload.namespace))
    if not says_required(rules):
        return []
    counts = counting(rules, {service.key for service in world.services_of(workload)})
    keys = (said.service for said in by_rules(rules, workload) if said.required and counts(said.service))
    return [service for key in keys if (service := world.services.get(key)) is not None]


def _leading(services: Iterable[Service], world: World) -> dict[WorkloadKey, ServiceKey]:
    return {behind.key: service.key for service in services for behind in world.workloads_behind(service)}
