"""Reading what a plan needs and no watch brings: the text of the ConfigMaps that a workload refers to."""

from __future__ import annotations

from apphealth.api.names import config_map_name
from apphealth.controller.ledger import ConfigMapKey
from apphealth.controller.store import Store
from apphealth.kube.client import Client
from apphealth.kube.configmaps import read_config_map
from apphealth.kube.errors import NotFoundError
from apphealth.model.workload import Workload
from apphealth.plan.rules.selection import selecting

NOTHING: frozenset[ConfigMapKey] = frozenset()


def config_maps_of(workload: Workload) -> frozenset[ConfigMapKey]:
    """Return the ConfigMaps that a workload's environment and files come from, except the one that we write for it."""
    names = {variable.config_map for container in workload.containers for variable in container.env}
    names.update(name for container in workload.containers for name in container.env_from)
    names.update(files.config_map for container in workload.containers for files in container.config_files)
    if not names:
        return NOTHING
    ours = config_map_name(workload.kind, workload.name)
    return frozenset((workload.namespace, name) for name in names if name and name != ours)


def config_maps_needed(workload: Workload, store: Store) -> frozenset[ConfigMapKey]:
    """Return the ConfigMaps whose text the plan of a workload depends on; none where no rule wants to discover."""
    keys = config_maps_of(workload)
    if not keys:
        return NOTHING
    world = store.world
    rules = selecting(world.rules_in(workload.namespace), workload, world.namespace(workload.namespace))
    return keys if any(rule.spec.dependencies.discover is not False for rule in rules) else NOTHING


async def read_config_maps(client: Client, store: Store, keys: frozenset[ConfigMapKey]) -> bool:
    """Read the ConfigMaps whose text isn't known; returns whether there were any. For errors see `Client.request`."""
    missing = sorted(key for key in keys if key not in store.world.config_maps)
    for key in missing:
        if key not in store.config_maps:
            store.records.keep_text(key, "", {})
            continue
        try:
            meta, text = await read_config_map(client, *key)
            store.records.keep_text(key, meta.resource_version, text)
        except NotFoundError:
            store.records.keep_text(key, "", {})
    return bool(missing)
