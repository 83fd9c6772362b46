"""The graph as text for people: each workload, and below it its dependencies with their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from apphealth.cli.graph.notation import target_name
from apphealth.cli.output import clean
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph, GraphEdge
from apphealth.plan.dependencies.shared import SharedDependency, shared_finding


def tree(graph: Graph, shared: Sequence[SharedDependency]) -> str:
    """Return the graph as text, with required dependencies in bold."""
    return "".join(f"{line}\n" for line in _lines(graph, shared))


def _lines(graph: Graph, shared: Sequence[SharedDependency]) -> Iterator[str]:
    edges = {key: list(found) for key, found in groupby(graph.edges, key=lambda edge: edge.source)}
    for namespace, workloads in groupby(sorted(graph.workloads, key=_place), key=lambda key: key.namespace):
        yield clean(namespace)
        for workload in workloads:
            yield clean(f"  {workload.kind}/{workload.name}")
            for edge in edges.get(workload, ()):
                yield from _edge(edge, graph)
    if not graph.edges:
        yield "no dependencies found"
    for cycle in graph.cycles:
        yield clean(f"cycle, so none of these dependencies counts as required: {', '.join(map(str, cycle))}")
    for one in shared:
        yield clean(f"shared: {shared_finding(one).message}")


def _edge(edge: GraphEdge, graph: Graph) -> Iterator[str]:
    marks = [
        word
        for word, holds in (
            (f"{edge.confidence}", True),
            ("required", edge.required),
            ("in a cycle", edge.in_cycle),
            ("shared", edge.service in graph.shared),
        )
        if holds
    ]
    yield click.style(f"    -> {target_name(edge)} ({', '.join(marks)})", bold=edge.required)
    for evidence in edge.evidence:
        yield clean(f"         {evidence}")


def _place(key: WorkloadKey) -> tuple[str, str, str]:
    return key.namespace, key.name, key.kind
