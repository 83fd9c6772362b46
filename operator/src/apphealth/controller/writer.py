"""Writing to the cluster: only what differs from the store, which then gets the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from apphealth.api.healthplan import HealthPlan, State
from apphealth.api.names import config_map_name, health_plan_name
from apphealth.controller.journal import log_held
from apphealth.kube.client import Client
from apphealth.kube.configmaps import (
    NotOursError,
    delete_delivery,
    read_config_map,
    replace_delivery,
    write_delivery,
)
from apphealth.kube.errors import AlreadyExistsError, ConflictError, ForbiddenError, InvalidError, NotFoundError
from apphealth.kube.healthplans import (
    create_health_plan,
    delete_health_plan,
    note_state,
    read_health_plan,
    replace_health_plan,
)
from apphealth.kube.meta import Meta, parse_meta
from apphealth.kube.resources import Resource
from apphealth.kube.workloads import disown, patch_workload, read_workload
from apphealth.model.ownership import Path
from apphealth.model.probe import KINDS
from apphealth.model.workload import ContainerRole, Workload, WorkloadKey, same
from apphealth.plan.dependencies.delivery import FILE
from apphealth.plan.record import written_by
from apphealth.plan.result import Patch, Plan
from apphealth.store.config_maps import ConfigMapKey
from apphealth.store.records import Record, fingerprint_of
from apphealth.store.store import Store
from apphealth.store.world import RolledOut


class Writer:
    """Writes to the cluster, and keeps the store up to date.

    Parameters
    ----------
    client, store
        Sends the writes; has what is known of the cluster.
    recorded
        Called with a workload whose HealthPlan was written or deleted.
    """

    def __init__(self, client: Client, store: Store, recorded: Callable[[WorkloadKey], None]) -> None:
        self._client = client
        self._store = store
        self._recorded = recorded
        self._noted: dict[WorkloadKey, str] = {}

    def hold(self, workload: Workload, decided: Plan) -> str:  # noqa: ARG002 -- what is only read, `ReadOnlyWriter` tells
        """Return why a plan's patches are not sent at all; empty: they may be."""
        return ""

    async def patch(self, workload: Workload, patches: Sequence[Patch], disowned: Sequence[Path] = ()) -> Workload:
        """Send patches to a workload.

        Parameters
        ----------
        workload
            The workload as it was planned.
        patches
            The patches, in order.
        disowned
            Fields that are somebody else's, of which our entry in managedFields is to lose its claim.

        Returns
        -------
        Workload
            The workload after the patches.

        Raises
        ------
        ConflictError
            The workload has changed since it was planned: read it again, plan again.
        NotFoundError
            The workload was deleted.
        InvalidError, ForbiddenError
            A patch is rejected, and would be again.
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
        updated = self._store.update_workload(workload)
        self._forget_own_removals(workload.key, patches)
        newest = self._store.world.workloads.get(workload.key)
        if newest is None:
            raise NotFoundError(f"{workload.key} was deleted right after the patch")
        if updated:
            return workload
        if same(workload, newest):
            return newest
        self._store.note_removals(workload, newest)  # no event has shown the workload as our patch left it
        raise ConflictError(f"{workload.key} has changed right after the patch")

    def _forget_own_removals(self, key: WorkloadKey, patches: Sequence[Patch]) -> None:
        """Let the probes that our patches have removed not pass for probes that another manager took out."""
        own = {
            (container["name"], kind)
            for patch in patches
            for containers in (patch.body["spec"]["template"]["spec"].get(role.list_name, ()) for role in ContainerRole)
            for container in containers
            for kind in KINDS
            if kind.field in container and container[kind.field] is None
        }
        if own and key in self._store.removed:
            removed = self._store.removed.pop(key)
            if others := tuple(one for one in removed if (one.container, one.kind) not in own):
                self._store.removed[key] = others

    async def _send(self, workload: Workload, patch: Patch) -> Workload:
        try:
            return await patch_workload(self._client, workload, patch)
        except (InvalidError, ForbiddenError) as error:
            # A patch of a container that has just been renamed is rejected before the resourceVersion is compared.
            current = await read_workload(self._client, workload.key)
            if current.resource_version != workload.resource_version:
                raise ConflictError(error.message, status=error.status) from error
            raise

    async def reread(self, key: WorkloadKey) -> None:
        """Read a workload that has changed since the store got it; for errors see `Client.request`."""
        before = self._store.world.workloads.get(key)
        try:
            self._store.update_workload(await read_workload(self._client, key))
        except NotFoundError:
            if self._store.world.workloads.get(key) is before:  # else it was created again meanwhile
                self._store.forget_workload(key)

    async def record(self, workload: Workload, plan: HealthPlan) -> None:
        """Write a workload's HealthPlan if it differs.

        Raises
        ------
        ConflictError
            Somebody else has written it since it was read: plan again, for it may hold other originals.
        KubeError
            Any other failure, see `Client.request`.
        """
        key, fingerprint, records = workload.key, fingerprint_of(plan), self._store.records
        known = records.health_plans.get(key)
        if known is not None and not known.resource_version:
            known = await self._reread_plan(key)
        if known is not None and (known.fingerprint, known.owner_uid) == (fingerprint, workload.uid):
            return
        name = (key.namespace, health_plan_name(key.kind, key.name))
        # Stored before the request is sent: its watch event may come before the answer, and must not count as a change.
        records.keep_health_plan(name, key, Record(workload.uid, fingerprint))
        try:
            if known is None:
                meta = await create_health_plan(self._client, workload, plan)
            else:
                meta = await replace_health_plan(
                    self._client, workload, plan, version=known.resource_version, ours=known.ours
                )
        except (ConflictError, AlreadyExistsError) as error:
            await self._reread_plan(key)
            raise ConflictError(f"the HealthPlan of {key} was written by somebody else", status=409) from error
        except NotFoundError as error:
            records.health_plans.pop(key, None)
            if known is None:
                raise
            raise ConflictError(f"the HealthPlan of {key} was deleted", status=409) from error
        except BaseException:
            records.keep_health_plan(name, key, Record(workload.uid, None))
            raise
        written = records.health_plans.get(key)
        if written is not None and not written.resource_version:  # else its watch event has come before the answer
            written.resource_version = meta.resource_version
        self._store.wrote(Resource.HEALTH_PLANS, meta)
        self._noted.pop(key, None)
        self._remember(workload, plan)
        self._recorded(key)

    def _remember(self, workload: Workload, plan: HealthPlan) -> None:
        """Store what a HealthPlan that was written remembers."""
        key, world = workload.key, self._store.world
        world.keep_rollout(key, RolledOut(workload.uid, plan.status.rollout, plan.status.state))
        if plan.status.state not in (State.PREVIEW, State.WAITING):
            world.written[key] = written_by(plan)
        world.keep_recalled(key, {proof.id for proof in plan.status.proofs})
        if plan.status.originals:
            world.originals[key] = plan.status.originals
        else:
            world.originals.pop(key, None)

    async def note_waiting(self, workload: Workload, why: str) -> None:
        """Write into the HealthPlan of a workload that is to be put back what that waits for, if it says otherwise.

        Raises
        ------
        ConflictError
            The HealthPlan was written by somebody else.
        KubeError
            Everything else, see `Client.request`.
        """
        key = workload.key
        known = self._store.records.health_plans.get(key)
        if known is None or not known.ours or self._noted.get(key) == why:
            return
        try:
            meta = await note_state(self._client, key, State.WAITING, why, version=known.resource_version)
        except ConflictError:
            await self._reread_plan(key)
            raise
        except NotFoundError:
            return
        self._noted[key] = why
        self._store.records.health_plans[key] = replace(known, fingerprint=None, resource_version=meta.resource_version)
        self._store.wrote(Resource.HEALTH_PLANS, meta)

    async def _reread_plan(self, key: WorkloadKey) -> Record | None:
        """Read a HealthPlan whose content is unknown: a write failed, or somebody else has written it.

        Raises
        ------
        ConflictError
            Its content differs from what the workload was planned with: plan again.
        """
        self._store.records.health_plans.pop(key, None)
        originals = self._store.world.originals.get(key)
        try:
            found = await read_health_plan(self._client, key)
        except NotFoundError:
            return None
        self._store.put(Resource.HEALTH_PLANS, found, listed=True)
        if key not in self._store.records.health_plans:  # somebody else's, which says that it is about another workload
            meta = parse_meta(found.get("metadata"))
            record = Record(meta.owner_uid, None, meta.resource_version, ours=meta.ours)
            self._store.records.keep_health_plan((meta.namespace, meta.name), key, record)
        workload = self._store.world.workloads.get(key)
        if workload is not None:
            self._store.records.confirm(workload)
        if self._store.world.originals.get(key) != originals:
            raise ConflictError(f"the HealthPlan of {key} remembers other originals", status=409)
        return self._store.records.health_plans.get(key)

    async def deliver(self, workload: Workload, text: str) -> None:
        """Write the ConfigMap that a workload mounts if it differs.

        Raises
        ------
        NotOursError
            The name is taken by somebody else's ConfigMap.
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
        """Return what is known of a ConfigMap; read its text if only its metadata is known."""
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
        """Delete the ConfigMap that a workload mounts, if it exists and is ours."""
        at = delivery_key(key)
        known = self._store.records.deliveries.get(at)
        if known is not None and known.ours:
            await delete_delivery(self._client, key)
            self._store.records.deliveries.pop(at, None)

    async def erase(self, key: WorkloadKey) -> None:
        """Delete a workload's HealthPlan and ConfigMap, if they exist."""
        self._noted.pop(key, None)
        await self.withdraw(key)
        if key in self._store.records.health_plans:
            await delete_health_plan(self._client, key)
            self._store.records.health_plans.pop(key, None)
            self._recorded(key)
        self._store.world.originals.pop(key, None)
        self._store.world.written.pop(key, None)
        self._store.world.keep_withheld(key, (), "")
        self._store.world.rollouts.pop(key, None)

    def has_left(self, key: WorkloadKey) -> bool:
        """Return whether a HealthPlan or a ConfigMap of ours is left for a workload."""
        delivery = self._store.records.deliveries.get(delivery_key(key))
        return key in self._store.records.health_plans or (delivery is not None and delivery.ours)


