"""Run the checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from apphealth.api.rule import Rule
from apphealth.lint.checks import graph as checks
from apphealth.lint.registry import FROM_PLAN, SERVICE, WORKLOAD
from apphealth.lint.subject import ServiceSubject, Subject
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.shared import SharedDependency
from apphealth.plan.findings import CONTAINER_MISSING, Finding
from apphealth.plan.rules.annotations import ANNOTATIONS
from apphealth.plan.rules.merging import listed_containers

_MAX_LISTED = 20


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


def lint_rules(selected: Iterable[tuple[Workload, Sequence[Rule]]]) -> dict[WorkloadKey, list[Finding]]:
    """Return the findings about containers that rules name and none of their workloads has, at the first of these.

    Parameters
    ----------
    selected
        The workloads, each with the rules that select it.
    """
    missing: dict[tuple[str, str], WorkloadKey] = {}
    there: dict[str, set[str]] = {}
    for workload, rules in selected:
        for name, rule in listed_containers(rules).items():
            missing.setdefault((rule, name), workload.key)
            there.setdefault(rule, set()).update(container.name for container in workload.containers)
    found: dict[WorkloadKey, list[Finding]] = {}
    for (rule, name), key in missing.items():
        if name not in there[rule]:
            listed = ", ".join(sorted(there[rule])[:_MAX_LISTED])
            found.setdefault(key, []).append(CONTAINER_MISSING(rule=rule, name=name, listed=listed))
    return found


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
