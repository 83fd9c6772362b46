"""The decisions about a workload's containers: which of them, which preset, which probes, and what to do about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.api.healthplan import OriginalRecord
from apphealth.api.rule import Rule
from apphealth.api.spec import ExistingProbes
from apphealth.model.ownership import Path, probe_path
from apphealth.model.probe import KINDS, Probe, ProbeKind
from apphealth.model.service import Service
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan import presets
from apphealth.plan.annotations import annotation_findings
from apphealth.plan.eligibility import alone, left_alone
from apphealth.plan.finding import Finding, Severity
from apphealth.plan.layers import Settings, container_settings, named_containers
from apphealth.plan.presets.preset import Preset
from apphealth.plan.probes import Subject, Wanted, want_probes, wanted_kinds
from apphealth.plan.result import Action, Conflict, ContainerPlan, ProbePlan
from apphealth.plan.takeover import Case, Decision, Edit, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the containers of one workload have in common."""

    workload: Workload
    rules: Sequence[Rule]
    services: Sequence[Service]
    shared: Settings
    """Settings of the workload as a whole: mode, existingProbes, defaultsVersion, ..."""
    originals: Sequence[OriginalRecord] = ()
    allow_exec: bool = False


@dataclass(slots=True)
class Outcome:
    """What is decided about the containers."""

    containers: list[ContainerPlan] = field(default_factory=list)
    edits: dict[tuple[str, ProbeKind], Edit] = field(default_factory=dict)
    originals: list[OriginalRecord] = field(default_factory=list)
    disowned: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def add(self, container: Container, kind: ProbeKind, decision: Decision) -> None:
        """Keep what one decision asks for."""
        if decision.edit is not None:
            self.edits[container.name, kind] = decision.edit
        if decision.original is not None:
            self.originals.append(decision.original)
        if decision.disown:
            self.disowned.append(probe_path(container.role.list_name, container.name, kind.field))


def plan_containers(scene: Scene) -> Outcome:
    """Decide about every container of a workload."""
    outcome = Outcome()
    if scene.rules:
        outcome.findings.extend(annotation_findings(scene.workload.pod_annotations))
        outcome.findings.extend(_missing_containers(scene))
    misread = any(finding.id == "annotation-invalid" for finding in outcome.findings)
    for container in scene.workload.containers:
        settings = container_settings(scene.rules, container.name, scene.workload.pod_annotations)
        outcome.conflicts.extend(settings.conflicts)
        preset, source, problem = _preset(container, settings)
        silence = left_alone(container, settings, scene.workload, scene.rules, scene.services)
        findings = [problem] if problem and not silence else []
        if silence:
            wanted = Wanted()
            findings += [silence] if isinstance(silence, Finding) else []
        elif problem or misread:
            wanted = Wanted(unresolved=frozenset(wanted_kinds(settings)))
        else:
            wanted = want_probes(_subject(container, settings, preset, source, scene))
            if not wanted.probes and not wanted.findings and wanted_kinds(settings):
                findings.append(_unknown(container))
        outcome.findings.extend((*findings, *wanted.findings))
        probes = tuple(_decide(container, kind, wanted, scene, outcome) for kind in KINDS)
        outcome.containers.append(
            ContainerPlan(
                name=container.name,
                preset=preset.name if preset and not silence else "",
                preset_source=source if preset and not silence else "",
                runs_library=not silence and _runs_library(container, preset, mistaken=bool(problem) or misread),
                probes=probes,
            )
        )
    return outcome


def _runs_library(container: Container, preset: Preset | None, *, mistaken: bool) -> bool:
    """Whether it reads the dependencies; where a mistake hides the preset, what is delivered stays as it was."""
    return container.mounts_delivery if mistaken else preset is not None and preset.runs_library


def _unknown(container: Container) -> Finding:
    return Finding(
        id="application-unknown",
        severity=Severity.INFO,
        message="nothing tells what this container serves, so no probe is derived",
        fix="set a preset or probes.*.path in a rule, or the annotation apphealth.dev/preset on the pod template",
        container=container.name,
    )


def _preset(container: Container, settings: Settings) -> tuple[Preset | None, str, Finding | None]:
    """Choose the preset: as said, else by evidence; an unknown name is a finding."""
    said = settings.sourced("preset")
    if said is None or said.value == presets.AUTO:
        found = presets.detect(container)
        return (found[0], found[1], None) if found else (None, "", None)
    if (preset := presets.ALL.get(said.value)) is not None:
        return preset, said.source, None
    finding = Finding(
        id="preset-unknown",
        severity=Severity.ERROR,
        message=f"preset '{said.value[:63]}' ({said.source}) is not known",
        fix=presets.nearest(said.value),
        container=container.name,
    )
    return None, "", finding


def _subject(container: Container, settings: Settings, preset: Preset | None, source: str, scene: Scene) -> Subject:
    theirs: Mapping[ProbeKind, Probe] = {
        kind: live.probe for kind, live in container.probes.items() if not live.owner.ours
    }
    return Subject(
        container=container,
        settings=settings,
        services=scene.services,
        preset=preset,
        preset_source=source,
        alone=alone(scene.workload) and container.role is ContainerRole.MAIN,
        defaults_version=scene.shared.get("defaults_version") or 1,
        allow_exec=scene.allow_exec,
        theirs=theirs,
        replaces=_replaces(scene),
    )


def _decide(container: Container, kind: ProbeKind, wanted: Wanted, scene: Scene, outcome: Outcome) -> ProbePlan:
    chosen = wanted.probes.get(kind)
    live = container.probes.get(kind)
    record = next((o for o in scene.originals if (o.container, o.type) == (container.name, kind)), None)
    decision = decide(
        Case(
            container=container.name,
            kind=kind,
            wanted=chosen.probe if chosen else None,
            live=live,
            replace=_replaces(scene),
            generation=scene.workload.generation,
            original=record,
            unresolved=kind in wanted.unresolved,
        )
    )
    outcome.add(container, kind, decision)
    stays = live.probe if live is not None and decision.action is Action.APPLY else None
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=decision.reason,
        probe=chosen.probe if chosen else stays,
        provenance=chosen.provenance if chosen else (),
    )


def _replaces(scene: Scene) -> bool:
    return scene.shared.get("existing_probes") is ExistingProbes.REPLACE


def _missing_containers(scene: Scene) -> list[Finding]:
    there = {container.name for container in scene.workload.containers}
    listed = ", ".join(sorted(there))
    return [
        Finding(
            id="container-missing",
            severity=Severity.WARNING,
            message=f"{source} names the container '{name}', which is not in the pod (there: {listed})",
            fix="correct spec.containers[].name, or select only workloads that have it",
        )
        for name, source in named_containers(scene.rules).items()
        if name not in there
    ]
