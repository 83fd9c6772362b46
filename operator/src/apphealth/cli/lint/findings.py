"""The findings about manifests or about a cluster, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from apphealth.api.rule import Rule
from apphealth.api.spec import Verification
from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.manifests.documents import Item, Manifest
from apphealth.cli.manifests.inventory import Inventory, Placed
from apphealth.cli.manifests.planning import DEFAULT_RULE
from apphealth.cli.manifests.problems import Problem
from apphealth.lint.linting import lint_graph, lint_rules, lint_service, lint_workload
from apphealth.lint.subject import ServiceSubject, pod_of, pod_path, read_subject
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

MANAGED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Rollout"})
"""The kinds that the operator writes to."""
BARE = frozenset({("v1", "Pod"), ("v1", "ReplicationController"), ("apps/v1", "ReplicaSet")})
"""Further kinds with pods that lint judges, by API version and kind."""
JUDGED = BARE | {("argoproj.io/v1alpha1", "Rollout"), *(("apps/v1", kind) for kind in MANAGED - {"Rollout"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class LintObject:
    """An object to check."""

    value: Mapping[str, Any]
    item: Item | None = None
    """The object in its manifest; None for an object of a cluster."""

    @property
    def folder(self) -> str | None:
        """The directory of its file; None if it is of no file."""
        if self.item is None or self.item.source.path is None:
            return None
        return self.item.source.name.rpartition("/")[0]


@dataclass(slots=True)
class LintInput:
    """The objects to check, and the world that they are planned in."""

    world: World
    workloads: list[tuple[Workload, LintObject]] = field(default_factory=list)
    services: list[tuple[Service, LintObject]] = field(default_factory=list)
    bare: list[tuple[Workload, LintObject]] = field(default_factory=list)
    """Pods, ReplicaSets and ReplicationControllers, to which the operator writes nothing."""
    namespaces: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The annotations of namespaces, by name."""
    namespace: str | None = None
    """The namespace that was read of a cluster; None: all, or files."""
    inferred: bool = False
    """Whether the namespace of objects that name none was inferred."""

    @property
    def objects(self) -> int:
        """The number of objects to check."""
        return len(self.workloads) + len(self.bare) + len(self.services)


def from_files(manifests: Sequence[Manifest], inventory: Inventory) -> LintInput:
    """Return the workloads, Services and namespaces of manifests as input of lint."""
    lint_input = LintInput(inventory.world, inferred=bool(inventory.inferred))
    for placed in (*inventory.workloads, *_whole(inventory)):
        lint_input.workloads.append((placed.workload, LintObject(value=placed.item.value, item=placed.item)))
    for item in (item for manifest in manifests for item in manifest.items):
        if item.kind == "Service" and item.value.get("apiVersion") == "v1" and item.name:
            service = parse_service(inventory.neutral(item))
            lint_input.services.append((service, LintObject(value=item.value, item=item)))
        elif item.kind == "Namespace":
            lint_input.namespaces[item.name] = raw.mapping(item.metadata.get("annotations"))
        elif (item.value.get("apiVersion"), item.kind) in BARE and not item.metadata.get("ownerReferences"):
            lint_input.bare.append((bare(inventory.neutral(item)), LintObject(value=item.value, item=item)))
    return lint_input


def bare(value: Mapping[str, Any]) -> Workload:
    """Read a Pod, ReplicaSet or ReplicationController as the workload of its pods.

    Parameters
    ----------
    value
        The object.
    """
    metadata = raw.mapping(value.get("metadata"))
    name = raw.text(metadata.get("name")) or raw.text(metadata.get("generateName"))
    template = {"metadata": metadata, "spec": value.get("spec")}
    spec = {"template": template} if value.get("kind") == "Pod" else value.get("spec")
    return parse_workload({**value, "metadata": {**metadata, "name": name}, "spec": spec})


def not_judged(manifests: Iterable[Manifest]) -> Counter[str]:
    """Return how many objects with pods are of kinds, or API versions, that lint doesn't judge.

    Parameters
    ----------
    manifests
        The input.
    """
    return Counter(
        item.kind if version.rpartition("/")[0] in ("batch", item.kind) else f"{item.kind} ({version})"
        for manifest in manifests
        for item in manifest.items
        if (version := str(item.value["apiVersion"]), item.kind) not in JUDGED and _has_pods(item.value)
    )


def _has_pods(value: Mapping[str, Any]) -> bool:
    spec = raw.mapping(value.get("spec"))
    template = raw.mapping(raw.mapping(raw.mapping(spec.get("jobTemplate")).get("spec")).get("template"))
    pods = (pod_of(value), raw.mapping(template.get("spec")))
    return any(isinstance(pod.get("containers"), list) for pod in pods)


