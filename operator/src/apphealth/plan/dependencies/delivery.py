"""Delivery of dependencies to a workload: a ConfigMap with the file, and a volume and mounts in the pod template.

The first patch adds the mount also if there are no dependencies yet, so that a dependency found later restarts no pod.
There is no environment variable: a client-side apply that removes a container's last one would remove ours too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from apphealth.api.names import config_map_name
from apphealth.model.parse_workload import DELIVERY_PATH, DELIVERY_VOLUME
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload
from apphealth.plan.findings import VOLUME_TAKEN, Finding
from apphealth.plan.result import ContainerPlan, Dependency

FILE = "dependencies.json"
"""The key in the ConfigMap, which is the file's name."""
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """The changes of the pod template after which its containers see the file."""

    add_mounts: tuple[str, ...] = ()
    """Containers that lack the mount."""
    remove_mounts: tuple[str, ...] = ()
    add_volume: bool = False
    remove_volume: bool = False
    findings: tuple[Finding, ...] = ()


def no_delivery(workload: Workload) -> Delivery:
    """Return the changes that take back all that was delivered to a workload."""
    return plan_delivery(workload, (), deliver=False)


def plan_delivery(workload: Workload, containers: Sequence[ContainerPlan], *, deliver: bool) -> Delivery:
    """Decide which volume and mounts to add or remove.

    Parameters
    ----------
    workload
        The workload, as it is now.
    containers
        The decisions about its containers; those that run the library read the file.
    deliver
        Whether rules want the delivery; if not, the volume and the mounts are removed.
    """
    readers = {plan.name for plan in containers if plan.runs_library} if deliver else set()
    mounted = {container.name for container in workload.containers if DELIVERY_PATH in container.mounts}
    add = tuple(c.name for c in workload.containers if c.name in readers - mounted)
    remove = tuple(c.name for c in workload.containers if c.mounts_delivery and c.name not in readers)
    if add and DELIVERY_VOLUME in workload.volumes and not workload.delivery_volume:
        config_map = config_map_name(workload.kind, workload.name)
        taken = VOLUME_TAKEN(volume=DELIVERY_VOLUME, config_map=config_map, path=DELIVERY_PATH)
        return Delivery(remove_mounts=remove, findings=(taken,))
    return Delivery(
        add_mounts=add,
        remove_mounts=remove,
        add_volume=bool(add) and not workload.delivery_volume,
        # A mount that another owner has claimed may need the volume.
        remove_volume=workload.delivery_volume and not readers and not mounted - set(remove),
    )


def delivery_volume(workload: Workload) -> dict[str, Any]:
    """Return the volume. It is optional, so that a pod starts without the ConfigMap too."""
    return {
        "name": DELIVERY_VOLUME,
        "configMap": {"name": config_map_name(workload.kind, workload.name), "optional": True},
    }


def delivery_mount() -> dict[str, Any]:
    """Return the mount."""
    return {"name": DELIVERY_VOLUME, "mountPath": DELIVERY_PATH, "readOnly": True}


def delivery_text(workload: Workload, dependencies: Sequence[Dependency]) -> str:
    """Return the file's text, in the format that flask_management_endpoints documents; equal for equal input.

    Parameters
    ----------
    workload
        The workload that reads the file.
    dependencies
        The Services that it needs; one without a URL is left out.
    """
    services = {
        _name(dependency.service, workload.namespace): {"url": dependency.url, "required": dependency.required}
        for dependency in dependencies
        if dependency.url
    }
    content = {
        "version": FORMAT_VERSION,
        "workload": {"kind": workload.kind, "namespace": workload.namespace, "name": workload.name},
        "service_dependencies": services,
    }
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2).decode() + "\n"


def _name(service: ServiceKey, namespace: str) -> str:
    return service.name if service.namespace == namespace else f"{service.name}.{service.namespace}"
