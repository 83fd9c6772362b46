"""From what was read to findings, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from apphealth.api.rule import Rule
from apphealth.api.spec import Verification
from apphealth.cli.lint.report import Judged, Report
from apphealth.cli.manifests.documents import Item, Manifest
from apphealth.cli.manifests.inventory import Inventory, Placed
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.render.deciding import DEFAULT_RULE
from apphealth.lint.linting import lint_graph, lint_service, lint_workload
from apphealth.lint.subject import POD, ServiceSubject, pod_of, read_subject
from apphealth.lint.suppression import read_ignored, suppressed
from apphealth.model import raw
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import Service, ServiceKey, parse_service
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.evidence.said import says_required
from apphealth.plan.findings import INPUT_INVALID, Finding
from apphealth.plan.result import Plan
from apphealth.store.facts import plan_of
from apphealth.store.graph import graph_of, shared_in
from apphealth.store.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An object to judge; in a cluster there is no item."""

    value: Mapping[str, Any]
    item: Item | None = None


@dataclass(slots=True)
class Scene:
    """All that is judged, and what it is judged with."""

    world: World
    workloads: list[tuple[Workload, Sighting]] = field(default_factory=list)
    services: list[tuple[Service, Sighting]] = field(default_factory=list)
    namespaces: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Annotations by name."""


def from_files(manifests: Sequence[Manifest], inventory: Inventory) -> Scene:
    """Take the objects of files."""
    scene = Scene(inventory.world)
    for placed in (*inventory.workloads, *_whole(inventory)):
        scene.workloads.append((placed.workload, Sighting(value=placed.item.value, item=placed.item)))
    for item in (item for manifest in manifests for item in manifest.items):
        if item.kind == "Service" and item.value.get("apiVersion") == "v1" and item.name:
            service = parse_service(inventory.neutral(item))
            scene.services.append((service, Sighting(value=item.value, item=item)))
        elif item.kind == "Namespace":
            scene.namespaces[item.name] = raw.mapping(item.metadata.get("annotations"))
    return scene


def _whole(inventory: Inventory) -> Iterator[Placed]:
    """Yield what lacks only its selector: with an image it is no patch."""
    for item in inventory.partial:
        containers = pod_of(item.value).get("containers")
        if any(isinstance(container.get("image"), str) for container in raw.items(containers)):
            yield Placed(item=item, workload=parse_workload(inventory.neutral(item)))


def judge(scene: Scene) -> list[Judged]:
    """Judge all of it, in order."""
    unproven, auto = _unproven(scene.world), _Auto(scene.world)
    graph = graph_of(scene.world) if says_required(list(scene.world.rules.values())) else None
    by_workload, by_service = lint_graph(graph, shared_in(graph, scene.world)) if graph is not None else ({}, {})
    found: list[Judged] = []
    for workload, sighting in scene.workloads:
        services = scene.world.services_of(workload)
        decided = _plan(workload, unproven)
        subject = read_subject(sighting.value, workload, services, decided, partial(auto.plan, workload))
        findings = list(lint_workload(subject))
        findings += by_workload.get(workload.key, ())
        if findings:
            found += _judged(findings, workload.key, sighting, scene)
    for service, sighting in scene.services:
        asked = ServiceSubject(service=service, raw=sighting.value, behind=scene.world.workloads_behind(service))
        findings = [*lint_service(asked), *by_service.get(service.key, ())]
        if findings:
            found += _judged(findings, service.key, sighting, scene)
    return found


def _unproven(world: World) -> World | None:
    """Return the world with nothing to ask of pods, where there are any rules."""
    return _with_rules(world, world.rules.values()) if world.rules else None


def _with_rules(world: World, rules: Iterable[Rule]) -> World:
    """Return a world with these rules, whose probes need no proof."""
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
    """Plans with the built-in rule alone: every workload, preset auto."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._auto: World | None = None

    def plan(self, workload: Workload) -> Plan | None:
        """Return what is derived for a workload."""
        if self._auto is None:
            self._auto = _with_rules(self._world, [DEFAULT_RULE])
        return plan_of(workload, self._auto)


def _plan(workload: Workload, unproven: World | None) -> Plan | None:
    if unproven is None:
        return None
    decided = plan_of(workload, unproven)
    return decided if decided.selected else None


def _judged(
    findings: Sequence[Finding], key: WorkloadKey | ServiceKey, sighting: Sighting, scene: Scene
) -> Iterator[Judged]:
    metadata = raw.mapping(sighting.value.get("metadata"))
    template = raw.mapping(raw.mapping(raw.mapping(sighting.value.get("spec")).get("template")).get("metadata"))
    ignored = read_ignored(
        metadata.get("annotations"), template.get("annotations"), scene.namespaces.get(key.namespace)
    )
    names = {path: str(item.get("name")) for path, item in _named(sighting.value)}
    for finding in findings:
        path = finding.where or _path_of(finding, sighting.value)
        line, column = _place(sighting.item, path)
        yield Judged(
            finding=finding,
            kind=key.kind if isinstance(key, WorkloadKey) else "Service",
            namespace=key.namespace,
            name=key.name,
            file=sighting.item.source.name if sighting.item is not None else "",
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
    """Spell a path, with the names of containers instead of their places: `spec.containers[web].livenessProbe`."""
    parts: list[str] = []
    for index, part in enumerate(path):
        if isinstance(part, int):
            parts.append(f"[{names.get(path[: index + 1], str(part))}]")
        else:
            parts.append(f".{part}" if parts else part)
    return "".join(parts)[:300]


def problems(found: Sequence[Problem]) -> list[Judged]:
    """Make findings of input that can't be used."""
    return [
        Judged(
            finding=INPUT_INVALID.worded(problem.message),
            file=problem.file,
            line=problem.line,
            column=problem.column,
        )
        for problem in sorted(found)
    ]


def passed_over(problem: Problem, named: Sequence[str]) -> str:
    """Say why a file that can't be read is no mistake; empty where it is one.

    What was named has to be read. What was only found in a directory may be the source of a Helm template, or no
    manifest at all: a lock file, or the configuration of something else.
    """
    if problem.file in (*named, "<stdin>"):
        return ""
    if "Helm template" in problem.message:
        return "is the source of a Helm template, and passed over: render it first"
    try:
        content = Path(problem.file).read_bytes()
    except OSError:
        return ""
    # Without the zeros that UTF-16 would put between them.
    manifest = b"apiVersion" in content.replace(b"\0", b"")
    return "" if manifest else f"can't be read, and is no manifest: passed over ({problem.message[:120]})"


def sort(report: Report) -> None:
    """Put what was found into the order of files and lines; what matters most first on one line."""
    report.judged.sort(key=lambda one: (one.file, one.line, one.object, -one.rank, one.finding.id, one.column))
