"""`plan`: all that is decided about one workload, from its rules and the world around it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from operator import is_
from typing import NamedTuple, cast

from apphealth.api.healthplan import Standing, State
from apphealth.api.spec import Mode, Verification
from apphealth.model.probe import Handler, HttpGet, ProbeKind
from apphealth.model.proof import Proof
from apphealth.model.service import Service, ServicePort
from apphealth.model.workload import Container, Workload
from apphealth.model.world import World
from apphealth.plan.dependencies.delivery import delivery_text, plan_delivery
from apphealth.plan.dependencies.edges import Derived, Edge, derive
from apphealth.plan.ownership.patch import build_patches
from apphealth.plan.probes.attempt import Pods
from apphealth.plan.probes.containers import Outcome, Scene, plan_containers
from apphealth.plan.probes.eligibility import alone
from apphealth.plan.probes.ports import targets
from apphealth.plan.record import record_of
from apphealth.plan.result import Action, ContainerPlan, Dependency, Plan
from apphealth.plan.rules.merging import Settings, workload_settings
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
    outcome = plan_containers(scene)
    shared = scene.shared
    told = not_written(workload, files=world.files)
    mode: Mode | None = mode_for(workload, shared.get("mode"), files=world.files)
    selected = bool(scene.rules)
    derived = _derive(scene, world) if selected else Derived()
    dependencies = tuple(_dependency(edge, world) for edge in derived.edges)
    delivery = plan_delivery(workload, outcome.containers, deliver=selected and shared.get("deliver") is not False)
    delivers = selected and mode is Mode.ENFORCE and shared.get("deliver") is not False
    reads = any(container.runs_library for container in outcome.containers)
    state, message = _state(outcome, mode)
    held = mode is Mode.AUDIT or bool(outcome.questions)
    result = Plan(
        workload=workload.key,
        state=state,
        message=message,
        mode=mode,
        rules=tuple(rule.key for rule in scene.rules),
        containers=tuple(outcome.containers),
        readiness=_keep_readiness(scene, _readiness(workload, outcome.containers), outcome, world),
        dependencies=dependencies,
        questions=tuple(outcome.questions.values()),
        proofs=tuple(outcome.proofs.values()),
        findings=(*told, *outcome.findings, *delivery.findings, *derived.findings) if selected else (),
        conflicts=tuple(dict.fromkeys((*shared.conflicts, *outcome.conflicts))),
        patches=() if held else build_patches(workload, outcome.edits, delivery),
        disowned=() if held else tuple(outcome.disowned),
        originals=tuple(outcome.originals) if not held else scene.originals,
        delivery=delivery_text(workload, dependencies) if delivers and reads else None,
        mentions=derived.mentions,
        cycle=derived.cycle,
    )
    return replace(result, record=record_of(result, workload)) if selected else result


def _scene(workload: Workload, world: World) -> Scene:
    rules = selecting(world.rules_in(workload.namespace), workload, world.namespace(workload.namespace))
    shared = workload_settings(rules)
    return Scene(
        workload=workload,
        rules=rules,
        services=world.services_of(workload),
        shared=shared,
        originals=world.originals.get(workload.key, ()),
        allow_exec=world.allow_exec,
        pods=_pods(workload, shared, world),
    )


def _pods(workload: Workload, shared: Settings, world: World) -> Pods:
    required = shared.get("verification") is not Verification.SKIP
    return Pods(
        proofs=world.proofs if required and not world.files else {},
        required=required,
        ready=workload.ready and not workload.host_network and not world.files,
        on_host=workload.host_network,
        files=world.files,
        unproven=world.files and world.unproven,
    )


def _derive(scene: Scene, world: World) -> Derived:
    discover = scene.shared.get("discover") is not False
    return derive(scene.workload, scene.rules, world, scene.services, discover=discover)


def _state(outcome: Outcome, mode: Mode | None) -> tuple[State, str]:
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


def _why_nothing(outcome: Outcome, standings: Collection[Standing | None]) -> str:
    if Standing.AWAITING_PODS in standings and Standing.REFUTED not in standings:
        return "nothing is written before running pods have answered"
    return "nothing to write: see the findings" if outcome.findings else "nothing to write"


def _readiness(workload: Workload, containers: Sequence[ContainerPlan]) -> Readiness:
    """Return how each container tells its readiness: the planned probe, or somebody else's that stays."""
    live = {container.name: container.probes.get(ProbeKind.READINESS) for container in workload.containers}
    found: list[tuple[str, Handler]] = []
    for container in containers:
        probe = next(p for p in container.probes if p.kind is ProbeKind.READINESS)
        there = live[container.name]
        stays = there is not None and (probe.action is not Action.APPLY or probe.probe is None)
        effective = there.probe if stays and there is not None else probe.probe
        if effective is not None and effective.handler is not None:
            found.append((container.name, effective.handler))
    return tuple(found)


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
    """Return how a workload that others depend on tells its readiness; worked out once while nothing changes."""
    scene = _scene(workload, world)
    known = world.worked_out.get(workload.key)
    came_from = _came_from(scene)
    if known is not None and len(known[0]) == len(came_from) and all(map(is_, known[0], came_from)):
        remembered = cast(_Remembered, known[1])
        if all(world.proofs.get(question) is proof for question, proof in remembered.answers):
            return remembered.readiness
    outcome = plan_containers(scene)
    return _keep_readiness(scene, _readiness(workload, outcome.containers), outcome, world)


class _Remembered(NamedTuple):
    """What `World.worked_out` holds."""

    readiness: Readiness
    answers: tuple[tuple[str, Proof | None], ...]
    """What pods had answered to all that it depends on, by the question's id."""


def _keep_readiness(scene: Scene, readiness: Readiness, outcome: Outcome, world: World) -> Readiness:
    if scene.services:
        known = ((id_, proof) for id_, (_, proof) in outcome.proofs.items())
        remembered = _Remembered(readiness, (*known, *((id_, None) for id_ in outcome.questions)))
        world.worked_out[scene.workload.key] = (_came_from(scene), remembered)
    return readiness


def _came_from(scene: Scene) -> tuple[object, ...]:
    return (scene.workload, scene.originals, *scene.rules, *scene.services)


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
