"""Writing HealthPlans: one for each selected workload, owned by it, so that it goes when the workload goes."""

from __future__ import annotations

from typing import Any

import msgspec

from apphealth.api import API_VERSION
from apphealth.api.healthplan import HealthPlan
from apphealth.api.names import health_plan_name
from apphealth.kube.client import JSON_PATCH, Client
from apphealth.kube.errors import AlreadyExistsError, NotFoundError
from apphealth.kube.meta import WRITE, Meta, Object, metadata_for, owner_of
from apphealth.kube.resources import Resource
from apphealth.model.workload import Workload, WorkloadKey


async def create_health_plan(client: Client, workload: Workload, plan: HealthPlan) -> Meta:
    """Create a workload's HealthPlan; one that is there already is replaced. Returns its metadata."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "HealthPlan",
        "metadata": metadata_for(health_plan_name(workload.kind, workload.name), workload),
        **_content(plan),
    }
    try:
        answer = await client.request("POST", Resource.HEALTH_PLANS.path(workload.namespace), body=body, params=WRITE)
    except AlreadyExistsError:
        return await _patch(client, workload, plan)
    return _meta(answer)


async def replace_health_plan(client: Client, workload: Workload, plan: HealthPlan) -> Meta:
    """Replace the content of a workload's HealthPlan; one that has gone is created. Returns its metadata."""
    try:
        return await _patch(client, workload, plan)
    except NotFoundError:
        return await create_health_plan(client, workload, plan)


async def delete_health_plan(client: Client, key: WorkloadKey) -> None:
    """Delete a workload's HealthPlan, if there is one."""
    try:
        await client.request("DELETE", Resource.HEALTH_PLANS.path(key.namespace, health_plan_name(key.kind, key.name)))
    except NotFoundError:
        return


async def _patch(client: Client, workload: Workload, plan: HealthPlan) -> Meta:
    """Send a JSON patch: a merge patch would leave behind what the new plan no longer has."""
    operations = [{"op": "add", "path": f"/{part}", "value": value} for part, value in _content(plan).items()]
    operations.append({"op": "add", "path": "/metadata/ownerReferences", "value": [owner_of(workload)]})
    path = Resource.HEALTH_PLANS.path(workload.namespace, health_plan_name(workload.kind, workload.name))
    return _meta(await client.request("PATCH", path, body=operations, content_type=JSON_PATCH, params=WRITE))


def _content(plan: HealthPlan) -> dict[str, Any]:
    return {"spec": plan.spec, "status": plan.status}


def _meta(answer: bytes) -> Meta:
    return msgspec.json.decode(answer, type=Object).metadata