class ReadOnlyWriter(Writer):
    """Writes nothing, and logs each change of a workload that would be written, once."""

    def __init__(self, client: Client, store: Store) -> None:
        super().__init__(client, store, lambda _: None)
        self._told: dict[WorkloadKey, str] = {}

    def hold(self, workload: Workload, decided: Plan) -> str:
        """Log what would be changed, unless that was logged last."""
        if self._told.get(workload.key) != decided.message:
            self._told[workload.key] = decided.message
            log_held(workload, decided)
        return "read-only"

    async def patch(self, workload: Workload, patches: Sequence[Patch], disowned: Sequence[Path] = ()) -> Workload:  # noqa: ARG002
        """Write nothing, and return the workload as it is."""
        return workload

    async def record(self, workload: Workload, plan: HealthPlan) -> None:
        """Write nothing."""

    async def note_waiting(self, workload: Workload, why: str) -> None:
        """Write nothing."""

    async def deliver(self, workload: Workload, text: str) -> None:
        """Write nothing."""

    async def withdraw(self, key: WorkloadKey) -> None:
        """Write nothing."""

    async def erase(self, key: WorkloadKey) -> None:
        """Write nothing."""

    def has_left(self, key: WorkloadKey) -> bool:
        """Return False: what is left is another operator's to delete."""
        self._told.pop(key, None)
        return False


def delivery_key(key: WorkloadKey) -> ConfigMapKey:
    """Return namespace and name of the ConfigMap that a workload mounts."""
    return (key.namespace, config_map_name(key.kind, key.name))


def _record(meta: Meta, fingerprint: bytes) -> Record:
    return Record(meta.owner_uid, fingerprint, meta.resource_version, ours=meta.ours)


def _fingerprint(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
