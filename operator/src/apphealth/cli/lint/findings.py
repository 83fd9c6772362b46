"""The findings about manifests or about a cluster, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from apphealth.api.rule import Rule
from apphealth.api.spec import Verification
from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.manifests.documents import Item, Manifest
from apphealth.cli.manifests.inventory import Inventory, Placed
from apphealth.cli.manifests.planning import DEFAULT_RULE
from apphealth.cli.manifests.problems import Problem
from apphealth.lint.linting import lint_graph, lint_service, lint_workload
from apphealth.lint.subject import POD, ServiceSubject, pod_of, read_subject
from apphealth.lint.suppression import read_ignored, suppressed
from apphealth.model import raw
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import Service, ServiceKey, parse_service
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.evidence.declared import requires_any
from apphealth.plan.findings import INPUT_INVALID, Finding
from apphealth.plan.result import Plan
from apphealth.store.facts import plan_of
from apphealth.store.graph import graph_of, shared_in
from apphealth.store.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class LintObject:
    """An object to check."""

    value: Mapping[str, Any]
    item: Item | None = None
    """The object in its manifest; None for an object of a cluster."""


@dataclass(slots=True)
class LintInput:
    """The objects to check, and the world that they are planned in."""

    world: World
    workloads: list[tuple[Workload, LintObject]] = field(default_factory=list)
    services: list[tuple[Service, LintObject]] = field(default_factory=list)
    namespaces: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The annotations of namespaces, by name."""


def from_files(manifests: Sequence[Manifest], inventory: Inventory) -> LintInput:
    """Return the workloads, Services and namespaces of manifests as input of lint."""
    lint_input = LintInput(inventory.world)
    for placed in (*inventory.workloads, *_whole(inventory)):
        lint_input.workloads.append((placed.workload, LintObject(value=placed.item.value, item=placed.item)))
    for item in (item for manifest in manifests for item in manifest.items):
        if item.kind == "Service" and item.value.get("apiVersion") == "v1" and item.name:
            service = parse_service(inventory.neutral(item))
            lint_input.services.append((service, LintObject(value=item.value, item=item)))
        elif item.kind == "Namespace":
            lint_input.namespaces[item.name] = raw.mapping(item.metadata.get("annotations"))
    return lint_input


def _whole(inventory: Inventory) -> Iterator[Placed]:
    """Yield workloads that lack only a selector: since they have an image, they are no patches."""
    for item in inventory.partial:
        containers = pod_of(item.value).get("containers")
        if any(isinstance(container.get("image"), str) for container in raw.items(containers)):
            yield Placed(item=item, workload=parse_workload(inventory.neutral(item)))


def find_all(lint_input: LintInput) -> list[LocatedFinding]:
    """Return the findings about all objects, in the order of the objects."""
    unproven, auto = _unproven(lint_input.world), _Auto(lint_input.world)
    graph = graph_of(lint_input.world) if requires_any(list(lint_input.world.rules.values())) else None
    by_workload, by_service = lint_graph(graph, shared_in(graph, lint_input.world)) if graph is not None else ({}, {})
    found: list[LocatedFinding] = []
    for workload, target in lint_input.workloads:
        services = lint_input.world.services_of(workload)
        decided = _plan(workload, unproven)
        subject = read_subject(target.value, workload, services, decided, partial(auto.plan, workload))
        findings = list(lint_workload(subject))
        findings += by_workload.get(workload.key, ())
        if findings:
            found += _locate(findings, workload.key, target, lint_input)
    for service, target in lint_input.services:
        asked = ServiceSubject(service=service, raw=target.value, behind=lint_input.world.workloads_behind(service))
        findings = [*lint_service(asked), *by_service.get(service.key, ())]
        if findings:
            found += _locate(findings, service.key, target, lint_input)
    return found


def _unproven(world: World) -> World | None:
    """Return the world with verification switched off in all rules, or None if there is no rule."""
    return _with_rules(world, world.rules.values()) if world.rules else None


def _with_rules(world: World, rules: Iterable[Rule]) -> World:
    """Return a world with these rules, and with verification switched off in them."""
    unproven = World(replace(world.options, allow_exec=True))
    for rule in rules:
        spec = msgspec.structs.replace(rule.spec, verification=Verification.SKIP)
        unproven.put_rule(replace(rule, spec=spec))
    unproven.namespaces, unproven.config_maps = world.namespaces, world.config_maps
    for workload in world.workloads.values():
        unproven.put_workload(workload)
    for service in world.services.values():
        unproven.put_service(service)
    return unproven


