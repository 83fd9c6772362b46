"""Policy reports for the findings of plans (`apphealth run --policy-reports`).

A report follows its HealthPlan: when that is written, the report is compared, and written if it differs. When a
replica begins to lead, all are compared once.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from apphealth.api.healthplan import parse_plan
from apphealth.api.names import policy_report_name
from apphealth.controller.queue import Backoff, WorkQueue
from apphealth.kube.client import Client
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError
from apphealth.kube.healthplans import read_health_plan
from apphealth.kube.meta import parse_meta
from apphealth.kube.policy_reports import (
    ReportApi,
    apply_report,
    delete_report,
    list_all,
    list_reports,
    served_apis,
)
from apphealth.kube.resources import Resource
from apphealth.model.workload import WorkloadKey
from apphealth.plan.policy_report import report_of

BACKOFF = Backoff(first=1, longest=300)
"""The pauses after which reports are compared again that could not be."""
CONTENT = ("scope", "summary", "results")
"""The fields of a report that the operator writes."""

log = logging.getLogger(__name__)


class PolicyReports:
    """Keeps policy reports as the HealthPlans say.

    Parameters
    ----------
    client
        Sends the requests.
    namespace
        The only namespace that is managed; None: the whole cluster.
    enabled
        Whether there are to be reports. If not, those of an earlier start are deleted, as far as the rights allow.
    observe
        As for `WorkQueue`.
    """

    def __init__(
        self,
        client: Client,
        namespace: str | None,
        *,
        enabled: bool,
        observe: Callable[[float, float, bool], None] | None = None,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._enabled = enabled
        self._api: ReportApi | None = None
        self._known: dict[tuple[str, str], tuple[str, bytes]] = {}  # the uid of the HealthPlan, and a fingerprint
        self.queue: WorkQueue[WorkloadKey] = WorkQueue(self._refresh, workers=2, expected=(KubeError,), observe=observe)

    def recorded(self, key: WorkloadKey) -> None:
        """Queue a workload whose HealthPlan was written or deleted."""
        if self._enabled:
            self.queue.add(key)

    async def begin(self) -> None:
        """Find out where reports go, and bring all of them up to date, once: this replica leads."""
        attempt = 0
        while True:
            try:
                await self._begin()
            except ForbiddenError as error:
                log.log(logging.WARNING if self._enabled else logging.DEBUG, "policy reports: %s", error.message)
            except KubeError as error:
                attempt += 1
                log.warning("policy reports can't be compared with the HealthPlans, trying again: %s", error)
                await asyncio.sleep(BACKOFF.after(attempt))
                continue
            self.queue.resume()
            return

    async def _begin(self) -> None:
        apis = await served_apis(self._client)
        self._api = apis[0] if apis and self._enabled else None
        for api in apis:
            if api is not self._api:
                await self._delete_all(api)
        if self._api is not None:
            await self._compare_all(self._api)
        elif self._enabled:
            log.warning(
                "no policy reports: the cluster has neither %s", " nor ".join(api.value.version for api in ReportApi)
            )

    async def _delete_all(self, api: ReportApi) -> None:
        found = [parse_meta(item.get("metadata")) async for item in list_reports(self._client, api, self._namespace)]
        for meta in found:
            await delete_report(self._client, api, meta.namespace, meta.name)

    async def _compare_all(self, api: ReportApi) -> None:
        self._known.clear()
        async for report in list_reports(self._client, api, self._namespace):
            meta = parse_meta(report.get("metadata"))
            content = {key: report.get(key) for key in CONTENT}
            self._known[meta.namespace, meta.name] = (meta.owner_uid, _fingerprint(content))
        async for plan in list_all(self._client, Resource.HEALTH_PLANS.path(self._namespace), {}):
            await self._write(api, plan)

    async def _refresh(self, key: WorkloadKey) -> None:
        """Bring the report of a workload up to date. Without a HealthPlan there is none: Kubernetes deletes it."""
        if self._api is None:
            return
        try:
            plan = await read_health_plan(self._client, key)
        except NotFoundError:
            self._known.pop((key.namespace, policy_report_name(key.kind, key.name)), None)
            return
        await self._write(self._api, plan)

    async def _write(self, api: ReportApi, plan: dict[str, Any]) -> None:
        meta, parsed = parse_meta(plan.get("metadata")), parse_plan(plan)
        if parsed is None or not meta.ours:
            return
        workload = parsed.spec.workload
        content, name = report_of(parsed, meta.namespace), policy_report_name(workload.kind, workload.name)
        at = (meta.namespace, name)
        if content is None:
            if at in self._known:
                await delete_report(self._client, api, *at)
                del self._known[at]
            return
        wanted = (meta.uid, _fingerprint(content))
        if self._known.get(at) == wanted:
            return
        self._known.pop(at, None)
        await apply_report(self._client, api, name, meta, content)
        self._known[at] = wanted


def _fingerprint(content: dict[str, Any]) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).digest()
