"""Leader election by a Lease: of several replicas one writes, the others keep a warm store.

The protocol is that of client-go's leaderelection: whoever holds the Lease renews it; whoever finds it not renewed for
its whole duration, by its own clock since it last saw it change, takes it. The duration is never compared with
another machine's clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from apphealth.kube.client import Client
from apphealth.kube.errors import AlreadyExistsError, ConflictError, KubeError, NotFoundError
from apphealth.kube.meta import path_of

API = "/apis/coordination.k8s.io/v1"
DURATION = 15
"""Seconds after which a Lease that isn't renewed may be taken."""
RENEW = 5.0
"""Seconds between two renewals, and between two looks at somebody else's Lease."""
GIVE_UP = 10.0
"""Seconds without a successful renewal after which a leader stops writing: before anybody else may start."""

log = logging.getLogger(__name__)


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    holder_identity: str | None = ""
    renew_time: str | None = ""
    lease_transitions: int | None = 0


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Lease(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    spec: _Spec = _Spec()


class Leadership:
    """Our part in the election.

    Parameters
    ----------
    client, namespace, name
        The Lease.
    identity
        Who we are: unique for each replica.
    changed
        Called with True when we become the leader, with False when we no longer are.
    """

    def __init__(
        self, client: Client, *, namespace: str, name: str, identity: str, changed: Callable[[bool], None]
    ) -> None:
        self._client = client
        self._namespace, self._name, self._identity = namespace, name, identity
        self._changed = changed
        self._leading = False
        self._renewed_at = 0.0
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0

    async def run(self) -> None:
        """Take part until cancelled; then give the Lease back if it is ours."""
        try:
            while True:
                await self._round()
                await asyncio.sleep(RENEW)
        finally:
            if self._leading:
                self._set(leading=False)
                await asyncio.shield(self._release())

    async def _round(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            won = await asyncio.wait_for(self._try(now), timeout=RENEW)
        except (KubeError, TimeoutError) as error:
            if self._leading and now - self._renewed_at > GIVE_UP:
                log.warning("no longer the leader: the Lease %s/%s can't be renewed: %s", *self._where, error)
                self._set(leading=False)
            return
        if won:
            self._renewed_at = now
        if won != self._leading:
            self._set(leading=won)

    async def _try(self, now: float) -> bool:
        try:
            lease = await self._client.get(self._path, _Lease)
        except NotFoundError:
            return await self._create()
        holder = lease.spec.holder_identity or ""
        seen = (holder, lease.spec.renew_time or "")
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        if holder not in ("", self._identity) and now - self._seen_at < DURATION:
            return False
        return await self._take(lease)

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(self._identity, 0),
        }
        try:
            await self._client.request("POST", path_of(API, "leases", self._namespace), body=body)
        except AlreadyExistsError:
            return False
        return True

    async def _take(self, lease: _Lease) -> bool:
        transitions = (lease.spec.lease_transitions or 0) + (lease.spec.holder_identity != self._identity)
        try:
            await self._put(lease, self._spec(self._identity, transitions))
        except ConflictError:
            return False
        return True

    async def _release(self) -> None:
        try:
            lease = await self._client.get(self._path, _Lease)
            if lease.spec.holder_identity == self._identity:
                await self._put(lease, self._spec("", lease.spec.lease_transitions or 0))
        except KubeError as error:
            log.info("the Lease %s/%s was not given back: %s", *self._where, error)

    async def _put(self, lease: _Lease, spec: dict[str, Any]) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "resourceVersion": lease.metadata.resource_version,
            },
            "spec": spec,
        }
        await self._client.request("PUT", self._path, body=body)

    def _spec(self, holder: str, transitions: int) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": DURATION if holder else 1,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _set(self, *, leading: bool) -> None:
        self._leading = leading
        self._changed(leading)

    @property
    def _where(self) -> tuple[str, str]:
        return (self._namespace, self._name)

    @property
    def _path(self) -> str:
        return path_of(API, "leases", self._namespace, self._name)
