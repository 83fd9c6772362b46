"""Which ConfigMaps a workload's plan reads."""

from __future__ import annotations

from apphealth.api.names import config_map_name
from apphealth.model.workload import Workload
from apphealth.plan.rules.selection import selecting
from apphealth.store.world import World

ConfigMapKey = tuple[str, str]
"""Namespace and name."""
NO_CONFIG_MAPS: frozenset[ConfigMapKey] = frozenset()


def config_maps_of(workload: Workload) -> frozenset[ConfigMapKey]:
    """Return the ConfigMaps that a workload's environment and files come from, except the one the operator writes.

    Parameters
    ----------
    workload
        The workload whose containers name the ConfigMaps.
    """
    names = {variable.config_map for container in workload.containers for variable in container.env}
    names.update(name for container in workload.containers for name in container.env_from)
    names.update(files.config_map for container in workload.containers for files in container.config_files)
    if not names:
        return NO_CONFIG_MAPS
    ours = config_map_name(workload.kind, workload.name)
    return frozenset((workload.namespace, name) for name in names if name and name != ours)


def config_maps_needed(workload: Workload, world: World) -> frozenset[ConfigMapKey]:
    """Return the ConfigMaps whose text the plan of a workload reads; none if no rule discovers dependencies.

    Parameters
    ----------
    workload
        The workload to plan.
    world
        The rules and namespaces of the cluster.
    """
    keys = config_maps_of(workload)
    if not keys:
        return NO_CONFIG_MAPS
    rules = selecting(world.rules_in(workload.namespace), workload, world.namespace(workload.namespace))
    return keys if any(rule.spec.dependencies.discover is not False for rule in rules) else NO_CONFIG_MAPS
