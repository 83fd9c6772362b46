"""The first pass of a plan: the probes of every container of a workload, and what to do about each.

For every container: is it eligible, which presets may describe it, which of them have running pods proven, and what
follows for each probe given who owns the probe that is there now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from apphealth.api.healthplan import OriginalRecord
from apphealth.api.rule import Rule, RuleKey
from apphealth.model.ownership import probe_path
from apphealth.model.probe import KINDS, Handler, ProbeKind
from apphealth.model.withheld import WithheldReason
from apphealth.model.workload import Container, Workload
from apphealth.plan.facts import Facts, Options
from apphealth.plan.findings import (
    CONTAINER_MISSING,
    PROBE_CONTESTED,
    PROBE_ROLLED_BACK,
    PROBE_TAKEN_OUT,
    Finding,
)
from apphealth.plan.harm import named_port_is_gone
from apphealth.plan.ownership.managed_fields import recognise
from apphealth.plan.ownership.passes import Pass, Stages, asks_anew, next_pass, stages_of
from apphealth.plan.ownership.takeover import Case, Edit, decide, is_ours
from apphealth.plan.ownership.withholding import Wanted, applicable, without_withheld
from apphealth.plan.probes.container import WorkloadFacts, container_facts
from apphealth.plan.probes.container_plan import ContainerDecisions, container_plan
from apphealth.plan.probes.desired import DesiredProbes, desired_probes
from apphealth.plan.probes.eligibility import Skip, why_skipped
from apphealth.plan.result import Action, ContainerPlan, ProbesPlan
from apphealth.plan.rules.annotations import read_annotations
from apphealth.plan.rules.merging import container_settings, listed_containers, workload_settings
from apphealth.plan.rules.settings import ContainerSettings


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

    Returns
    -------
    ProbesPlan
        The decisions about every container.
    """
    workload = recognise(workload, facts.written)
    known = WorkloadFacts(
        workload=workload,
        rules=rules,
        settings=workload_settings(rules),
        annotations=read_annotations(workload.pod_annotations),
        withheld=applicable(facts.withheld, workload, facts.retried),
        gathered=facts,
        options=options,
    )
    wants = [_want(container, known) for container in workload.containers]
    stages, harmed = _stages(wants, known)
    containers = [_decide(one, known, stages, harmed) for one in wants]
    step = _next_pass(containers, stages)
    plans = [container_plan(one, step, unproven=options.files and options.unproven) for one in containers]
    decisions = [(one, kind, decision) for one in containers for kind, decision in one.decisions.items()]
    answers = {answer.question.id: answer for one in containers for answer in one.desired.answers}
    questions = {question.id: question for one in containers for question in one.desired.questions}
    conflicts = (*known.settings.conflicts, *(conflict for one in containers for conflict in one.settings.conflicts))
    return ProbesPlan(
        settings=known.settings,
        containers=tuple(plans),
        edits=step.edits,
        later=step.later,
        after=step.after,
        originals=tuple(original for _, _, decision in decisions if (original := decision.original) is not None),
        disowned=tuple(
            probe_path(one.container.role.list_name, one.container.name, kind.field)
            for one, kind, decision in decisions
            if decision.disown
        ),
        withheld=tuple(
            entry for one in containers for wanted in one.wanted.values() if (entry := wanted.entry) is not None
        ),
        taken_out=_taken_out(containers),
        findings=tuple(_findings(containers, known)),
        conflicts=tuple(dict.fromkeys(conflicts)),
        questions=tuple(questions.values()),
        proofs=tuple(answers.values()),
        readiness=tuple(
            (plan.name, handler)
            for one, plan in zip(containers, plans, strict=True)
            if (handler := _readiness(one.container, plan)) is not None
        ),
        lacks=tuple(_lacks(workload, rules)),
    )


class _Wants(NamedTuple):
    """What one container should have, before it is decided what to do about it."""

    container: Container
    settings: ContainerSettings
    skip: Skip | None
    desired: DesiredProbes
    originals: Mapping[ProbeKind, OriginalRecord]
    ours: frozenset[ProbeKind]
    broken: frozenset[ProbeKind]
    """Those of `ours` whose named port is gone."""
    wanted: Mapping[ProbeKind, Wanted]


