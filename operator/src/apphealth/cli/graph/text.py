"""Words shared by the notations. Names and evidence come from files that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph, GraphEdge


def clean(text: str) -> str:
    """Replace what would steer a terminal or break a line."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def needed(graph: Graph) -> list[ServiceKey]:
    """Return the Services that anybody needs."""
    return sorted({edge.service for edge in graph.edges})


def namespaces(graph: Graph) -> list[str]:
    """Return the namespaces of all that is drawn."""
    return sorted({key.namespace for key in graph.workloads} | {key.namespace for key in needed(graph)})


def in_cycles(graph: Graph) -> set[WorkloadKey]:
    """Return the workloads that stand in a cycle."""
    return {key for cycle in graph.cycles for key in cycle}


def ways(graph: Graph) -> Iterator[tuple[ServiceKey, WorkloadKey]]:
    """Yield which Service that is needed leads to which workload."""
    for service in needed(graph):
        for workload in graph.services[service]:
            yield service, workload


def service_name(service: ServiceKey, namespace: str) -> str:
    """Return a Service's name as it is called from a namespace."""
    return service.name if service.namespace == namespace else f"{service.name}.{service.namespace}"


def at(edge: GraphEdge) -> str:
    """Return where an edge leads, as the workload would call it."""
    name = service_name(edge.service, edge.source.namespace)
    return clean(f"{name}:{edge.port}" if edge.port else name)


_KINDS = (
    ("AppHealth ", "rule"),
    ("ClusterAppHealth ", "rule"),
    ("annotation ", "annotation"),
    ("env ", "environment"),
    ("ConfigMap ", "environment"),
    ("command ", "command line"),
    ("args ", "command line"),
    ("file ", "file"),
    ("egress ", "NetworkPolicy"),
)


def evidence_kind(evidence: str) -> str:
    """Return what kind of place an evidence tells of."""
    return next((kind for start, kind in _KINDS if evidence.startswith(start)), "other")
