"""Reading and patching workloads: strategic-merge PATCHes on the condition that the workload is the planned one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from apphealth.kube.client import JSON_PATCH, STRATEGIC_MERGE, Client
from apphealth.kube.errors import ConflictError
from apphealth.kube.resources import WORKLOADS
from apphealth.model.ownership import Path, without_claims
from apphealth.model.parse_workload import parse_workload
from apphealth.model.workload import Workload, WorkloadKey, same
from apphealth.plan.result import Patch


async def read_workload(client: Client, key: WorkloadKey) -> Workload:
    """GET a workload; for errors see `Client.request`.

    Parameters
    ----------
    client
        Sends the request.
    key
        The workload.
    """
    return _parse(await client.request("GET", _path(key)), key)


async def patch_workload(client: Client, workload: Workload, patch: Patch) -> Workload:
    """Send one patch, on the condition that the workload is still the one that was planned.

    Parameters
    ----------
    workload
        The workload as it was read: its uid and resourceVersion are the condition.
    patch
        The change, and the field manager that makes it.

    Returns
    -------
    Workload
        The workload after the patch.

    Raises
    ------
    ConflictError
        The workload has changed since, or another one has its name.
    KubeError
        Any other failure, see `Client.request`.
    """
    condition = {"uid": workload.uid, "resourceVersion": workload.resource_version}
    body = patch.body | {"metadata": patch.body.get("metadata", {}) | condition}
    answer = await client.request(
        "PATCH",
        _path(workload.key),
        body=body,
        content_type=STRATEGIC_MERGE,
        params={"fieldManager": patch.manager, "fieldValidation": "Strict"},
    )
    return _parse(answer, workload.key)


async def disown(client: Client, workload: Workload, paths: Sequence[Path]) -> Workload:
    """Remove our claims on some fields from managedFields; the values stay, and no generation changes.

    Parameters
    ----------
    client
        Sends the requests.
    workload
        The workload as it was planned or as our patch left it.
    paths
        The fields.

    Returns
    -------
    Workload
        The workload afterwards.

    Raises
    ------
    ConflictError
        The workload differs from the one that was planned.
    KubeError
        Any other failure, see `Client.request`.
    """
    answer = await client.request("GET", _path(workload.key))
    found: dict[str, Any] = msgspec.json.decode(answer)
    if not same(_parse(answer, workload.key), workload):
        # Carrying on would store somebody's change as the result of our own write, and nobody would plan for it.
        raise ConflictError(f"{workload.key} has changed right after the patch", status=409)
    metadata = found["metadata"]
    before = metadata.get("managedFields")
    after = without_claims(before, paths)
    if after != before:
        operations = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "replace", "path": "/metadata/managedFields", "value": after or [{}]},
        ]
        answer = await client.request("PATCH", _path(workload.key), body=operations, content_type=JSON_PATCH)
    return _parse(answer, workload.key)


def _parse(answer: bytes, key: WorkloadKey) -> Workload:
    found: dict[str, Any] = msgspec.json.decode(answer)
    return parse_workload({"kind": key.kind, "apiVersion": WORKLOADS[key.kind].api_version} | found)


def _path(key: WorkloadKey) -> str:
    return WORKLOADS[key.kind].path(key.namespace, key.name)
