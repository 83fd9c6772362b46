"""Reading and writing policy reports: one for each workload with findings, owned by its HealthPlan.

So Kubernetes deletes a report together with the HealthPlan: when no rule selects the workload any more, and when the
operator is uninstalled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from apphealth.api import API_VERSION
from apphealth.kube.client import Client
from apphealth.kube.errors import NotFoundError
from apphealth.kube.meta import LABELS, MANAGED_BY, OURS, WRITE, Meta, path_of
from apphealth.model import raw

APPLY = "application/apply-patch+yaml"
"""Server-side apply: it creates or replaces in one request. JSON is YAML, and nobody else has fields in a report."""
PAGE = 500
"""Objects read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Api:
    version: str
    plural: str
    kind: str

    @property
    def path(self) -> str:
        return f"/apis/{self.version}"


class ReportApi(Enum):
    """An API for reports, the preferred one first."""

    OPEN_REPORTS = _Api(version="openreports.io/v1alpha1", plural="reports", kind="Report")
    POLICY_REPORTS = _Api(version="wgpolicyk8s.io/v1alpha2", plural="policyreports", kind="PolicyReport")


async def served_apis(client: Client) -> list[ReportApi]:
    """Return the APIs for reports that the API server has, the preferred one first; for errors see `Client.request`.

    Parameters
    ----------
    client
        Sends the requests.
    """
    return [api for api in ReportApi if await _is_served(client, api)]


async def _is_served(client: Client, api: ReportApi) -> bool:
    try:
        found = await client.get(api.value.path, dict[str, Any])
    except NotFoundError:
        return False
    return any(item.get("name") == api.value.plural for item in raw.items(found.get("resources")))


async def list_reports(client: Client, api: ReportApi, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
    """Yield our reports; for errors see `Client.request`.

    Parameters
    ----------
    client, api
        Sends the requests; where the reports are.
    namespace
        The namespace to read; None: the whole cluster.
    """
    path = path_of(api.value.path, api.value.plural, namespace or "")
    async for item in list_all(client, path, {"labelSelector": f"{MANAGED_BY}={OURS}"}):
        yield item


async def list_all(client: Client, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """Yield the objects of a collection, page by page; for errors see `Client.request`.

    Parameters
    ----------
    client, path
        Sends the requests; the collection.
    params
        The query.
    """
    query = params | {"limit": str(PAGE)}
    while True:
        page = await client.get(path, dict[str, Any], params=query)
        for item in raw.items(page.get("items")):
            yield dict(item)
        if not (more := (page.get("metadata") or {}).get("continue")):
            return
        query = query | {"continue": more}


async def apply_report(client: Client, api: ReportApi, name: str, plan: Meta, content: dict[str, Any]) -> None:
    """Create or replace the report of a HealthPlan; for errors see `Client.request`.

    Parameters
    ----------
    client, api
        Sends the request; where the report is.
    name
        Its name.
    plan
        The HealthPlan's metadata: the report is deleted with it.
    content
        The report without metadata.
    """
    owner = {"apiVersion": API_VERSION, "kind": "HealthPlan", "name": plan.name, "uid": plan.uid}
    metadata = {"name": name, "namespace": plan.namespace, "labels": LABELS}
    body = {"apiVersion": api.value.version, "kind": api.value.kind, **content}
    body["metadata"] = metadata | {"ownerReferences": [owner]}
    path = _path(api, plan.namespace, name)
    await client.request("PATCH", path, body=body, content_type=APPLY, params=WRITE | {"force": "true"})


async def delete_report(client: Client, api: ReportApi, namespace: str, name: str) -> None:
    """Delete a report, if it exists; for errors see `Client.request`.

    Parameters
    ----------
    client, api
        Sends the request; where the report is.
    namespace, name
        The report.
    """
    try:
        await client.request("DELETE", _path(api, namespace, name))
    except NotFoundError:
        return


def _path(api: ReportApi, namespace: str, name: str) -> str:
    return path_of(api.value.path, api.value.plural, namespace, name)
