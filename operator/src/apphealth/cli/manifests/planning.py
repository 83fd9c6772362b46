"""The plan of each workload in manifests, made as the operator would make it in a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from apphealth.api.rule import Rule, RuleKind
from apphealth.api.spec import ClusterAppHealthSpec, LabelSelector, Mode
from apphealth.cli.manifests.inventory import Inventory, Placed
from apphealth.cli.yamledit.differ import same
from apphealth.lint.subject import pod_of
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
"""The built-in rule, used if the input has no rule: it selects every workload, and evidence suggests the preset."""


@dataclass(frozen=True, slots=True)
class PlannedWorkload:
    """A workload of the manifests, and its plan."""

    placed: Placed
    plan: Plan


def prepare_for_planning(inventory: Inventory) -> bool:
    """Remove NetworkPolicies, which the operator doesn't watch, and add the built-in rule if there is no rule.

    Parameters
    ----------
    inventory
        The objects of the input; its world is changed.

    Returns
    -------
    bool
        Whether the built-in rule was added. It isn't if the input has a problem: the unusable object may be a rule.
    """
    inventory.world.policies.clear()
    if inventory.world.rules or inventory.problems:
        return False
    inventory.world.put_rule(DEFAULT_RULE)
    return True


def plan_workloads(inventory: Inventory) -> list[PlannedWorkload]:
    """Plan every workload of the manifests."""
    return [
        PlannedWorkload(placed, plan_of(_with_delivery(placed), inventory.world))
        for placed in inventory.workloads
    ]  # fmt: skip


def enforce(world: World) -> None:
    """Set the mode of every rule to Enforce."""
    for rule in list(world.rules.values()):
        world.put_rule(replace(rule, spec=msgspec.structs.replace(rule.spec, mode=Mode.ENFORCE)))


def _with_delivery(placed: Placed) -> Workload:
    """Return the workload with its volume and mounts for dependencies marked as ours if they equal what we write."""
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


def _holds(items: object, wanted: dict[str, Any]) -> bool:
    candidates: Iterable[Any] = items if isinstance(items, list) else ()
    return any(same(item, wanted) for item in candidates)