def _whole(inventory: Inventory) -> Iterator[Placed]:
    """Yield workloads that lack only a selector: since they have an image, they are no patches."""
    for item in inventory.partial:
        containers = pod_of(item.value).get("containers")
        if any(isinstance(container.get("image"), str) for container in raw.items(containers)):
            yield Placed(item=item, workload=parse_workload(inventory.neutral(item)))


def find_all(lint_input: LintInput) -> list[LocatedFinding]:
    """Return the findings about all objects, in the order of the objects."""
    world = lint_input.world
    graph = graph_of(world) if requires_any(list(world.rules.values())) else None
    by_workload, by_service = lint_graph(graph, shared_in(graph, world)) if graph is not None else ({}, {})
    for workload, _ in lint_input.bare:
        world.put_workload(workload)
    unproven, auto, near = _unproven(world), _Auto(world), _Near(lint_input)
    found: list[LocatedFinding] = []
    selected: list[tuple[Workload, list[Rule]]] = []
    for workload, target in (*lint_input.workloads, *lint_input.bare):
        services = near.services_of(workload, target)
        decided = _plan(workload, unproven) if workload.kind in MANAGED else None
        if decided is not None:
            selected.append((workload, [world.rules[key] for key in decided.rules]))
        subject = read_subject(target.value, workload, services, decided, partial(auto.plan, workload))
        findings = list(lint_workload(subject))
        findings += by_workload.get(workload.key, ())
        if findings:
            found += _locate(findings, workload.key, target, lint_input)
    found += _about_rules(selected, lint_input)
    for service, target in lint_input.services:
        asked = ServiceSubject(service=service, raw=target.value, behind=near.behind(service, target))
        findings = [*lint_service(asked), *by_service.get(service.key, ())]
        if findings:
            found += _locate(findings, service.key, target, lint_input)
    return found


def _about_rules(
    selected: Sequence[tuple[Workload, Sequence[Rule]]], lint_input: LintInput
) -> Iterator[LocatedFinding]:
    by_workload = lint_rules(selected)
    targets = {workload.key: target for workload, target in reversed(lint_input.workloads)} if by_workload else {}
    for key, findings in by_workload.items():
        yield from _locate(findings, key, targets[key], lint_input)


class _Near:
    """Which Services lead to which workloads.

    Files of several applications often use the same labels: a Service that selects workloads of its own directory
    leads to those alone.
    """

    def __init__(self, lint_input: LintInput) -> None:
        self._world = lint_input.world
        self._folders: dict[WorkloadKey, set[str]] = {}
        for workload, target in (*lint_input.workloads, *lint_input.bare):
            if target.folder is not None:
                self._folders.setdefault(workload.key, set()).add(target.folder)
        self._of_service: dict[ServiceKey, list[str]] = {}
        for service, target in lint_input.services:
            if target.folder is not None:
                self._of_service.setdefault(service.key, []).append(target.folder)

    def behind(self, service: Service, target: LintObject) -> list[Workload]:
        """Return the workloads behind a Service."""
        found = self._world.workloads_behind(service)
        own = [workload for workload in found if target.folder in self._folders.get(workload.key, ())]
        return own or list(found)

    def services_of(self, workload: Workload, target: LintObject) -> list[Service]:
        """Return the Services that lead to a workload."""
        return [
            service
            for service in self._world.services_of(workload)
            if target.folder is None or self._leads(service, target.folder)
        ]

    def _leads(self, service: Service, folder: str) -> bool:
        """Return whether one of the Services of this name leads to workloads in a directory."""
        folders = self._of_service.get(service.key, [])
        if folder in folders:
            return True
        found = [self._folders.get(workload.key, set()) for workload in self._world.workloads_behind(service)]
        return not all(any(own in others for others in found) for own in folders)


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
    guessed = lint_input.inferred and target.item is not None and not target.item.namespace("")
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
            known_namespace="default" if guessed else key.namespace,
        )


def _place(item: Item | None, path: tuple[str | int, ...]) -> tuple[int, int]:
    return item.document.place((*item.path, *path)) if item is not None else (0, 0)


def _named(value: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    pod = pod_of(value)
    for field_ in ("containers", "initContainers", "ephemeralContainers"):
        listed = pod.get(field_)
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, Mapping):
                yield (*pod_path(value), field_, index), item


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


def sort(report: Report) -> None:
    """Sort the findings by file and line, and on one line the most severe first."""
    report.findings.sort(key=lambda one: (one.file, one.line, one.object, -one.rank, one.finding.id, one.column))