def _want(container: Container, facts: WorkloadFacts) -> _Wants:
    """Work out the probes that one container should have."""
    settings = container_settings(facts.rules, container.name, facts.annotations)
    skip = why_skipped(container, settings, facts.workload, facts.rules, facts.gathered.services)
    originals = {ProbeKind(one.type): one for one in facts.gathered.originals if one.container == container.name}
    ours = [kind for kind, live in container.probes.items() if is_ours(live, originals.get(kind))]
    if skip is not None:
        desired = DesiredProbes(findings=(skip.finding,) if skip.finding is not None else ())
    else:
        desired = desired_probes(container_facts(container, settings, ours, facts), facts.annotations)
    # The kubelet can't carry such a probe out: the pods would never become ready, or would be restarted.
    broken = {kind for kind in ours if named_port_is_gone(container, container.probes[kind].probe)}
    return _Wants(
        container=container,
        settings=settings,
        skip=skip,
        desired=desired,
        originals=originals,
        ours=frozenset(ours),
        broken=frozenset(broken),
        wanted=_wanted(container, desired, ours, broken, facts),
    )


def _stages(wants: Iterable[_Wants], facts: WorkloadFacts) -> tuple[Stages, tuple[int, ...] | None]:
    """Return the pass of each kind of probe, and the first pass of which a probe did harm."""
    found = list(wants)
    # Where no pod is ready nothing can get worse, and files have no pods: all probes in one pass.
    staged = not facts.options.files and (facts.workload.ready or any(one.ours for one in found))
    stages = stages_of(facts.rules if staged else ())
    harmful = (
        stages[kind]
        for one in found
        for kind, wanted in one.wanted.items()
        if wanted.applies and wanted.entry is not None and wanted.entry.reason is not WithheldReason.CONTESTED
    )
    return stages, min(harmful, default=None)


def _decide(wants: _Wants, facts: WorkloadFacts, stages: Stages, harmed: tuple[int, ...] | None) -> ContainerDecisions:
    """Decide about the probes of one container. `harmed` is the first pass of which a probe did harm."""
    container, originals, ours = wants.container, wants.originals, wants.ours
    wanted = {
        kind: Wanted(probe=None, unresolved=True, entry=one.entry, after_harm=True)
        if harmed is not None and stages[kind] > harmed and _adds(kind, wants, replaces=facts.settings.replaces)
        else one
        for kind, one in wants.wanted.items()
    }
    decisions = {
        kind: decide(
            Case(
                container=container.name,
                kind=kind,
                wanted=wanted[kind].probe,
                live=container.probes.get(kind),
                replace=facts.settings.replaces,
                allow_exec=facts.options.allow_exec or facts.options.files,
                original=originals.get(kind),
                unresolved=wanted[kind].unresolved,
            )
        )
        for kind in KINDS
    }
    withheld = {kind for kind in ours if (container.name, kind) in facts.withheld and wanted[kind].entry is not None}
    return ContainerDecisions(
        container=container,
        settings=wants.settings,
        skip=wants.skip,
        desired=wants.desired,
        wanted=wanted,
        decisions=decisions,
        ours=ours,
        harmful=wants.broken | withheld,
    )


def _adds(kind: ProbeKind, wants: _Wants, *, replaces: bool) -> bool:
    """Return whether a probe of ours would be added, or would ask another endpoint."""
    probe, live = wants.wanted[kind].probe, wants.container.probes.get(kind)
    if probe is None or (live is not None and kind not in wants.ours and not replaces):
        return False
    return asks_anew(probe, live.probe if live is not None else None)


def _taken_out(containers: Iterable[ContainerDecisions]) -> dict[tuple[str, ProbeKind], Edit]:
    """Return the edits that take out, or replace, a probe that does harm."""
    return {
        (one.container.name, kind): edit
        for one in containers
        for kind, decision in one.decisions.items()
        if (edit := decision.edit) is not None and (one.wanted[kind].applies or kind in one.harmful)
    }


