"""The first pass of a plan: the probes of every container of a workload, and what to do about each.

For every container: is it eligible, which presets may describe it, which of them have running pods proven, and what
follows for each probe given who owns the probe that is there now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from apphealth.api.healthplan import OriginalRecord, VerificationState
from apphealth.api.rule import Rule
from apphealth.api.spec import Verification
from apphealth.model.ownership import probe_path
from apphealth.model.probe import KINDS, ProbeKind
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan.facts import Facts, Options, Readiness
from apphealth.plan.findings import (
    CONTAINER_MISSING,
    PROBE_CONTESTED,
    PROBE_ROLLED_BACK,
    PROBE_TAKEN_OUT,
    Finding,
)
from apphealth.plan.harm import named_port_is_gone
from apphealth.plan.ownership.managed_fields import abandoned, recognise
from apphealth.plan.ownership.takeover import Case, Decision, decide, is_ours, may_be_replaced
from apphealth.plan.ownership.withholding import Wanted, applicable, without_withheld
from apphealth.plan.probes.choice import REFUTED, Choice
from apphealth.plan.probes.container import ContainerFacts, Pods
from apphealth.plan.probes.desired import DesiredProbes, desired_probes
from apphealth.plan.probes.eligibility import INJECTED, NO_RULE, Skip, alone, why_skipped
from apphealth.plan.probes.reporting import quote, survey_answers
from apphealth.plan.probes.verification import ProbeEvaluation
from apphealth.plan.result import Action, Considered, ContainerPlan, ProbePlan, ProbesPlan
from apphealth.plan.rules.annotations import Annotations, read_annotations
from apphealth.plan.rules.merging import container_settings, listed_containers, workload_settings
from apphealth.plan.rules.settings import ContainerSettings, ProbeSettings, WorkloadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """The decisions about one container."""

    plan: ContainerPlan
    decisions: Mapping[ProbeKind, Decision]
    settings: ContainerSettings
    desired: DesiredProbes
    wanted: Mapping[ProbeKind, Wanted]
    harmful: frozenset[ProbeKind]
    """Probes of ours that are there, and withheld or without the port that they name."""
    findings: tuple[Finding, ...]


_NOTHING = DesiredProbes()
MAX_OTHERS = 4
"""Most ports of a pod's other containers that a container's answers are compared with."""


def plan_probes(workload: Workload, rules: Sequence[Rule], facts: Facts, options: Options) -> ProbesPlan:
    """Decide about the probes of a workload.

    Pure, and independent of what the workload depends on.

    Parameters
    ----------
    workload
        As it is now.
    rules
        The rules that count, the weakest first. Without any, what is ours is taken back.
    facts
        What the cluster says. `facts.neighbours` is not read.
    options
        How the program was told to plan.
    """
    workload = recognise(workload, facts.written)
    shared = workload_settings(rules)
    annotations = read_annotations(workload.pod_annotations)
    entries = applicable(facts.withheld, workload, facts.retried)
    planned = [
        _plan_container(container, workload, rules, shared, annotations, facts, options, entries)
        for container in workload.containers
    ]
    findings = [finding for one in planned for finding in (*_withheld_findings(one, workload), *one.findings)]
    if rules:
        findings = [*annotations.findings, *_missing_containers(workload, rules), *findings]
    answers = {answer.question.id: answer for one in planned for answer in one.desired.answers}
    questions = {question.id: question for one in planned for question in one.desired.questions}
    return ProbesPlan(
        settings=shared,
        containers=tuple(one.plan for one in planned),
        edits={
            (one.plan.name, kind): decision.edit
            for one in planned
            for kind, decision in one.decisions.items()
            if decision.edit is not None
        },
        originals=tuple(
            decision.original for one in planned for decision in one.decisions.values() if decision.original is not None
        ),
        disowned=tuple(
            probe_path(container.role.list_name, container.name, kind.field)
            for container, one in zip(workload.containers, planned, strict=True)
            for kind, decision in one.decisions.items()
            if decision.disown
        ),
        withheld=tuple(wanted.entry for one in planned for wanted in one.wanted.values() if wanted.entry is not None),
        taken_out={
            (one.plan.name, kind): edit
            for one in planned
            for kind, wanted in one.wanted.items()
            if (wanted.applies or kind in one.harmful) and (edit := one.decisions[kind].edit) is not None
        },
        findings=tuple(findings),
        conflicts=tuple(
            dict.fromkeys((*shared.conflicts, *(conflict for one in planned for conflict in one.settings.conflicts)))
        ),
        questions=tuple(questions.values()),
        proofs=tuple((answer.question, answer.proof) for answer in answers.values()),
        readiness=_readiness(workload, [one.plan for one in planned]),
    )


def _plan_container(
    container: Container,
    workload: Workload,
    rules: Sequence[Rule],
    shared: WorkloadSettings,
    annotations: Annotations,
    facts: Facts,
    options: Options,
    entries: Mapping[tuple[str, ProbeKind], Withheld],
) -> _Planned:
    settings = container_settings(rules, container.name, annotations)
    skip = why_skipped(container, settings, workload, rules, facts.services)
    originals = {ProbeKind(one.type): one for one in facts.originals if one.container == container.name}
    if skip is not None:
        desired = _NOTHING
    else:
        known = _container_facts(container, workload, settings, shared, originals, facts, options, entries)
        desired = desired_probes(known, annotations)
    ours = {kind for kind, live in container.probes.items() if is_ours(live, originals.get(kind))}
    # The kubelet can't carry such a probe out: the pods would never become ready, or would be restarted.
    broken = frozenset(kind for kind in ours if named_port_is_gone(container, container.probes[kind].probe))
    wanted: dict[ProbeKind, Wanted] = {}
    ended: set[str] = set()
    for kind in reversed(KINDS):  # startup first: an entry about liveness with the same evidence ends with its own
        entry = entries.get((container.name, kind))
        wanted[kind] = without_withheld(
            desired.probes[kind].probe if kind in desired.probes else None,
            entry if entry is None or entry.evidence not in ended else None,
            unresolved=kind in desired.unresolved - broken,
            live=container.probes.get(kind),
            ours=kind in ours,
            replace=shared.replaces,
        )
        if kind is ProbeKind.STARTUP and entry is not None and wanted[kind].entry is None:
            ended.add(entry.evidence)
    decisions = {
        kind: decide(
            Case(
                container=container.name,
                kind=kind,
                wanted=wanted[kind].probe,
                live=container.probes.get(kind),
                replace=shared.replaces,
                allow_exec=options.allow_exec or options.files,
                original=originals.get(kind),
                unresolved=wanted[kind].unresolved,
            )
        )
        for kind in KINDS
    }
    return _Planned(
        plan=_container_plan(
            container, settings, skip, desired, decisions, wanted, unproven=options.files and options.unproven
        ),
        decisions=decisions,
        settings=settings,
        desired=desired,
        wanted=wanted,
        harmful=broken
        | {kind for kind in ours if (container.name, kind) in entries and wanted[kind].entry is not None},
        findings=(skip.finding,) if skip is not None and skip.finding is not None else desired.findings,
    )


def _container_facts(
    container: Container,
    workload: Workload,
    settings: ContainerSettings,
    shared: WorkloadSettings,
    originals: Mapping[ProbeKind, OriginalRecord],
    facts: Facts,
    options: Options,
    entries: Mapping[tuple[str, ProbeKind], Withheld],
) -> ContainerFacts:
    live = container.probes
    # A probe that is to be taken out proves nothing about the candidate that it belongs to.
    kept = {
        kind: probe
        for kind, probe in live.items()
        if (entry := entries.get((container.name, kind))) is None or not entry.is_about(probe.probe)
    }
    required = shared.verification is Verification.REQUIRED
    asked = required and not options.files
    return ContainerFacts(
        container=container,
        template=workload.template_key,
        settings=settings,
        services=facts.services,
        alone=alone(workload) and container.role is ContainerRole.MAIN,
        ordered=workload.ordered,
        defaults_version=shared.defaults_version,
        allow_exec=options.allow_exec,
        writable=frozenset(
            kind
            for kind in settings.wanted_kinds()
            if kind not in live
            or live[kind].owner.ours
            or (shared.replaces and may_be_replaced(live[kind], allow_exec=options.allow_exec))
            or abandoned(live[kind])
        ),
        theirs={kind: probe.probe for kind, probe in live.items() if not probe.owner.ours},
        ours={kind: probe.probe for kind, probe in kept.items() if is_ours(probe, originals.get(kind))},
        replaces=shared.replaces,
        pods=Pods(
            required=required,
            ready=workload.ready and not workload.host_network and not options.files,
            on_host=workload.host_network,
            files=options.files,
            unproven=options.files and options.unproven,
        ),
        start=0 if options.files else facts.starts.get(container.name, 0),
        answers=facts.answers if asked else {},
        others=tuple(
            port.number
            for other in workload.containers
            if other.name != container.name and other.name not in INJECTED
            for port in other.ports
            if port.protocol == "TCP"
        )[:MAX_OTHERS],
    )


def _container_plan(
    container: Container,
    settings: ContainerSettings,
    skip: Skip | None,
    desired: DesiredProbes,
    decisions: Mapping[ProbeKind, Decision],
    wanted: Mapping[ProbeKind, Wanted],
    *,
    unproven: bool,
) -> ContainerPlan:
    choice, candidate = desired.choice, desired.candidate
    preset = candidate.suggestion.preset if candidate is not None else None
    reason, message = "", ""
    if skip is not None:
        reason, message = skip.reason, skip.text
    elif choice is not None:
        reason, message = choice.rule.name, choice.rule.text
    derived = candidate.derived if candidate is not None else frozenset()
    return ContainerPlan(
        name=container.name,
        preset=preset.name if preset is not None else "",
        preset_source=candidate.suggestion.evidence if candidate is not None else "",
        skipped=skip is not None,
        reason=reason,
        message=message,
        # While it is not known what the container runs, what is delivered to it stays.
        runs_library=(preset is not None and preset.runs_library) if desired.settled else container.mounts_delivery,
        probes=tuple(
            _probe_plan(
                container,
                kind,
                decisions[kind],
                desired,
                wanted[kind],
                why_none=_why_none(settings.probe(kind), skip, surveyed=_surveyed(kind, choice)),
                unproven=unproven and kind in derived,
            )
            for kind in KINDS
        ),
        considered=tuple(_considered(choice)) if choice is not None else (),
    )


def _considered(choice: Choice) -> Iterator[Considered]:
    for passed in choice.passed_over:
        suggestion = passed.evaluation.candidate.suggestion
        if passed.rule is REFUTED and suggestion.preset is not None:
            yield Considered(suggestion.preset.name, suggestion.evidence, quote(passed.refuted))


def _why_none(settings: ProbeSettings, skip: Skip | None, surveyed: str) -> str:
    """Return why no probe of a kind is wanted; empty where nobody decided that.

    `surveyed` is what a survey came to, where it had no endpoint for it.
    """
    if skip is not None:
        return skip.text if skip is not NO_RULE else ""
    if settings.enabled is not None and not settings.wanted:
        return f"{settings.enabled.source} switches it off"
    return surveyed


def _surveyed(kind: ProbeKind, choice: Choice | None) -> str:
    """Return what a survey came to, where it had no endpoint for a probe."""
    answers = survey_answers(choice) if choice is not None and kind is not ProbeKind.STARTUP else ""
    return f"no endpoint for it answered: {answers}" if answers else ""


def _probe_plan(
    container: Container,
    kind: ProbeKind,
    decision: Decision,
    desired: DesiredProbes,
    wanted: Wanted,
    *,
    why_none: str,
    unproven: bool,
) -> ProbePlan:
    planned = desired.probes.get(kind)
    evaluation = desired.evaluations.get(kind, ProbeEvaluation())
    live = container.probes.get(kind)
    stays = live.probe if live is not None and decision.action is Action.APPLY else None
    if wanted.applies and wanted.entry is not None:
        return _withheld_plan(kind, decision, evaluation, wanted, wanted.entry)
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=_reason(decision, evaluation.state, why_none),
        probe=planned.probe if planned else stays,
        provenance=planned.provenance if planned else (),
        verification=evaluation.state,
        proof=evaluation.proof,
        unproven=unproven,
    )


_WITHHELD = {
    WithheldReason.ROLLED_BACK: ("taken back, because it did harm", PROBE_ROLLED_BACK),
    WithheldReason.REFUTED: ("taken out, because the new pods answer otherwise", PROBE_TAKEN_OUT),
    WithheldReason.CONTESTED: ("not written again, because another manager keeps taking it out", PROBE_CONTESTED),
}


def _withheld_plan(
    kind: ProbeKind, decision: Decision, evaluation: ProbeEvaluation, wanted: Wanted, entry: Withheld
) -> ProbePlan:
    """Return the decision about a probe that is not written, or before which an earlier one of ours comes back."""
    text, _ = _WITHHELD[entry.reason]
    refuted = entry.reason is WithheldReason.REFUTED
    return ProbePlan(
        kind=kind,
        action=decision.action,
        reason=f"{text}: {entry.evidence}" + ("; the one before it is back" if wanted.probe is not None else ""),
        probe=wanted.probe,
        verification=VerificationState.REFUTED if refuted else evaluation.state,
        proof=evaluation.proof,
        withheld=entry,
    )


def _withheld_findings(planned: _Planned, workload: Workload) -> Iterator[Finding]:
    """Yield one finding for each evidence for which probes of a container are withheld."""
    kinds: dict[tuple[WithheldReason, str], list[str]] = {}
    for kind, wanted in planned.wanted.items():
        if wanted.applies and wanted.entry is not None:
            kinds.setdefault((wanted.entry.reason, wanted.entry.evidence), []).append(kind)
    for (reason, evidence), found in kinds.items():
        yield _WITHHELD[reason][1](
            kinds=", ".join(found),
            evidence=evidence,
            retry=f"apphealth retry {workload.kind.lower()}/{workload.name} -n {workload.namespace}",
            container=planned.plan.name,
        )


_NOT_WRITTEN = {
    VerificationState.AWAITING_PODS: "waits to be shown on a running pod",
    VerificationState.REFUTED: "not written: the running pods answered otherwise",
}
_UNCHANGED = {
    VerificationState.AWAITING_PODS: "stays as it was: what is wanted now waits to be shown on a running pod",
    VerificationState.REFUTED: "stays as it was: the running pods answered otherwise than what is wanted now",
}


def _reason(decision: Decision, state: VerificationState | None, why_none: str) -> str:
    """Return the reason of a decision, with what users, or what pods, have to do with it."""
    if state is None and why_none and decision.action is Action.NONE:
        return f"{decision.reason} ({why_none})"
    if state is not None and decision.action is Action.NONE:
        return _NOT_WRITTEN.get(state, decision.reason)
    if state is not None and decision.unchanged:
        return _UNCHANGED.get(state, decision.reason)
    return decision.reason


def _missing_containers(workload: Workload, rules: Sequence[Rule]) -> Iterator[Finding]:
    there = {container.name for container in workload.containers}
    for name, rule in listed_containers(rules).items():
        if name not in there:
            yield CONTAINER_MISSING(rule=rule, name=name, listed=", ".join(sorted(there)))


def _readiness(workload: Workload, containers: Iterable[ContainerPlan]) -> Readiness:
    """Return the handler of each container's readiness probe: the planned one, or somebody else's that stays."""
    live = {container.name: container.probes.get(ProbeKind.READINESS) for container in workload.containers}
    found = []
    for container in containers:
        planned = next(probe for probe in container.probes if probe.kind is ProbeKind.READINESS)
        there = live[container.name]
        stays = there is not None and (planned.action is not Action.APPLY or planned.probe is None)
        effective = there.probe if stays and there is not None else planned.probe
        if effective is not None and effective.handler is not None:
            found.append((container.name, effective.handler))
    return tuple(found)
