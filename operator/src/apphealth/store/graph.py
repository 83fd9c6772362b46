"""The dependency graph of a world, and the input of the impact of failed Services."""

from __future__ import annotations

from apphealth.plan.dependencies.graph import Graph, build_graph
from apphealth.plan.dependencies.impact import Patience, seconds_until_unready
from apphealth.plan.dependencies.shared import SharedDependency, shared_dependencies
from apphealth.store.facts import dependencies_of, plan_of
from apphealth.store.world import World


def graph_of(world: World) -> Graph:
    """Return the dependency graph of a world, over all workloads, whether a rule selects them or not.

    Parameters
    ----------
    world
        The known cluster or files.
    """
    return build_graph(
        {key: dependencies_of(workload, world) for key, workload in world.workloads.items()},
        {
            key: tuple(workload.key for workload in world.workloads_behind(service))
            for key, service in world.services.items()
        },
    )


def patience_of(graph: Graph, world: World) -> Patience:
    """Return the seconds until each workload with required dependencies notices that one has failed.

    Parameters
    ----------
    graph
        The graph of the world, or a part of it.
    world
        The known cluster or files.
    """
    requiring = {edge.source for edge in graph.edges if edge.required}
    workloads = ((key, world.workloads[key]) for key in sorted(requiring))
    return {key: seconds_until_unready(workload, plan_of(workload, world)) for key, workload in workloads}


def shared_in(graph: Graph, world: World) -> tuple[SharedDependency, ...]:
    """Return the shared dependencies of a world's graph. Workloads are planned only if there are any.

    Parameters
    ----------
    graph
        The graph of the world.
    world
        The known cluster or files.
    """
    return shared_dependencies(graph, patience_of(graph, world) if graph.shared else {})
