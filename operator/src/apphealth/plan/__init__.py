"""The decisions: from a workload and the facts about it to a `Plan`. No I/O, no clock, no kopf, no cache.

`plan(workload, facts, options)` is the one function that the operator, `render`, `lint` and `explain` call, so that all
give one answer. `apphealth.store.facts` gathers the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apphealth.api.healthplan import OriginalRecord
from apphealth.api.rule import Rule
from apphealth.api.spec import Mode
from apphealth.model.ownership import Path
from apphealth.model.withheld import RETRY, WithheldReason
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.delivery import Delivery, delivery_text, no_delivery, plan_delivery
from apphealth.plan.dependencies.edges import Derived, plan_dependencies
from apphealth.plan.dependencies.urls import with_urls
from apphealth.plan.facts import Facts, Options
from apphealth.plan.findings import PROBE_FAILING, Finding
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
    dependencies = with_urls(needs.edges, facts.neighbours, workload.namespace)
    deliver = bool(rules) and shown.settings.deliver and not _contested(shown)
    delivery = plan_delivery(workload, shown.containers, deliver=deliver)
    read = bool(enforced) and deliver and any(container.runs_library for container in shown.containers)

    writes = _writes(workload, written, delivery if enforced else no_delivery(workload), facts, options)
    failing = facts.failing if enforced else ""
    findings = (*_notes(workload, rules, failing, options), *shown.findings, *delivery.findings, *needs.findings)
    state, message = state_of(shown, mode)
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
        findings=findings if rules else (),
        conflicts=(preview or shown).conflicts,
        patches=writes.patches,
        after=written.after,
        unfinished=bool(written.later),
        urgent=writes.urgent,
        disowned=writes.disowned,
        originals=writes.originals,
        withheld=shown.withheld,
        retried=workload.annotations.get(RETRY, ""),
        failing=failing,
        starts=facts.starts,
        earlier=facts.earlier,
        removed_at=facts.removed_at,
        rollout=tuple(rollout_record(rule) for rule in enforced),
        delivery=delivery_text(workload, dependencies) if read else None,
        mentions=needs.mentions,
        cycle=needs.cycle,
        lacks=shown.lacks,
    )
    return replace(decided, record=record_of(decided, workload)) if rules else decided


def _contested(planned: ProbesPlan) -> bool:
    """Return whether another manager keeps taking probes of ours out: it would take the delivery out too."""
    return any(entry.reason is WithheldReason.CONTESTED for entry in planned.withheld)


def _preview(planned: ProbesPlan) -> Preview:
    _, message = state_of(planned, Mode.AUDIT)
    return Preview(message=message, containers=planned.containers, questions=planned.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writes:
    """What is to be written now, and remembered before: see the fields of `Plan` with these names."""

    patches: tuple[Patch, ...] = ()
    urgent: bool = False
    disowned: tuple[Path, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()


def _writes(workload: Workload, written: ProbesPlan, delivery: Delivery, facts: Facts, options: Options) -> _Writes:
    """Return what to write now; while questions are open, only what takes out probes that do harm."""
    if not_written(workload, files=options.files) is not None:
        return _Writes(originals=facts.originals)
    urgent = bool(written.taken_out)
    if written.questions:
        patches = build_patches(workload, written.taken_out, Delivery())
        return _Writes(patches=patches, urgent=urgent, originals=facts.originals)
    return _Writes(
        patches=build_patches(workload, written.edits, delivery),
        urgent=urgent,
        disowned=written.disowned,
        originals=written.originals,
    )


def _notes(workload: Workload, rules: Sequence[Rule], failing: str, options: Options) -> Iterator[Finding]:
    """Yield what users should know of the workload as a whole."""
    if (never := not_written(workload, files=options.files)) is not None:
        yield never
    if not options.files and (controlled := left_to_controller(rules, workload)) is not None:
        yield controlled
    if failing:
        yield PROBE_FAILING(example=failing)
