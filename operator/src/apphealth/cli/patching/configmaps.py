"""The ConfigMap that delivers the dependencies of a workload, as an object of a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apphealth.api.names import config_map_name
from apphealth.cli.manifests.documents import Item
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import PlannedWorkload
from apphealth.kube.meta import LABELS, MANAGED_BY, OURS
from apphealth.model import raw
from apphealth.plan.dependencies.delivery import FILE
from apphealth.plan.findings import CONFIG_MAP_TAKEN, NAMESPACE_UNKNOWN, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The desired ConfigMap of a workload."""

    value: dict[str, Any]
    replaces: Item | None = None
    """The object in the input that it replaces; None: the input has none."""


def find_delivery(item: PlannedWorkload, inventory: Inventory) -> Delivery | Finding:
    """Work out the desired ConfigMap of a workload whose dependencies are delivered.

    Returns
    -------
    Delivery or Finding
        The ConfigMap, or the finding that a ConfigMap of this name has no label of ours.
    """
    workload, text = item.placed.workload, item.plan.delivery
    present = inventory.config_maps.get((workload.namespace, config_map_name(workload.kind, workload.name)))
    if present is None:
        return Delivery(value=config_map(item))
    if raw.labels(present.metadata.get("labels")).get(MANAGED_BY) != OURS:
        return _taken(present)
    return Delivery(value=present.value | {"data": {FILE: text}}, replaces=present)


def config_map(item: PlannedWorkload) -> dict[str, Any]:
    """Return the new ConfigMap of a workload whose dependencies are delivered."""
    workload = item.placed.workload
    metadata: dict[str, Any] = {"name": config_map_name(workload.kind, workload.name)}
    if "namespace" in item.placed.item.metadata:
        metadata["namespace"] = workload.namespace
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata | {"labels": dict(LABELS)},
        "data": {FILE: item.plan.delivery},
    }


def namespace_unknown(item: PlannedWorkload) -> Finding | None:
    """Return a warning if the addresses of dependencies are in `default` because no namespace was given."""
    if not item.plan.dependencies or item.plan.delivery is None or "namespace" in item.placed.item.metadata:
        return None
    return NAMESPACE_UNKNOWN(namespace=item.placed.workload.namespace)


def _taken(present: Item) -> Finding:
    return CONFIG_MAP_TAKEN(name=present.name, place=present.place, label=f"{MANAGED_BY}: {OURS}")
