"""Reading and writing HealthPlans: one for each selected workload, owned by it, so that it is deleted with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from apphealth.api import API_VERSION
from apphealth.api.healthplan import HealthPlan, State
from apphealth.api.names import health_plan_name
from apphealth.kube.client import JSON_PATCH, Client
from apphealth.kube.errors import NotFoundError
from apphealth.kube.meta import LABELS, WRITE, Meta, Object, metadata_for, owner_of
from apphealth.kube.resources import Resource
from apphealth.model.workload import Workload, WorkloadKey


async def read_health_plan(client: Client, key: WorkloadKey) -> dict[str, Any]:
    """GET a workload's HealthPlan, as the API server has it.

    Parameters
    ----------
    client
        Sends the request.
    key
        The workload that owns the HealthPlan.

    Raises
    ------
    NotFoundError
        There is none.
    KubeError
        Any other failure, see `Client.request`.
    """
    return {"kind": "HealthPlan", "apiVersion": API_VERSION} | await client.get(_path(key), dict[str, Any])


async def create_health_plan(client: Client, workload: Workload, plan: HealthPlan) -> Meta:
    """Create a workload's HealthPlan, and return its metadata.

    Parameters
    ----------
    client
        Sends the request.
    workload, plan
        The owner, and the content.

    Raises
    ------
    AlreadyExistsError
        There is one: read it before replacing it, for it may hold originals.
    KubeError
        Any other failure, see `Client.request`.
    """
    body = {
        "apiVersion": API_VERSION,
        "kind": "HealthPlan",
        "metadata": metadata_for(health_plan_name(workload.kind, workload.name), workload),
        **_content(plan),
    }
    path = Resource.HEALTH_PLANS.path(workload.namespace)
    return _meta(await client.request("POST", path, body=body, params=WRITE))


async def replace_health_plan(
    client: Client, workload: Workload, plan: HealthPlan, *, version: str, ours: bool
) -> Meta:
    """Replace the content of a workload's HealthPlan, and return its metadata.

    It is a JSON patch: a merge patch would leave behind what the new content lacks.

    Parameters
    ----------
    client
        Sends the request.
    workload, plan
        The owner, and the content.
    version
        The resourceVersion that was read: a HealthPlan that another replica has written since is not overwritten.

    ours
        Whether it carries our label; without it, all its labels are replaced.

    Raises
    ------
    ConflictError
        The HealthPlan has changed since it was read.
    NotFoundError
        It was deleted.
    KubeError
        Any other failure, see `Client.request`.
    """
    values = {"metadata/ownerReferences": [owner_of(workload)], **_content(plan)}
    return await _patch(client, workload.key, values if ours else values | {"metadata/labels": LABELS}, version)


async def note_state(client: Client, key: WorkloadKey, state: State, message: str, *, version: str) -> Meta:
    """Change the state of the HealthPlan of a workload that no rule selects any more, and return its metadata.

    Parameters
    ----------
    client
        Sends the request.
    key
        The workload.
    state, message
        The new values.
    version
        The resourceVersion that was read.

    Raises
    ------
    KubeError
        As `replace_health_plan`.
    """
    return await _patch(client, key, {"status/state": state, "status/message": message, "status/mode": ""}, version)


async def _patch(client: Client, key: WorkloadKey, values: Mapping[str, Any], version: str) -> Meta:
    """Set values of a HealthPlan by their paths, if it still has the resourceVersion that was read."""
    operations = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        *({"op": "add", "path": f"/{path}", "value": value} for path, value in values.items()),
    ]
    return _meta(await client.request("PATCH", _path(key), body=operations, content_type=JSON_PATCH, params=WRITE))


async def delete_health_plan(client: Client, key: WorkloadKey) -> None:
    """Delete a workload's HealthPlan, if there is one; for errors see `Client.request`.

    Parameters
    ----------
    client
        Sends the request.
    key
        The workload that owns the HealthPlan.
    """
    try:
        await client.request("DELETE", _path(key))
    except NotFoundError:
        return


def _path(key: WorkloadKey) -> str:
    return Resource.HEALTH_PLANS.path(key.namespace, health_plan_name(key.kind, key.name))


def _content(plan: HealthPlan) -> dict[str, Any]:
    return {"spec": plan.spec, "status": plan.status}


def _meta(answer: bytes) -> Meta:
    return msgspec.json.decode(answer, type=Object).metadata
