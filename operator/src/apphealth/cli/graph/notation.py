"""The parts of a graph that several notations show, and the names of its nodes."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.cli.output import clean
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph, GraphEdge


def needed(graph: Graph) -> list[ServiceKey]:
    """Return the Services that at least one workload needs."""
    return sorted({edge.service for edge in graph.edges})


def namespaces(graph: Graph) -> list[str]:
    """Return the namespaces of all workloads and needed Services."""
    return sorted({key.namespace for key in graph.workloads} | {key.namespace for key in needed(graph)})


def in_cycles(graph: Graph) -> set[WorkloadKey]:
    """Return the workloads that are part of a cycle."""
    return {key for cycle in graph.cycles for key in cycle}


def backends(graph: Graph) -> Iterator[tuple[ServiceKey, WorkloadKey]]:
    """Yield each needed Service with each of its backends."""
    for service in needed(graph):
        for workload in graph.services[service]:
            yield service, workload


def service_name(service: ServiceKey, namespace: str) -> str:
    """Return the name by which workloads of a namespace address a Service."""
    return service.name if service.namespace == namespace else f"{service.name}.{service.namespace}"


def target_name(edge: GraphEdge) -> str:
    """Return the Service and port of an edge, as its workload addresses them."""
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
    """Return the kind of place that an evidence was found in."""
    return next((kind for start, kind in _KINDS if evidence.startswith(start)), "other")
