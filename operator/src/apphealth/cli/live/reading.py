"""Reading: all kinds at once, page by page, into the operator's own store."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import msgspec

from apphealth.cli.live.gaps import POLICIES_UNSEEN, Gap, follows, gap, optional
from apphealth.kube.client import Client
from apphealth.kube.configmaps import read_config_map
from apphealth.kube.discovery import served
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError
from apphealth.kube.meta import parse_meta, path_of
from apphealth.kube.resources import WORKLOADS, Resource
from apphealth.model import raw
from apphealth.model.network_policy import parse_network_policy
from apphealth.model.service import parse_config_map
from apphealth.model.workload import Workload
from apphealth.store.config_maps import ConfigMapKey, config_maps_of
from apphealth.store.facts import dependencies_of
from apphealth.store.store import Store

PAGE = "500"
"""Objects asked for at once."""
SINGLY = 16
"""ConfigMaps of a namespace that are read one by one; more are read as a list."""
MAX_NAMESPACES = 32
"""Most namespaces that are read because workloads of another one mention them."""
_POLICIES = "/apis/networking.k8s.io/v1"
_INSIDE = (*WORKLOADS.values(), Resource.SERVICES, Resource.RULES, Resource.HEALTH_PLANS)
"""What is read of a namespace."""


class Reading:
    """One look at a cluster.

    Parameters
    ----------
    client
        How to ask.
    store
        Where all goes.
    policies
        Read NetworkPolicies too, which the operator doesn't.
    seen
        Is given each object as the API server has it, with kind and apiVersion.

    Attributes
    ----------
    gaps
        What could not be read.
    """

    def __init__(
        self, client: Client, store: Store, *, policies: bool, seen: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self._client = client
        self._seen = seen
        self._store = store
        self._policies = policies
        self._absent: set[Resource] = set()
        self._scope: str | None = None
        self.gaps: set[Gap] = set()

    async def read(self, namespace: str | None, wanted: Callable[[Workload], bool]) -> None:
        """Read a namespace, or all; of workloads that are not `wanted` no ConfigMaps.

        Raises
        ------
        KubeError
            The cluster can't be asked, or its Deployments may not be read, or there is no such namespace.
        """
        self._scope = namespace
        self._absent = set(Resource).difference(await served(self._client, tuple(Resource)))
        scope = self._namespaces() if namespace is None else self._namespace(namespace)
        await asyncio.gather(scope, self._collection(Resource.CLUSTER_RULES, None), self._inside(namespace))
        for workload in self._store.world.workloads.values():
            self._store.records.confirm(workload)
        await self._config_maps(wanted)
        if namespace is not None:
            await self._mentioned(namespace)

    async def _namespaces(self) -> None:
        await self._collection(Resource.NAMESPACES, None)

    async def _namespace(self, name: str) -> None:
        try:
            found = await self._client.get(f"{Resource.NAMESPACES.path(None)}/{name}", dict[str, Any])
        except ForbiddenError as error:
            self.gaps.add(gap("namespaces", name, error, follows(Resource.NAMESPACES), verb="get"))
        else:
            self._store.put(Resource.NAMESPACES, found, listed=True)
            if self._seen is not None:
                self._seen({"kind": "Namespace"} | found)

    async def _inside(self, namespace: str | None) -> None:
        readings = [self._collection(resource, namespace) for resource in _INSIDE if resource not in self._absent]
        if self._policies:
            readings.append(self._network_policies(namespace))
        await asyncio.gather(*readings)

    async def _mentioned(self, namespace: str) -> None:
        """Read the namespaces in which Services are that a workload mentions; their own mentions end there."""
        world = self._store.world
        found: set[str] = set()
        for workload in world.workloads.values():
            found.update(service.namespace for service in dependencies_of(workload, world).mentions)
        for other in sorted(found - {namespace})[:MAX_NAMESPACES]:
            await self._inside(other)

    async def _collection(self, resource: Resource, namespace: str | None) -> None:
        about = {"kind": resource.value.kind, "apiVersion": resource.api_version}
        try:
            async for item in self._items(resource.path(namespace)):
                self._store.put(resource, value := about | item, listed=True)
                if self._seen is not None:
                    self._seen(value)
        except KubeError as error:
            elsewhere = namespace != self._scope and isinstance(error, ForbiddenError)
            if not (elsewhere or optional(resource, error)):
                raise
            self.gaps.add(gap(resource.title, namespace, error, follows(resource)))

    async def _network_policies(self, namespace: str | None) -> None:
        policies = self._store.world.policies
        try:
            async for item in self._items(path_of(_POLICIES, "networkpolicies", namespace or "")):
                policy = parse_network_policy(item)
                if policy.egress:
                    policies.setdefault(policy.namespace, []).append(policy)
        except ForbiddenError as error:
            self.gaps.add(gap("networkpolicies.networking.k8s.io", namespace, error, POLICIES_UNSEEN))

    async def _config_maps(self, wanted: Callable[[Workload], bool]) -> None:
        needed: defaultdict[str, set[ConfigMapKey]] = defaultdict(set)
        for workload in filter(wanted, self._store.world.workloads.values()):
            needed[workload.namespace] |= config_maps_of(workload)
        await asyncio.gather(*(self._texts(namespace, keys) for namespace, keys in needed.items() if keys))

    async def _texts(self, namespace: str, keys: set[ConfigMapKey]) -> None:
        try:
            if len(keys) > SINGLY:
                await self._list_texts(namespace, keys)
            else:
                await asyncio.gather(*map(self._read_text, sorted(keys)))
        except ForbiddenError as error:
            self.gaps.add(gap("configmaps", namespace, error, follows(Resource.CONFIG_MAPS), verb="read"))

    async def _list_texts(self, namespace: str, keys: Iterable[ConfigMapKey]) -> None:
        async for item in self._items(Resource.CONFIG_MAPS.path(namespace)):
            meta = parse_meta(item.get("metadata"))
            if (meta.namespace, meta.name) in keys:
                self._keep((meta.namespace, meta.name), meta.resource_version, parse_config_map(item))

    async def _read_text(self, key: ConfigMapKey) -> None:
        try:
            meta, text = await read_config_map(self._client, *key)
        except NotFoundError:
            return
        self._keep(key, meta.resource_version, text)

    def _keep(self, key: ConfigMapKey, version: str, text: Mapping[str, str]) -> None:
        self._store.records.keep_text(key, version, text)

    async def _items(self, path: str) -> AsyncIterator[dict[str, Any]]:
        params = {"limit": PAGE}
        while True:
            page = msgspec.json.decode(await self._client.request("GET", path, params=params))
            for item in page.get("items") or ():
                yield item
            params["continue"] = raw.text(raw.mapping(page.get("metadata")).get("continue"))
            if not params["continue"]:
                return