class _Auto:
    """Plans made with the built-in rule alone, in a world that is made when the first plan is needed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._auto: World | None = None

    def plan(self, workload: Workload) -> Plan | None:
        """Return the plan that the built-in rule alone gives a workload."""
        if self._auto is None:
            self._auto = _with_rules(self._world, [DEFAULT_RULE])
        return plan_of(workload, self._auto)


def _plan(workload: Workload, unproven: World | None) -> Plan | None:
    if unproven is None:
        return None
    decided = plan_of(workload, unproven)
    return decided if decided.selected else None


def _locate(
    findings: Sequence[Finding], key: WorkloadKey | ServiceKey, target: LintObject, lint_input: LintInput
) -> Iterator[LocatedFinding]:
    metadata = raw.mapping(target.value.get("metadata"))
    template = raw.mapping(raw.mapping(raw.mapping(target.value.get("spec")).get("template")).get("metadata"))
    ignored = read_ignored(
        metadata.get("annotations"), template.get("annotations"), lint_input.namespaces.get(key.namespace)
    )
    names = {path: str(item.get("name")) for path, item in _named(target.value)}
    for finding in findings:
        path = finding.where or _path_of(finding, target.value)
        line, column = _place(target.item, path)
        yield LocatedFinding(
            finding=finding,
            kind=key.kind if isinstance(key, WorkloadKey) else "Service",
            namespace=key.namespace,
            name=key.name,
            file=target.item.source.name if target.item is not None else "",
            line=line,
            column=column,
            field=_field(path, names),
            suppression=suppressed(finding, ignored) if ignored else None,
        )


def _place(item: Item | None, path: tuple[str | int, ...]) -> tuple[int, int]:
    return item.document.place((*item.path, *path)) if item is not None else (0, 0)


def _named(value: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    pod = pod_of(value)
    for field_ in ("containers", "initContainers", "ephemeralContainers"):
        listed = pod.get(field_)
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, Mapping):
                yield (*POD, field_, index), item


def _path_of(finding: Finding, value: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return the container that a finding without a place is about."""
    named = (path for path, item in _named(value) if finding.container and item.get("name") == finding.container)
    return next(named, ("metadata", "name"))


def _field(path: tuple[str | int, ...], names: Mapping[tuple[str | int, ...], str]) -> str:
    """Return a path with the names of containers instead of their indexes: `spec.containers[web].livenessProbe`."""
    parts: list[str] = []
    for index, part in enumerate(path):
        if isinstance(part, int):
            parts.append(f"[{names.get(path[: index + 1], str(part))}]")
        else:
            parts.append(f".{part}" if parts else part)
    return "".join(parts)[:300]


def problems(found: Sequence[Problem]) -> list[LocatedFinding]:
    """Return a finding for each problem of the input."""
    return [
        LocatedFinding(
            finding=INPUT_INVALID.worded(problem.message),
            file=problem.file,
            line=problem.line,
            column=problem.column,
        )
        for problem in sorted(found)
    ]


def skip_reason(problem: Problem, named: Sequence[str]) -> str:
    """Return why a file that can't be parsed is skipped, or an empty string if its problem is reported.

    A file that was only found in a directory may be the source of a Helm template, or no manifest at all, such as a
    lock file. It is skipped.

    Parameters
    ----------
    problem
        The reason why the file can't be parsed.
    named
        The paths that the user named: their problems are always reported.
    """
    if problem.file in (*named, "<stdin>"):
        return ""
    if "Helm template" in problem.message:
        return "skipped: it is the source of a Helm template; render it first"
    try:
        content = Path(problem.file).read_bytes()
    except OSError:
        return ""
    # In UTF-16, every second byte of this word is zero.
    manifest = b"apiVersion" in content.replace(b"\0", b"")
    return "" if manifest else f"skipped: it can't be parsed, and is no manifest ({problem.message[:120]})"


def sort(report: Report) -> None:
    """Sort the findings by file and line, and on one line the most severe first."""
    report.findings.sort(key=lambda one: (one.file, one.line, one.object, -one.rank, one.finding.id, one.column))
