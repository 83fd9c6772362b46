"""Asking for the plan of each workload in the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from apphealth.api.rule import Rule, RuleKind
from apphealth.api.spec import ClusterAppHealthSpec, LabelSelector, Mode
from apphealth.cli.manifests.inventory import Inventory, Placed
from apphealth.cli.yamledit.differ import same
from apphealth.model import raw
from apphealth.model.workload import Workload
from apphealth.plan import Plan
from apphealth.plan.dependencies.delivery import delivery_mount, delivery_volume
from apphealth.store.facts import plan_of
from apphealth.store.world import World

DEFAULT_RULE = Rule(
    kind=RuleKind.CLUSTER_APP_HEALTH,
    name="built-in",
    spec=ClusterAppHealthSpec(mode=Mode.ENFORCE, selector=LabelSelector(), preset="auto"),
)
"""What is used where the files hold no rule: every workload, the preset by evidence."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A workload of the files, and its plan."""

    placed: Placed
    plan: Plan


def look_as_the_operator(inventory: Inventory) -> bool:
    """Leave out what the operator doesn't look at, and use the built-in rule where there is none.

    Returns
    -------
    bool
        Whether the built-in rule is used; never where something can't be used, which may be a rule.
    """
    # The operator doesn't watch NetworkPolicies: to decide as it does, neither may we look at them.
    inventory.world.policies.clear()
    if inventory.world.rules or inventory.problems:
        return False
    inventory.world.put_rule(DEFAULT_RULE)
    return True


def decide(inventory: Inventory) -> list[Decided]:
    """Plan every workload of the files."""
    return [
        Decided(placed, plan_of(_with_delivery(placed), inventory.world))
        for placed in inventory.workloads
    ]  # fmt: skip


def enforce(world: World) -> None:
    """Treat every rule as if its mode were Enforce."""
    for rule in list(world.rules.values()):
        world.put_rule(replace(rule, spec=msgspec.structs.replace(rule.spec, mode=Mode.ENFORCE)))


def _with_delivery(placed: Placed) -> Workload:
    """Return the workload; its volume and mounts of dependencies count as ours where they are what we would write."""
    workload = placed.workload
    pod = pod_of(placed.item.value)
    if not _holds(pod.get("volumes"), delivery_volume(workload)):
        return workload
    mounted = {
        raw.text(item.get("name"))
        for field in ("containers", "initContainers")
        for item in raw.items(pod.get(field))
        if _holds(item.get("volumeMounts"), delivery_mount())
    }
    containers = tuple(
        replace(container, mounts_delivery=container.name in mounted) for container in workload.containers
    )
    return replace(workload, containers=containers, delivery_volume=True)


def pod_of(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pod's spec of a workload's object, empty where there is none."""
    spec = raw.mapping(value.get("spec"))
    return raw.mapping(raw.mapping(spec.get("template")).get("spec"))


def _holds(items: object, wanted: dict[str, Any]) -> bool:
    candidates: Iterable[Any] = items if isinstance(items, list) else ()
    return any(same(item, wanted) for item in candidates)
