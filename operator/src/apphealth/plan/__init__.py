"""The decisions: from a workload and the facts about it to a `Plan`. No I/O, no clock, no kopf, no cache.

`plan(workload, facts, options)` is the one function that the operator, `render`, `lint` and `explain` call, so that all
give one answer. `apphealth.store.facts` gathers the facts.
"""

from __future__ import annotations

from dataclasses import replace

from apphealth.api.spec import Mode
from apphealth.model.withheld import RETRY, WithheldReason
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.delivery import Delivery, delivery_text, plan_delivery
from apphealth.plan.dependencies.edges import Derived, plan_dependencies
from apphealth.plan.dependencies.urls import dependency_of
from apphealth.plan.facts import Facts, Options
from apphealth.plan.findings import PROBE_FAILING
from apphealth.plan.ownership.patch import build_patches
from apphealth.plan.probes import plan_probes
from apphealth.plan.record import record_of, rollout_record
from apphealth.plan.result import Patch, Plan, Preview, ProbesPlan
from apphealth.plan.rules.modes import enforced_among, left_to_controller, not_written
from apphealth.plan.rules.selection import selecting
from apphealth.plan.summary import state_of

__all__ = ["Facts", "Options", "Plan", "plan"]


def plan(workload: Workload, facts: Facts, options: Options = Options()) -> Plan:  # noqa: B008 -- a frozen value
    """Decide about a workload.

    Pure: equal workloads, facts and options give equal plans, and a workload that carries its plan gets one without
    patches.

    Parameters
    ----------
    workload
        As it is now.
    facts
        What concerns it: rules, Services, replaced probes, answers of pods, and what it may depend on.
    options
        How to plan.

    Returns
    -------
    Plan
        The decisions, and the patches that carry them out; without patches while questions to pods are open.
    """
    rules = selecting(facts.rules, workload, facts.namespace)
    enforced = enforced_among(rules, workload, files=options.files)
    mode = (Mode.ENFORCE if enforced else Mode.AUDIT) if rules else None

    # Only the Enforce rules are written. Without any, everything of ours is removed.
    shown = plan_probes(workload, enforced or rules, facts, options)
    written = shown if enforced or not rules else plan_probes(workload, (), facts, options)
    preview = plan_probes(workload, rules, facts, options) if 0 < len(enforced) < len(rules) else None

    needs = plan_dependencies(workload, enforced or rules, facts.services, facts.neighbours) if rules else Derived()
    neighbours = facts.neighbours.services
    dependencies = tuple(dependency_of(e, neighbours[e.service.key], workload.namespace) for e in needs.edges)
    wants_delivery = shown.settings.deliver and not _contested(shown)
    told = plan_delivery(workload, shown.containers, deliver=bool(rules) and wants_delivery)
    delivery = told if enforced else plan_delivery(workload, written.containers, deliver=False)
    delivers = bool(enforced) and wants_delivery and any(one.runs_library for one in written.containers)

    state, message = state_of(shown, mode)
    never_written = not_written(workload, files=options.files)
    controlled = left_to_controller(rules, workload) if workload.controller and not options.files else None
    notes = tuple(note for note in (never_written, controlled) if note is not None)
    held = bool(written.questions or never_written)
    failing = facts.failing if enforced else ""
    troubles = (PROBE_FAILING(example=failing),) if failing else ()
    decided = Plan(
        workload=workload.key,
        state=state,
        message=message,
        mode=mode,
        rules=tuple(rule.key for rule in rules),
        containers=shown.containers,
        preview=_preview(preview) if preview is not None else None,
        readiness=shown.readiness,
        dependencies=dependencies,
        questions=shown.questions,
        proofs=shown.proofs if preview is None else tuple(dict((*preview.proofs, *shown.proofs)).items()),
        findings=(*notes, *troubles, *shown.findings, *told.findings, *needs.findings) if rules else (),
        conflicts=(preview or shown).conflicts,
        patches=_patches(workload, written, delivery, held=held, never=never_written is not None),
        urgent=bool(written.taken_out) and never_written is None,
        disowned=() if held else written.disowned,
        originals=facts.originals if held else written.originals,
        withheld=shown.withheld,
        retried=workload.annotations.get(RETRY, ""),
        failing=failing,
        starts=facts.starts,
        rollout=tuple(rollout_record(rule) for rule in enforced),
        delivery=delivery_text(workload, dependencies) if delivers else None,
        mentions=needs.mentions,
        cycle=needs.cycle,
    )
    return replace(decided, record=record_of(decided, workload)) if rules else decided


def _contested(planned: ProbesPlan) -> bool:
    """Return whether another manager keeps taking probes of ours out: it would take the delivery out too."""
    return any(entry.reason is WithheldReason.CONTESTED for entry in planned.withheld)


def _patches(
    workload: Workload, written: ProbesPlan, delivery: Delivery, *, held: bool, never: bool
) -> tuple[Patch, ...]:
    """Return the patches to send now; while questions are open, those that take out what does harm."""
    if never:
        return ()
    if held:
        return build_patches(workload, written.taken_out, Delivery())
    return build_patches(workload, written.edits, delivery)


def _preview(planned: ProbesPlan) -> Preview:
    _, message = state_of(planned, Mode.AUDIT)
    return Preview(message=message, containers=planned.containers, questions=planned.questions)
