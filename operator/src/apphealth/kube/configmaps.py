"""ConfigMaps: reading those that workloads refer to, and writing the one that delivers dependencies to a workload.

A ConfigMap that isn't ours is never changed or deleted: every write has a condition that the API server checks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from apphealth.api.names import config_map_name
from apphealth.kube.client import JSON_PATCH, Client
from apphealth.kube.errors import AlreadyExistsError, ConflictError, InvalidError, KubeError, NotFoundError
from apphealth.kube.meta import MANAGED_BY, OURS, WRITE, Meta, Object, metadata_for, owner_of
from apphealth.kube.resources import Resource
from apphealth.model.service import parse_config_map
from apphealth.model.workload import Workload, WorkloadKey

_LABEL = "/metadata/labels/" + MANAGED_BY.replace("/", "~1")


class NotOursError(KubeError):
    """Somebody else's ConfigMap has the name that is needed."""


class _ConfigMap(msgspec.Struct, frozen=True):
    metadata: Meta = Meta()
    data: dict[str, str] = {}


async def read_config_map(client: Client, namespace: str, name: str) -> tuple[Meta, dict[str, str]]:
    """GET a ConfigMap: its metadata, and the part of its text that plans read; for errors see `Client.request`.

    Parameters
    ----------
    client
        Sends the request.
    namespace
        The ConfigMap's namespace.
    name
        The ConfigMap's name.
    """
    raw: dict[str, Any] = await client.get(Resource.CONFIG_MAPS.path(namespace, name), dict[str, Any])
    return msgspec.convert(raw, _ConfigMap).metadata, parse_config_map(raw)


async def write_delivery(client: Client, workload: Workload, data: dict[str, str]) -> Meta:
    """Create or replace the ConfigMap that a workload mounts.

    Parameters
    ----------
    client
        Sends the requests.
    workload
        The workload that owns the ConfigMap.
    data
        Its content.

    Returns
    -------
    Meta
        Its metadata after the write.

    Raises
    ------
    NotOursError
        Somebody else's ConfigMap has the name; it is left alone.
    KubeError
        Any other failure, see `Client.request`.
    """
    name = config_map_name(workload.kind, workload.name)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata_for(name, workload), "data": data}
    try:
        answer = await client.request("POST", Resource.CONFIG_MAPS.path(workload.namespace), body=body, params=WRITE)
    except AlreadyExistsError:
        return await _replace(client, workload, name, data)
    return _meta(answer)


async def replace_delivery(client: Client, workload: Workload, data: dict[str, str]) -> Meta:
    """Replace the ConfigMap that a workload mounts, or create it; as `write_delivery`, for one that exists.

    Parameters
    ----------
    client
        Sends the requests.
    workload
        The workload that owns the ConfigMap.
    data
        Its content.
    """
    try:
        return await _replace(client, workload, config_map_name(workload.kind, workload.name), data)
    except NotFoundError:
        return await write_delivery(client, workload, data)


async def _replace(client: Client, workload: Workload, name: str, data: dict[str, str]) -> Meta:
    operations = [
        {"op": "test", "path": _LABEL, "value": OURS},
        {"op": "add", "path": "/data", "value": data},
        {"op": "add", "path": "/metadata/ownerReferences", "value": [owner_of(workload)]},
    ]
    path = Resource.CONFIG_MAPS.path(workload.namespace, name)
    try:
        return _meta(await client.request("PATCH", path, body=operations, content_type=JSON_PATCH, params=WRITE))
    except InvalidError as error:
        raise NotOursError(
            f"the ConfigMap {workload.namespace}/{name} is not ours: it lacks the label {MANAGED_BY}: {OURS}",
            status=error.status,
        ) from error


async def delete_delivery(client: Client, key: WorkloadKey) -> None:
    """Delete the ConfigMap that a workload mounts, if it exists and is ours; for errors see `Client.request`.

    Parameters
    ----------
    client
        Sends the requests.
    key
        The workload that owns the ConfigMap.
    """
    path = Resource.CONFIG_MAPS.path(key.namespace, config_map_name(key.kind, key.name))
    try:
        found = (await client.get(path, Object)).metadata
        if found.ours:
            conditions = {"uid": found.uid, "resourceVersion": found.resource_version}
            await client.request("DELETE", path, body={"preconditions": conditions})
    except (NotFoundError, ConflictError):
        return


def _meta(answer: bytes) -> Meta:
    return msgspec.json.decode(answer, type=Object).metadata
