"""The decisions about a workload's containers: which of them, which preset, which probes, and what to do about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.api.healthplan import OriginalRecord, Standing
from apphealth.api.rule import Rule
from apphealth.api.spec import ExistingProbes
from apphealth.model.ownership import Path, probe_path
from apphealth.model.probe import KINDS, Probe, ProbeKind
from apphealth.model.proof import Proof, Question
from apphealth.model.service import Service
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.ownership.managed_fields import abandoned
from apphealth.plan.ownership.takeover import UNRESOLVED, Case, Decision, Edit, decide, is_ours
from apphealth.plan.probes.assembly import Subject, wanted_kinds
from apphealth.plan.probes.attempt import Pods, Tried
from apphealth.plan.probes.candidates import candidates_of
from apphealth.plan.probes.eligibility import alone, left_alone
from apphealth.plan.probes.verification import Wanted, want_probes
from apphealth.plan.result import Action, Conflict, ContainerPlan, ProbePlan
from apphealth.plan.rules.annotations import annotation_findings
from apphealth.plan.rules.merging import Settings, container_settings, named_containers


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the containers of one workload have in common."""

    workload: Workload
    rules: Sequence[Rule]
    services: Sequence[Service]
    shared: Settings
    """Settings of the workload as a whole: mode, existingProbes, defaultsVersion, ..."""
    originals: tuple[OriginalRecord, ...] = ()
    allow_exec: bool = False
    pods: Pods = field(default_factory=Pods)


@dataclass(slots=True)
class Outcome:
    """What is decided about the containers."""

    containers: list[ContainerPlan] = field(default_factory=list)
    edits: dict[tuple[str, ProbeKind], Edit] = field(default_factory=dict)
    originals: list[OriginalRecord] = field(default_factory=list)
    disowned: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)
    proofs: dict[str, tuple[Question, Proof]] = field(default_factory=dict)

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
        silence = left_alone(container, settings, scene.workload, scene.rules, scene.services)
        if silence:
            outcome.findings.extend([silence] if isinstance(silence, Finding) else [])
            outcome.containers.append(_planned(container, Wanted(), scene, outcome))
            continue
        open_kinds = [kind for kind in wanted_kinds(settings) if _may_write(container, kind, scene)]
        candidates = candidates_of(container, settings, scene.services, open_kinds)
        if isinstance(candidates, Finding) or misread:
            wanted = Wanted(unresolved=frozenset(wanted_kinds(settings)), settled=False)
            outcome.findings.extend([candidates] if isinstance(candidates, Finding) else [])
        else:
            wanted = want_probes(_subject(container, settings, scene), candidates, scene.pods, open_kinds)
            nothing = not (wanted.probes or wanted.findings or wanted.answers.open)
            if open_kinds and nothing:
                outcome.findings.append(_unknown(container))
        outcome.findings.extend(wanted.findings)
        outcome.containers.append(_planned(container, wanted, scene, outcome))
    return outcome


def _planned(container: Container, wanted: Wanted, scene: Scene, outcome: Outcome) -> ContainerPlan:
    outcome.questions.update(wanted.answers.open)
    outcome.proofs.update(wanted.answers.known)
    preset = wanted.candidate.preset
    return ContainerPlan(
        name=container.name,
        preset=preset.name if preset is not None else "",
        preset_source=wanted.candidate.evidence,
        runs_library=_runs_library(container, wanted),
        probes=tuple(_decide(container, kind, wanted, scene, outcome) for kind in KINDS),
        considered=wanted.considered,
    )


def _may_write(container: Container, kind: ProbeKind, scene: Scene) -> bool:
    """Whether a probe of ours may be written: nobody else's is there, or it gives way."""
    live = container.probes.get(kind)
    return live is None or live.owner.ours or _replaces(scene) or abandoned(live)


def _runs_library(container: Container, wanted: Wanted) -> bool:
    """Whether it reads the dependencies; while that is not known, what is delivered stays as it was."""
    if not wanted.settled:
        return container.mounts_delivery
    return wanted.candidate.preset is not None and wanted.candidate.preset.runs_library


def _unknown(container: Container) -> Finding:
    return Finding(
        id="application-unknown",
        severity=Severity.INFO,
        message="nothing tells what this container serves, so no probe is derived",
        fix="set a preset or probes.*.path in a rule, or the annotation apphealth.dev/preset on the pod template",
        container=container.name,
    )


def _subject(container: Container, settings: Settings, scene: Scene) -> Subject:
    theirs: Mapping[ProbeKind, Probe] = {
        kind: live.probe for kind, live in container.probes.items() if not live.owner.ours
    }
    ours = {
        kind: live.probe for kind, live in container.probes.items() if is_ours(live, _original(container, kind, scene))
    }
    return Subject(
        container=container,
        settings=settings,
        services=scene.services,
        alone=alone(scene.workload) and container.role is ContainerRole.MAIN,
        defaults_version=scene.shared.get("defaults_version") or 1,
        allow_exec=scene.allow_exec,
        theirs=theirs,
        ours=ours,
        replaces=_replaces(scene),
    )


def _decide(container: Container, kind: ProbeKind, wanted: Wanted, scene: Scene, outcome: Outcome) -> ProbePlan:
    chosen = wanted.probes.get(kind)
    live = container.probes.get(kind)
    decision = decide(
        Case(
            container=container.name,
            kind=kind,
            wanted=chosen.probe if chosen else None,
            live=live,
            replace=_replaces(scene),
            generation=scene.workload.generation,
            original=_original(container, kind, scene),
            unresolved=kind in wanted.unresolved,
        )
    )
    outcome.add(container, kind, decision)
    stays = live.probe if live is not None and decision.action is Action.APPLY else None
    tried = wanted.tried.get(kind, Tried())
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=_reason(decision, tried.standing),
        probe=chosen.probe if chosen else stays,
        provenance=chosen.provenance if chosen else (),
        standing=tried.standing,
        proof=tried.proof,
        unproven=scene.pods.unproven and kind in wanted.derived,
    )


def _reason(decision: Decision, standing: Standing | None) -> str:
    if decision.action is Action.NONE and standing is not None:
        return _WAITS.get(standing, decision.reason)
    if decision.action is Action.APPLY and decision.reason == UNRESOLVED and standing is not None:
        return _STAYS.get(standing, decision.reason)
    return decision.reason


_WAITS = {
    Standing.AWAITING_PODS: "waits to be shown on a running pod",
    Standing.REFUTED: "not written: the running pods answered otherwise",
}
_STAYS = {
    Standing.AWAITING_PODS: "stays as it was: what is wanted now waits to be shown on a running pod",
    Standing.REFUTED: "stays as it was: the running pods answered otherwise than what is wanted now",
}


def _original(container: Container, kind: ProbeKind, scene: Scene) -> OriginalRecord | None:
    """Return what is remembered of a probe that we have replaced."""
    return next((o for o in scene.originals if (o.container, o.type) == (container.name, kind)), None)


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
