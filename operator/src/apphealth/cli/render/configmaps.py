"""The ConfigMap that hands a workload its dependencies, in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apphealth.api.names import config_map_name
from apphealth.cli.manifests.documents import Item
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.render.deciding import Decided
from apphealth.kube.meta import LABELS, MANAGED_BY, OURS
from apphealth.model import raw
from apphealth.plan.dependencies.delivery import FILE
from apphealth.plan.findings import CONFIG_MAP_TAKEN, NAMESPACE_UNKNOWN, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A ConfigMap as it should be."""

    value: dict[str, Any]
    there: Item | None = None
    """The object in the files that it is to replace."""


def find_delivery(item: Decided, inventory: Inventory) -> Delivery | Finding:
    """Say what a workload's ConfigMap should hold, and where it is; a finding where that name is somebody else's."""
    workload, text = item.placed.workload, item.plan.delivery
    there = inventory.config_maps.get((workload.namespace, config_map_name(workload.kind, workload.name)))
    if there is None:
        return Delivery(value=config_map(item))
    if raw.labels(there.metadata.get("labels")).get(MANAGED_BY) != OURS:
        return _taken(there)
    return Delivery(value=there.value | {"data": {FILE: text}}, there=there)


def config_map(item: Decided) -> dict[str, Any]:
    """Return the whole ConfigMap of a workload whose dependencies are delivered."""
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


def namespace_unknown(item: Decided) -> Finding | None:
    """Warn where addresses of dependencies hold a namespace that nobody named."""
    if not item.plan.dependencies or item.plan.delivery is None or "namespace" in item.placed.item.metadata:
        return None
    return NAMESPACE_UNKNOWN(namespace=item.placed.workload.namespace)


def _taken(there: Item) -> Finding:
    return CONFIG_MAP_TAKEN(name=there.name, place=there.place, label=f"{MANAGED_BY}: {OURS}")
