"""The graph for Graphviz: `apphealth graph -f deploy -o dot | dot -Tsvg`."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.cli.graph.notation import backends, in_cycles, namespaces, needed
from apphealth.cli.output import clean
from apphealth.plan.dependencies.graph import Graph


def dot(graph: Graph) -> str:
    """Return the graph as text: required edges bold, cycles red, shared dependencies yellow, Services as ellipses."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    circle = in_cycles(graph)
    yield "digraph dependencies {"
    yield "  rankdir=LR;"
    for namespace in namespaces(graph):
        yield f"  subgraph {_quoted(f'cluster_{namespace}')} {{"
        yield f"    label={_quoted(namespace)};"
        for workload in graph.workloads:
            if workload.namespace == namespace:
                red = ", color=red" if workload in circle else ""
                label = _quoted(f"{workload.kind}/{workload.name}")
                yield f"    {_quoted(str(workload))} [label={label}, shape=box{red}];"
        for service in needed(graph):
            if service.namespace == namespace:
                yellow = ", style=filled, fillcolor=gold" if service in graph.shared else ""
                yield f"    {_quoted(f'Service/{service}')} [label={_quoted(service.name)}{yellow}];"
        yield "  }"
    for edge in graph.edges:
        style = (
            [f'label="{edge.port}"'] * bool(edge.port) + ["style=bold"] * edge.required + ["color=red"] * edge.in_cycle
        )
        yield f"  {_quoted(str(edge.source))} -> {_quoted(f'Service/{edge.service}')} [{', '.join(style)}];"
    for service, workload in backends(graph):
        yield f"  {_quoted(f'Service/{service}')} -> {_quoted(str(workload))} [style=dashed];"
    yield "}"


def _quoted(text: str) -> str:
    escaped = clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
