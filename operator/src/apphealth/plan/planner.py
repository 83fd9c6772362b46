# ruff: noqa: F,E,I
# mypy: ignore-errors
"""`plan`: all that is decided about one workload, from its rules and the world around it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from apphealth.api.healthplan import Standing, State
from apphealth.api.spec import Mode
from apphealth.model.probe import Handler, HttpGet
from apphealth.model.service import Service, ServicePort
from apphealth.model.workload import Container, Workload
from apphealth.model.world import World
from apphealth.plan.dependencies.delivery import delivery_text, plan_delivery
from apphealth.plan.dependencies.edges import Derived, Edge, derive
from apphealth.plan.ownership.patch import build_patches
from apphealth.plan.probes.eligibility import alone
from apphealth.plan.probes.ports import targets
from apphealth.plan.record import record_of
from apphealth.plan.result import Action, Dependency, Plan
from apphealth.plan.rules.modes import mode_for, not_written
from apphealth.plan.rules.selection import selecting

Readiness = tuple[tuple[str, Handler], ...]
"""How each container (by name) tells its readiness."""


def plan(workload: Workload, world: World) -> Plan:
    """Decide about a workload.

    Pure: the same workload and world give the same plan, and a workload that carries its plan gets one without patches.

    Parameters
    ----------
    workload
        As it is now.
    world
        The rules, namespaces, Services, ConfigMaps and originals around it.
    """
    scene = _scene(workload, world)
    outcome = scene
    shared = scene.settings
    rules = _rules(workload, world)
    told = not_written(workload, files=world.files)
    mode: Mode | None = mode_for(
        workload,
        (Mode.ENFORCE if any(r.spec.mode is Mode.ENFORCE for r in rules) else Mode.AUDIT) if rules else None,
        files=world.files,
    )
    selected = bool(rules)
    derived = _derive(scene, world, workload) if selected else Derived()
    dependencies = tuple(_dependency(edge, world) for edge in derived.edges)
    delivery = plan_delivery(workload, outcome.containers, deliver=selected and shared.deliver)
    delivers = selected and mode is Mode.ENFORCE and shared.deliver
    reads = any(container.runs_library for container in outcome.containers)
    state, message = _state(outcome, mode)
    held = mode is Mode.AUDIT or bool(outcome.questions)
    result = Plan(
        workload=workload.key,
        state=state,
        message=message,
        mode=mode,
        rules=tuple(rule.key for rule in rules),
        containers=tuple(outcome.containers),
        readiness=outcome.readiness,
        dependencies=dependencies,
        questions=outcome.questions,
        proofs=outcome.proofs,
        findings=(*told, *outcome.findings, *delivery.findings, *derived.findings) if selected else (),
        conflicts=tuple(dict.fromkeys((*shared.conflicts, *outcome.conflicts))),
        patches=() if held else build_patches(workload, outcome.edits, delivery),
        disowned=() if held else tuple(outcome.disowned),
        originals=tuple(outcome.originals) if not held else world.originals.get(workload.key, ()),
        delivery=delivery_text(workload, dependencies) if delivers and reads else None,
        mentions=derived.mentions,
        cycle=derived.cycle,
    )
    return replace(result, record=record_of(result, workload)) if selected else result


def _rules(workload, world):
    return selecting(world.rules_in(workload.namespace), workload, world.namespace(workload.namespace))


def _scene(workload: Workload, world: World):
    from apphealth.plan.facts import Facts, Options
    from apphealth.plan.probes import plan_probes

    facts = Facts(
        namespace=world.namespace(workload.namespace),
        services=tuple(world.services_of(workload)),
        originals=world.originals.get(workload.key, ()),
        answers=world.proofs,
    )
    options = Options(allow_exec=world.allow_exec, files=world.files, unproven=world.unproven)
    return plan_probes(workload, _rules(workload, world), facts, options)


def _derive(scene, world: World, workload) -> Derived:
    return derive(
        workload, _rules(workload, world), world, world.services_of(workload), discover=scene.settings.discover
    )


def _state(outcome, mode: Mode | None) -> tuple[State, str]:
    """Sum up the decisions about all probes."""
    by_action: dict[Action, list[str]] = {action: [] for action in Action}
    for container in outcome.containers:
        for probe in container.probes:
            by_action[probe.action].append(f"{probe.kind} of {container.name}")
    parts = {
        Action.APPLY: "adds" if mode is Mode.ENFORCE else "would add",
        Action.KEEP: "keeps its owner's",
        Action.CONTESTED: "left to its owner, who took it back:",
    }
    message = "; ".join(f"{verb} {', '.join(by_action[action])}" for action, verb in parts.items() if by_action[action])
    standings = {probe.standing for container in outcome.containers for probe in container.probes}
    message = message or _why_nothing(outcome, standings)
    if mode is Mode.AUDIT:
        return State.PREVIEW, message
    for applies, state in (
        (by_action[Action.CONTESTED], State.CONTESTED),
        (by_action[Action.APPLY] and not outcome.questions, State.APPLIED),
        (Standing.REFUTED in standings, State.REFUTED),
        (Standing.AWAITING_PODS in standings, State.AWAITING_PODS),
        (by_action[Action.APPLY], State.APPLIED),
        (by_action[Action.KEEP], State.KEPT),
    ):
        if applies:
            return state, message
    return State.SKIPPED, message


def _why_nothing(outcome, standings: Collection[Standing | None]) -> str:
    if Standing.AWAITING_PODS in standings and Standing.REFUTED not in standings:
        return "nothing is written before running pods have answered"
    return "nothing to write: see the findings" if outcome.findings else "nothing to write"


def _dependency(edge: Edge, world: World) -> Dependency:
    port = edge.port.number if edge.port else 0
    return Dependency(
        service=edge.service.key,
        url=_url(edge.service, edge.port, world),
        port=port,
        required=edge.required,
        confidence=edge.confidence,
        evidence=edge.evidence,
    )


def _url(service: Service, port: ServicePort | None, world: World) -> str:
    """Return what to ask: the readiness of the workload behind the Service where that speaks HTTP, else its port."""
    host = f"{service.name}.{service.namespace}.svc"
    behind = world.workloads_behind(service)
    for workload in behind:
        for name, handler in _readiness_of(workload, world):
            container = next(c for c in workload.containers if c.name == name)
            through = _way_in(service, port, container, handler, workload)
            if isinstance(handler, HttpGet) and not handler.host and through is not None:
                return f"{handler.scheme.lower()}://{host}:{through}{handler.path}"
    number = _pod_port(service, port, behind) if port is not None else 0
    return f"tcp://{host}:{number}" if number else ""


def _readiness_of(workload: Workload, world: World) -> Readiness:
    return _scene(workload, world).readiness


def _pod_port(service: Service, port: ServicePort, behind: Sequence[Workload]) -> int:
    """Return the number to connect to: a headless Service's name leads to the pods, and so to their own port."""
    if not service.headless:
        return port.number
    found = (
        target.number
        for workload in behind
        for container in workload.containers
        if (target := targets(service, port, container, alone=alone(workload))) is not None
    )
    return next(found, port.target if isinstance(port.target, int) else port.number)


def _way_in(
    service: Service, port: ServicePort | None, container: Container, handler: Handler, workload: Workload
) -> int | None:
    """Return the port at the Service's name where the container answers its readiness probe, the asked one first."""
    asked = getattr(handler, "port", None)
    lonely = alone(workload)
    for candidate in sorted(service.ports, key=lambda item: item != port):
        target = targets(service, candidate, container, alone=lonely)
        if target is not None and asked in (target.number, target.name or target.number):
            return target.number if service.headless else candidate.number
    return None
