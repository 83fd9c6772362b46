"""Cycles of dependencies, and shared dependencies. They need the whole input; `linting` runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from apphealth.lint.check import Check, Hit
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan import findings
from apphealth.plan.dependencies.graph import SHARED_LEAST, SHARED_SHARE, Graph
from apphealth.plan.dependencies.shared import SharedDependency, shared_finding
from apphealth.plan.findings import Finding

_SHOWN = 5
_DEPENDENCIES = "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/"

CYCLE = Check(
    kind=findings.DEPENDENCY_CYCLE,
    title="Required dependencies form a cycle",
    why="If a requires b and b requires a, no pod of either could become ready before the other. So none of the"
    " edges in the cycle counts as required, against the intent of the rule.",
    remedy="Take required: true away from one of them in spec.dependencies.services of its rule.",
    sources=(_DEPENDENCIES,),
)
SHARED = Check(
    kind=findings.SHARED_DEPENDENCY,
    title="Many workloads require one Service",
    why="When it fails, all of them leave rotation together: one failure becomes an outage of everything, where"
    " degraded answers might have done.",
    remedy="Take required: true away wherever the application can answer without it, or make the Service fail"
    f" rarely. Reported are Services that {SHARED_SHARE:.0%} of the workloads require, and {SHARED_LEAST} at least.",
    sources=(_DEPENDENCIES,),
)
CHECKS = (CYCLE, SHARED)


def cycles(graph: Graph) -> Iterator[tuple[WorkloadKey, Hit]]:
    """Yield each workload that is part of a cycle."""
    for members in graph.cycles:
        names = ", ".join(str(key) for key in members[:_SHOWN])
        more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
        for key in members:
            yield (
                key,
                Hit(
                    message=f"it is part of a cycle of required dependencies ({names}{more}): none of them counts",
                    fix="take required: true away from one of them in spec.dependencies.services",
                    path=("metadata", "name"),
                ),
            )


def shared_findings(shared: Iterable[SharedDependency]) -> Iterator[tuple[ServiceKey, Finding]]:
    """Yield each shared dependency, with the finding about it."""
    for one in shared:
        yield one.service, replace(shared_finding(one), where=("metadata", "name"))
