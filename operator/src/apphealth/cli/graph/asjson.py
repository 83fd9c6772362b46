"""The graph and an impact as JSON, for programs. Fields are added, never renamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apphealth.cli.graph.notation import in_cycles
from apphealth.cli.output import as_json
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.impact import Affected, Impact
from apphealth.plan.dependencies.shared import SharedDependency


def graph_json(graph: Graph, shared: Sequence[SharedDependency]) -> str:
    """Return the graph as JSON: workloads, Services, edges, cycles and shared dependencies."""
    circle = in_cycles(graph)
    workloads = [_workload(key) | {"inCycle": key in circle} for key in graph.workloads]
    services = [
        {"kind": "Service"}
        | _service(key)
        | {"workloads": [_workload(one) for one in behind], "shared": key in graph.shared}
        for key, behind in graph.services.items()
    ]
    edges = [
        {
            "from": _workload(edge.source),
            "to": _service(edge.service),
            "port": edge.port or None,
            "evidence": list(edge.evidence),
            "confidence": edge.confidence,
            "required": edge.required,
            "inCycle": edge.in_cycle,
        }
        for edge in graph.edges
    ]
    cycles = [[_workload(key) for key in cycle] for cycle in graph.cycles]
    return as_json(
        {
            "nodes": [*workloads, *services],
            "edges": edges,
            "cycles": cycles,
            "shared": [_shared(one) for one in shared],
        }
    )


def impact_json(found: Impact) -> str:
    """Return an impact as JSON."""
    return as_json(
        {
            "service": _service(found.service),
            "unready": [_affected(one) | {"seconds": one.seconds} for one in found.unready],
            "degraded": [_affected(one) for one in found.degraded],
            "failing": [_service(key) | {"seconds": seconds} for key, seconds in sorted(found.failing.items())],
        }
    )


def _affected(one: Affected) -> dict[str, Any]:
    return {"workload": _workload(one.workload), "through": _service(one.through)}


def _shared(one: SharedDependency) -> dict[str, Any]:
    return {
        "service": _service(one.service),
        "requiredBy": one.required_by,
        "unready": [_workload(key) for key in one.unready],
        "degraded": [_workload(key) for key in one.degraded],
    }


def _workload(key: WorkloadKey) -> dict[str, Any]:
    return {"kind": key.kind, "namespace": key.namespace, "name": key.name}


def _service(key: ServiceKey) -> dict[str, Any]:
    return {"namespace": key.namespace, "name": key.name}
