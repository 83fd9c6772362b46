"""Run the checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apphealth.lint.checks import graph as checks
from apphealth.lint.registry import FROM_PLAN, SERVICE, WORKLOAD
from apphealth.lint.subject import ServiceSubject, Subject
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.shared import SharedDependency
from apphealth.plan.findings import Finding
from apphealth.plan.rules.annotations import ANNOTATIONS


def lint_workload(subject: Subject) -> Iterator[Finding]:
    """Yield the findings about a workload's probes.

    Parameters
    ----------
    subject
        The workload, with its Services and its plan.
    """
    for check in WORKLOAD:
        assert check.workload is not None  # noqa: S101 -- WORKLOAD has none without
        for hit in check.workload(subject):
            yield check.finding(hit)
    plan = subject.plan
    if plan is None and not ANNOTATIONS.keys().isdisjoint(subject.workload.pod_annotations):
        plan = subject.auto()  # annotations are checked also if no rule of the input selects the workload
    if plan is not None:
        yield from (finding for finding in plan.findings if finding.id in FROM_PLAN)


def lint_service(subject: ServiceSubject) -> Iterator[Finding]:
    """Yield the findings about a Service.

    Parameters
    ----------
    subject
        The Service, with the workloads behind it.
    """
    for check in SERVICE:
        assert check.service is not None  # noqa: S101 -- SERVICE has none without
        for hit in check.service(subject):
            yield check.finding(hit)


def lint_graph(
    graph: Graph, shared: Iterable[SharedDependency]
) -> tuple[dict[WorkloadKey, list[Finding]], dict[ServiceKey, list[Finding]]]:
    """Return the findings about the whole input: cycles of required dependencies, and shared dependencies.

    Parameters
    ----------
    graph
        The dependencies of all workloads.
    shared
        Its shared dependencies.

    Returns
    -------
    tuple
        The findings by workload, and the findings by Service.
    """
    workloads: dict[WorkloadKey, list[Finding]] = {}
    services: dict[ServiceKey, list[Finding]] = {}
    for workload, hit in checks.cycles(graph):
        workloads.setdefault(workload, []).append(checks.CYCLE.finding(hit))
    for service, finding in checks.shared_findings(shared):
        services.setdefault(service, []).append(finding)
    return workloads, services