def _next_pass(containers: Sequence[ContainerDecisions], stages: Stages) -> Pass:
    decisions = [((one.container.name, kind), one, what) for one in containers for kind, what in one.decisions.items()]
    return next_pass(
        {target: edit for target, _, decision in decisions if (edit := decision.edit) is not None},
        _taken_out(containers),
        [
            target
            for target, one, decision in decisions
            if target[1] in one.ours and decision.action is Action.APPLY and decision.edit is None
        ],
        stages,
    )


def _wanted(
    container: Container,
    desired: DesiredProbes,
    ours: Collection[ProbeKind],
    broken: Collection[ProbeKind],
    facts: WorkloadFacts,
) -> Mapping[ProbeKind, Wanted]:
    """Take the withheld probes into account; `broken` are those of `ours` whose named port is gone."""
    wanted: dict[ProbeKind, Wanted] = {}
    ended: str | None = None
    for kind in reversed(KINDS):  # startup first: an entry about liveness with the same evidence ends with its own
        entry = facts.withheld.get((container.name, kind))
        planned = desired.probes.get(kind)
        wanted[kind] = without_withheld(
            planned.probe if planned is not None else None,
            entry if entry is None or entry.evidence != ended else None,
            unresolved=kind in desired.unresolved and kind not in broken,
            live=container.probes.get(kind),
            ours=kind in ours,
            replace=facts.settings.replaces,
        )
        if kind is ProbeKind.STARTUP and entry is not None and wanted[kind].entry is None:
            ended = entry.evidence
    return wanted


_WITHHELD = {
    WithheldReason.ROLLED_BACK: PROBE_ROLLED_BACK,
    WithheldReason.REFUTED: PROBE_TAKEN_OUT,
    WithheldReason.CONTESTED: PROBE_CONTESTED,
}


def _findings(containers: Sequence[ContainerDecisions], facts: WorkloadFacts) -> Iterator[Finding]:
    """Yield what users should know about a workload's probes."""
    if facts.rules:
        yield from facts.annotations.findings
        there = {container.container.name for container in containers}
        told = [rule for rule in facts.rules if facts.options.files or rule.spec.target_ref is not None]
        for name, rule in listed_containers(told).items():
            if name not in there:
                yield CONTAINER_MISSING(rule=rule, name=name, listed=", ".join(sorted(there)))
    for one in containers:
        if facts.withheld:
            yield from _withheld_findings(one, facts.workload)
        yield from one.desired.findings


def _lacks(workload: Workload, rules: Iterable[Rule]) -> Iterator[tuple[RuleKey, str]]:
    """Yield the containers that the workload doesn't have, of those that rules for many workloads list.

    That is no matter of the workload's: others that the rule selects may have them. See `controller.status`.
    """
    there = {container.name for container in workload.containers}
    for rule in rules:
        if rule.spec.target_ref is None:
            yield from ((rule.key, name) for name in listed_containers([rule]) if name not in there)


def _withheld_findings(decided: ContainerDecisions, workload: Workload) -> Iterator[Finding]:
    """Yield one finding for each evidence for which probes of a container are withheld."""
    kinds: dict[tuple[WithheldReason, str], list[str]] = {}
    for kind, wanted in decided.wanted.items():
        if wanted.applies and wanted.entry is not None:
            kinds.setdefault((wanted.entry.reason, wanted.entry.evidence), []).append(kind)
    for (reason, evidence), found in kinds.items():
        yield _WITHHELD[reason](
            kinds=", ".join(found),
            evidence=evidence,
            retry=f"apphealth retry {workload.kind.lower()}/{workload.name} -n {workload.namespace}",
            container=decided.container.name,
        )


def _readiness(container: Container, plan: ContainerPlan) -> Handler | None:
    """Return the handler of a container's readiness probe: the planned one, or somebody else's that stays."""
    planned = next(probe for probe in plan.probes if probe.kind is ProbeKind.READINESS)
    live = container.probes.get(ProbeKind.READINESS)
    if live is not None and (planned.action is not Action.APPLY or planned.probe is None):
        return live.probe.handler
    return planned.probe.handler if planned.probe is not None else None
