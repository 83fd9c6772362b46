"""What `lint --cluster` judges: the objects of a cluster as the API server has them."""

from __future__ import annotations

from typing import Any

from apphealth.cli.lint.reading import Scene, Sighting
from apphealth.cli.live.options import Cluster
from apphealth.cli.live.world import read_cluster
from apphealth.model import raw
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey


def read_scene(cluster: Cluster, namespace: str | None) -> Scene:
    """Read a cluster, or a namespace of it; what others mention elsewhere is not judged."""
    found: list[dict[str, Any]] = []
    live = read_cluster(cluster, namespace, wanted=_none, seen=found.append)
    live.tell_gaps()
    scene = Scene(live.world)
    for value in found:
        _add(scene, value, live.namespace)
    return scene


def _none(_: Workload) -> bool:
    """Want no ConfigMaps: no rule of lint looks at what they mention."""
    return False


def _add(scene: Scene, value: dict[str, Any], namespace: str | None) -> None:
    metadata = raw.mapping(value.get("metadata"))
    kind, name, where = (raw.text(found) for found in (value["kind"], metadata.get("name"), metadata.get("namespace")))
    if kind == "Namespace":
        scene.namespaces[name] = raw.mapping(metadata.get("annotations"))
    elif namespace is not None and where != namespace:
        return
    elif kind == "Service" and (service := scene.world.services.get(ServiceKey(where, name))) is not None:
        scene.services.append((service, Sighting(value=value)))
    elif (workload := scene.world.workloads.get(WorkloadKey(kind, where, name))) is not None:
        scene.workloads.append((workload, Sighting(value=value)))
