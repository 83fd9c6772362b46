"""The impact of a failed Service: which workloads leave rotation, after how long, and which only degrade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from apphealth.model.probe import Probe, ProbeKind, TcpSocket
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.result import Action, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A workload that a failure affects."""

    workload: WorkloadKey
    through: ServiceKey
    """The Service through which the failure affects it."""
    seconds: int | None = None
    """The most seconds from the failure until it is unready; None: it stays in rotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """The consequences of a failure."""

    service: ServiceKey
    unready: tuple[Affected, ...]
    degraded: tuple[Affected, ...]
    failing: Mapping[ServiceKey, int]
    """The other Services that lose their last ready pod, with the seconds until then."""


Patience = Mapping[WorkloadKey, int | None]
"""The seconds until a workload's readiness probe has noticed a failed dependency; None: it never does."""


def impact(service: ServiceKey, graph: Graph, patience: Patience) -> Impact:
    """Return the impact of a failed Service.

    A workload becomes unready if a required dependency has failed and its readiness probe notices it, after
    `failureThreshold` probes, `periodSeconds` apart, and the last one's `timeoutSeconds`. A probe that only opens a
    port never notices it. A Service fails when the last workload behind it has become unready.

    Parameters
    ----------
    service
        The Service that fails.
    graph
        The dependencies of all workloads.
    patience
        The seconds until each workload notices a failed dependency.
    """
    failing: dict[ServiceKey, int] = {service: 0}
    unready: dict[WorkloadKey, Affected] = {}
    changed = True
    while changed:
        before = (dict(failing), dict(unready))
        for affected in _reached(graph, failing, patience):
            known = unready.get(affected.workload)
            if known is None or (affected.seconds or 0) < (known.seconds or 0):
                unready[affected.workload] = affected
        for key, behind in graph.services.items():
            if key != service and behind and all(workload in unready for workload in behind):
                failing[key] = max(unready[workload].seconds or 0 for workload in behind)
        changed = before != (failing, unready)
    degraded = {
        edge.source: Affected(workload=edge.source, through=edge.service)
        for edge in reversed(graph.edges)
        if edge.service in failing and edge.source not in unready
    }
    return Impact(
        service=service,
        unready=tuple(sorted(unready.values(), key=lambda one: (one.seconds or 0, one.workload))),
        degraded=tuple(degraded[key] for key in sorted(degraded)),
        failing={key: seconds for key, seconds in failing.items() if key != service},
    )


def _reached(graph: Graph, failing: Mapping[ServiceKey, int], patience: Patience) -> Iterator[Affected]:
    for edge in graph.edges:
        if edge.required and edge.service in failing and (wait := patience[edge.source]) is not None:
            yield Affected(workload=edge.source, through=edge.service, seconds=failing[edge.service] + wait)


def seconds_until_unready(workload: Workload, plan: Plan) -> int | None:
    """Return how long a workload's readiness probe takes at most to notice a failed dependency; None: it never does.

    Parameters
    ----------
    workload, plan
        The workload, and its plan, which may change the probe.
    """
    probes = readiness_probes(workload, plan)
    telling = [probe for probe in probes if probe.handler is not None and not isinstance(probe.handler, TcpSocket)]
    return min((probe.period * probe.failure_threshold + probe.timeout for probe in telling), default=None)


def readiness_probes(workload: Workload, decided: Plan) -> list[Probe]:
    """Return the readiness probes that the containers have once the plan is carried out.

    Parameters
    ----------
    workload
        As it is now.
    decided
        Its plan.
    """
    planned = {
        container.name: probe.probe
        for container in decided.containers
        for probe in container.probes
        if probe.kind is ProbeKind.READINESS and probe.action is Action.APPLY
    }
    live = {
        container.name: container.probes[ProbeKind.READINESS].probe
        for container in workload.containers
        if ProbeKind.READINESS in container.probes
    }
    return [probe for probe in (live | planned).values() if probe is not None]
