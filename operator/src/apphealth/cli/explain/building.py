"""The explanation of a workload, built from its plan. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apphealth.api.healthplan import State, Value
from apphealth.api.rule import Rule
from apphealth.cli.explain.change import change_of
from apphealth.cli.explain.fields import fields_of
from apphealth.cli.explain.report import (
    Conflicting,
    ExplainedContainer,
    ExplainedProbe,
    Explanation,
    NotSelecting,
    Reference,
    Rejected,
)
from apphealth.model.ownership import MANAGER, Ownership
from apphealth.model.probe import Probe, serialise_probe
from apphealth.model.service import Namespace
from apphealth.model.workload import Container, Workload
from apphealth.plan.record import record_of
from apphealth.plan.result import Action, ContainerPlan, Plan, ProbePlan
from apphealth.plan.rules.selection import opted_out, reaches, selects
from apphealth.store.facts import plan_of
from apphealth.store.world import World

if TYPE_CHECKING:
    from apphealth.kube.disruptions import DisruptionBudget

PLANNED = "Planned"
"""The state of a plan that nobody has written, as of files."""


@dataclass(frozen=True, slots=True)
class _Context:
    """The values that the explanations of all containers need."""

    workload: Workload
    world: World
    rules: Sequence[Rule]


def explain(workload: Workload, world: World, budgets: Sequence[DisruptionBudget] = ()) -> Explanation:
    """Plan a workload, and explain the plan.

    Parameters
    ----------
    workload
        The workload to explain.
    world
        The world that it is planned in.
    budgets
        The PodDisruptionBudgets of its namespace.
    """
    decided = plan_of(workload, world)
    status = record_of(decided, workload).status
    context = _Context(workload, world, [world.rules[key] for key in decided.rules])
    return Explanation(
        workload=Reference(
            api_version=workload.api_version, kind=workload.kind, namespace=workload.namespace, name=workload.name
        ),
        selected=decided.selected,
        state=_state(decided),
        message=decided.message if decided.selected else "",
        mode=decided.mode or "",
        rules=tuple(map(str, decided.rules)),
        passed_over=tuple(_not_selecting(workload, world, decided)),
        conflicts=tuple(
            Conflicting(field=one.field, loser=str(one.loser), winner=str(one.winner)) for one in decided.conflicts
        ),
        containers=tuple(
            _container(one, live, context) for one, live in zip(decided.containers, workload.containers, strict=True)
        ),
        dependencies=status.dependencies,
        findings=status.findings,
        proofs=status.proofs,
        preview=status.preview,
        originals=world.originals.get(workload.key, ()),
        next=change_of(workload, decided, world, budgets),
    )


def _state(decided: Plan) -> str:
    """Return the state of the plan; what is still to be written is only planned."""
    if not decided.selected:
        return ""
    if decided.patches and decided.state in (State.APPLIED, State.PARTIAL):
        return PLANNED
    return decided.state.value


def _container(planned: ContainerPlan, live: Container, context: _Context) -> ExplainedContainer:
    return ExplainedContainer(
        name=planned.name,
        preset=planned.preset,
        preset_source=planned.preset_source,
        reason=planned.reason,
        message=planned.message,
        considered=tuple(Rejected(preset=o.preset, evidence=o.evidence, why=o.why) for o in planned.considered),
        probes=tuple(_probe(probe, live, context) for probe in planned.probes),
    )


def _probe(planned: ProbePlan, container: Container, context: _Context) -> ExplainedProbe:
    live = container.probes.get(planned.kind)
    owner = _owner(live.owner, context.world) if live is not None else ""
    stays = live is not None and planned.action is not Action.APPLY and not live.owner.ours
    carried = live.probe if stays and live is not None else planned.probe
    return ExplainedProbe(
        type=planned.kind.value,
        action=planned.action.value,
        reason=planned.reason,
        verification=planned.verification or "",
        answer=planned.proof.answer if planned.proof is not None else "",
        values=tuple(_values(carried, planned, f"its owner, {owner}" if stays else "")),
        wanted=serialise_probe(planned.probe) if planned.probe is not None else None,
        live=serialise_probe(live.probe) if live is not None else None,
        owner=owner,
    )


def _values(carried: Probe | None, planned: ProbePlan, owner: str) -> Iterator[Value]:
    """Yield every field of a probe with its source: a layer, or the owner of the probe."""
    if carried is None:
        return
    known = {} if owner else {one.field: one.source for one in planned.provenance}
    for field, value in fields_of(carried):
        yield Value(field=field, value=value, source=known.get(field) or owner or "as it is now")


def _owner(owner: Ownership, world: World) -> str:
    if owner.ours:
        return MANAGER
    others = [name or "unknown" for name in owner.others]
    return ", ".join(others) or ("the manifest" if world.options.files else "no field manager")


def _not_selecting(workload: Workload, world: World, decided: Plan) -> Iterator[NotSelecting]:
    """Yield the rules in reach that don't select the workload, and why."""
    namespace = world.namespace(workload.namespace)
    reason = opted_out(workload, namespace)
    for rule in sorted(world.rules_in(workload.namespace), key=lambda rule: rule.key):
        if rule.key not in decided.rules:
            yield NotSelecting(rule=str(rule.key), why=_why_not(rule, workload, namespace, reason))


def _why_not(rule: Rule, workload: Workload, namespace: Namespace, reason: str | None) -> str:
    if not reaches(rule, namespace):
        if namespace.name.startswith("kube-"):
            return "namespaces kube-* are left alone unless its namespaceSelector names them"
        return f"its namespaceSelector doesn't match the namespace {namespace.name}"
    if selects(rule, workload, namespace):
        return f"the workload has opted out (apphealth.dev/ignore): {reason}"
    if (target := rule.spec.target_ref) is not None:
        return f"it is for {target.kind}/{target.name}"
    return "its selector doesn't match the workload's labels"
