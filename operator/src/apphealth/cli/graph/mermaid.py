"""The graph as a Mermaid flowchart, which GitHub, GitLab and many wikis draw."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.cli.graph.notation import backends, in_cycles, namespaces, needed
from apphealth.cli.output import clean
from apphealth.plan.dependencies.graph import Graph

_ESCAPED = str.maketrans({'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"})


def mermaid(graph: Graph) -> str:
    """Return the graph as text: required edges thick, cycles red, shared dependencies yellow, Services rounded."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    ids: dict[object, str] = {key: f"w{index}" for index, key in enumerate(graph.workloads)}
    ids |= {key: f"s{index}" for index, key in enumerate(needed(graph))}
    yield "flowchart LR"
    for index, namespace in enumerate(namespaces(graph)):
        yield f'  subgraph n{index}["{_text(namespace)}"]'
        for workload in graph.workloads:
            if workload.namespace == namespace:
                yield f'    {ids[workload]}["{_text(f"{workload.kind}/{workload.name}")}"]'
        for service in needed(graph):
            if service.namespace == namespace:
                yield f'    {ids[service]}(["{_text(service.name)}"])'
        yield "  end"
    for edge in graph.edges:
        arrow = "==>" if edge.required else "-->"
        yield f"  {ids[edge.source]} {arrow}{f'|{edge.port}|' if edge.port else ''} {ids[edge.service]}"
    for service, workload in backends(graph):
        yield f"  {ids[service]} -.-> {ids[workload]}"
    yield from _classes("cycle", "stroke:#c00,stroke-width:3px", sorted(ids[key] for key in in_cycles(graph)))
    yield from _classes("shared", "fill:#fd6", [ids[key] for key in graph.shared])


def _classes(name: str, style: str, members: list[str]) -> Iterator[str]:
    if members:
        yield f"  classDef {name} {style}"
        yield f"  class {','.join(members)} {name}"


def _text(text: str) -> str:
    return clean(text).translate(_ESCAPED)
