"""Writing what differs: each write is compared with what the store knows, and its answer is put into the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apphealth.api.healthplan import HealthPlan
from apphealth.api.names import config_map_name, health_plan_name
from apphealth.controller.ledger import ConfigMapKey
from apphealth.controller.records import Record
from apphealth.controller.resources import Resource
from apphealth.controller.store import Store, older, same
from apphealth.kube.client import Client
from apphealth.kube.configmaps import (
    NotOursError,
    delete_delivery,
    read_config_map,
    replace_delivery,
    write_delivery,
)
from apphealth.kube.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from apphealth.kube.healthplans import create_health_plan, delete_health_plan, digest, replace_health_plan
from apphealth.kube.meta import Meta
from apphealth.kube.workloads import disown, patch_workload, read_workload
from apphealth.model.ownership import Path
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.dependencies.delivery import FILE
from apphealth.plan.result import Patch


class Writer:
    """Writes to the cluster, and keeps the store in step with it."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def patch(self, workload: Workload, patches: Sequence[Patch], disowned: Sequence[Path] = ()) -> Workload:
        """Send patches to a workload, and give up what is somebody else's; returns it as it is now.

        Raises
        ------
        ConflictError
            It has changed since it was planned for: read it again, plan again.
        InvalidError, ForbiddenError
            The patch is refused, and would be again.
        KubeError
            Everything else, see `Client.request`.
        """
        self._store.writing.add(workload.key)
        try:
            for patch in patches:
                workload = await self._send(workload, patch)
            if disowned:
                workload = await disown(self._client, workload, disowned)
        finally:
            self._store.writing.discard(workload.key)
        newest = self._store.world.workloads.get(workload.key)
        if newest is None or not older(workload.resource_version, newest.resource_version):
            self._store.keep_workload(workload)
            return workload
        if same(workload, newest):
            return newest
        raise ConflictError(f"{workload.key} has changed right after the patch")

    async def _send(self, workload: Workload, patch: Patch) -> Workload:
        try:
            return await patch_workload(self._client, workload, patch)
        except (InvalidError, ForbiddenError) as error:
            # A container that was renamed a moment ago is refused too, before any condition is looked at.
            current = await read_workload(self._client, workload.key)
            if current.resource_version != workload.resource_version:
                raise ConflictError(error.message, status=error.status) from error
            raise

    async def reread(self, key: WorkloadKey) -> None:
        """Read a workload that turned out to be another one than the store has."""
        try:
            self._store.keep_workload(await read_workload(self._client, key))
        except NotFoundError:
            self._store.forget_workload(key)

    async def record(self, workload: Workload, plan: HealthPlan) -> None:
        """Make a workload's HealthPlan say this, if it doesn't yet; for errors see `Client.request`."""
        key, fingerprint = workload.key, digest(plan)
        known = self._store.records.health_plans.get(key)
        if known is not None and (known.fingerprint, known.owner_uid) == (fingerprint, workload.uid):
            return
        name = (key.namespace, health_plan_name(key.kind, key.name))
        # Taken note of before it is sent, so that the echo, which may come before the answer, concerns nobody.
        self._store.records.keep_health_plan(name, key, Record(workload.uid, fingerprint))
        write = create_health_plan if known is None else replace_health_plan
        try:
            meta = await write(self._client, workload, plan)
        except BaseException:
            self._store.records.keep_health_plan(name, key, Record(workload.uid, None))
            raise
        self._store.wrote(Resource.HEALTH_PLANS, meta)
        if plan.status.originals:
            self._store.world.originals[key] = plan.status.originals
        else:
            self._store.world.originals.pop(key, None)

    async def deliver(self, workload: Workload, text: str) -> None:
        """Make the ConfigMap that a workload mounts say this, if it doesn't yet.

        Raises
        ------
        NotOursError
            Somebody else's ConfigMap has the name.
        KubeError
            Everything else, see `Client.request`.
        """
        at = delivery_key(workload.key)
        data, fingerprint = {FILE: text}, _fingerprint(text)
        known = await self._known_delivery(at)
        if known is None:
            meta = await write_delivery(self._client, workload, data)
        elif not known.ours:
            raise NotOursError(f"the ConfigMap {at[0]}/{at[1]} is somebody else's: rename it")
        elif (known.fingerprint, known.owner_uid) != (fingerprint, workload.uid):
            meta = await replace_delivery(self._client, workload, data)
        else:
            return
        self._store.records.keep_delivery(at, workload.key, _record(meta, fingerprint))
        self._store.wrote(Resource.CONFIG_MAPS, meta)

    async def _known_delivery(self, at: ConfigMapKey) -> Record | None:
        """Return what is there, read if only its metadata is known."""
        known = self._store.records.deliveries.get(at)
        if known is None or not known.ours or known.fingerprint is not None:
            return known
        try:
            meta, data = await read_config_map(self._client, *at)
        except NotFoundError:
            return None
        known = _record(meta, _fingerprint(data.get(FILE, "")) if data.keys() == {FILE} else b"")
        self._store.records.deliveries[at] = known
        return known

    async def withdraw(self, key: WorkloadKey) -> None:
        """Delete the ConfigMap that a workload mounts, if it is there and ours."""
        at = delivery_key(key)
        known = self._store.records.deliveries.get(at)
        if known is not None and known.ours:
            await delete_delivery(self._client, key)
            self._store.records.deliveries.pop(at, None)

    async def erase(self, key: WorkloadKey) -> None:
        """Delete a workload's HealthPlan and ConfigMap, if they are there."""
        await self.withdraw(key)
        if key in self._store.records.health_plans:
            await delete_health_plan(self._client, key)
            self._store.records.health_plans.pop(key, None)
        self._store.world.originals.pop(key, None)

    def has_left(self, key: WorkloadKey) -> bool:
        """Whether anything of ours is known to be left beside a workload."""
        delivery = self._store.records.deliveries.get(delivery_key(key))
        return key in self._store.records.health_plans or (delivery is not None and delivery.ours)


def delivery_key(key: WorkloadKey) -> ConfigMapKey:
    """Return namespace and name of the ConfigMap that a workload mounts."""
    return (key.namespace, config_map_name(key.kind, key.name))


def _record(meta: Meta, fingerprint: bytes) -> Record:
    return Record(meta.owner_uid, fingerprint, meta.resource_version, ours=meta.ours)


def _fingerprint(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
