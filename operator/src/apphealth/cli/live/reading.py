"""Reading a cluster into the operator's store: all kinds at once, each page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

from apphealth.cli.live.gaps import PODS_UNSEEN, POLICIES_UNSEEN, Gap, closed, consequence_of, gap, optional
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError
from apphealth.kube.meta import parse_meta, path_of
from apphealth.kube.reader import CONNECTIONS, Reader
from apphealth.kube.resources import WORKLOADS, Resource
from apphealth.model import raw
from apphealth.model.network_policy import parse_network_policy
from apphealth.model.service import parse_config_map
from apphealth.model.workload import Workload
from apphealth.store.config_maps import ConfigMapKey, config_maps_of
from apphealth.store.facts import dependencies_of
from apphealth.store.store import Store

SINGLY = 16
"""The number of ConfigMaps of a namespace up to which each is read by a request of its own, not as a list."""
MAX_NAMESPACES = 32
"""The number of namespaces that are read because workloads of another namespace mention them."""
_CORE = "/api/v1"
_POLICIES = "/apis/networking.k8s.io/v1"
_INSIDE = (*WORKLOADS.values(), Resource.SERVICES, Resource.RULES, Resource.HEALTH_PLANS)
"""The resources of a namespace that are read."""
Job = Callable[[], None]
"""One request, or all pages of a list, with the handling of the answer."""


class Reading:
    """Reads a cluster once.

    Parameters
    ----------
    reader
        Sends the requests.
    store
        Gets all objects.
    policies
        Whether to read NetworkPolicies, too; the operator doesn't.
    seen
        Is called with each object as the API server returns it, with kind and apiVersion.
    pods
        Whether to read Pods without an owner, too, and hand them to `seen`: a store has no place for them.

    Attributes
    ----------
    gaps
        The resources that could not be read.
    """

    def __init__(
        self,
        reader: Reader,
        store: Store,
        *,
        policies: bool,
        seen: Callable[[dict[str, Any]], None] | None = None,
        pods: bool = False,
    ) -> None:
        self._reader = reader
        self._seen = seen
        self._store = store
        self._storing = Lock()
        self._policies = policies
        self._pods = pods
        self._absent: set[Resource] = set()
        self._scope: str | None = None
        self.gaps: set[Gap] = set()

    def read(self, namespace: str | None, wanted: Callable[[Workload], bool]) -> None:
        """Read one namespace, or all.

        Parameters
        ----------
        namespace
            The namespace to read; None means all.
        wanted
            Whether to read the ConfigMaps that a workload mentions.

        Raises
        ------
        KubeError
            The cluster can't be reached, its Deployments may not be read, or there is no such namespace.
        """
        self._scope = namespace
        self._absent = {resource for resource in Resource if resource.value.optional and not self._is_served(resource)}
        scope = self._job(Resource.NAMESPACES, None) if namespace is None else partial(self._namespace, namespace)
        alone = [partial(self._pods_alone, namespace)] if self._pods else []
        _side_by_side([scope, self._job(Resource.CLUSTER_RULES, None), *self._inside(namespace), *alone])
        for workload in self._store.world.workloads.values():
            self._store.records.confirm(workload)
        _side_by_side(self._config_maps(wanted))
        if namespace is not None:
            for other in self._mentioned(namespace):
                if self._may_be_there(other):
                    _side_by_side(self._inside(other))

    def _may_be_there(self, namespace: str) -> bool:
        """Return whether a mentioned namespace exists, as far as the user may know."""
        try:
            self._reader.get(Resource.NAMESPACES.path(None, namespace))
        except NotFoundError:
            return False
        except ForbiddenError:
            return True
        return True

    def _is_served(self, resource: Resource) -> bool:
        try:
            return resource.is_in(self._reader.get(resource.api_path))
        except NotFoundError:
            return False

    def _namespace(self, name: str) -> None:
        try:
            found = self._reader.get(Resource.NAMESPACES.path(None, name))
        except ForbiddenError as error:
            self.gaps.add(gap("namespaces", name, error, consequence_of(Resource.NAMESPACES), verb="get"))
        else:
            self._keep(Resource.NAMESPACES, {"kind": "Namespace"} | found)

    def _inside(self, namespace: str | None) -> Iterator[Job]:
        for resource in _INSIDE:
            if resource not in self._absent:
                yield self._job(resource, namespace)
        if self._policies:
            yield partial(self._network_policies, namespace)

    def _mentioned(self, namespace: str) -> list[str]:
        """Return the other namespaces whose Services a workload mentions; their own mentions are not followed."""
        world = self._store.world
        found: set[str] = set()
        for workload in world.workloads.values():
            found.update(service.namespace for service in dependencies_of(workload, world).mentions)
        return sorted(found - {namespace})[:MAX_NAMESPACES]

    def _job(self, resource: Resource, namespace: str | None) -> Job:
        return partial(self._collection, resource, namespace)

    def _collection(self, resource: Resource, namespace: str | None) -> None:
        about = {"kind": resource.value.kind, "apiVersion": resource.api_version}
        try:
            for item in self._reader.items(resource.path(namespace)):
                self._keep(resource, about | item)
        except KubeError as error:
            elsewhere = namespace != self._scope and isinstance(error, ForbiddenError)
            if not (elsewhere or optional(resource, error)):
                raise
            if elsewhere and namespace is not None:
                self.gaps.add(closed(namespace))
            else:
                self.gaps.add(gap(resource.title, namespace, error, consequence_of(resource)))

    def _keep(self, resource: Resource, value: dict[str, Any]) -> None:
        with self._storing:
            self._store.put(resource, value, listed=True)
            if self._seen is not None:
                self._seen(value)

    def _pods_alone(self, namespace: str | None) -> None:
        try:
            for item in self._reader.items(path_of(_CORE, "pods", namespace or "")):
                ended = raw.mapping(item.get("status")).get("phase") in ("Succeeded", "Failed")
                if (
                    self._seen is not None
                    and not ended
                    and not raw.mapping(item.get("metadata")).get("ownerReferences")
                ):
                    with self._storing:
                        self._seen({"kind": "Pod", "apiVersion": "v1"} | item)
        except ForbiddenError as error:
            self.gaps.add(gap("pods", namespace, error, PODS_UNSEEN))

    def _network_policies(self, namespace: str | None) -> None:
        policies = self._store.world.policies
        try:
            for item in self._reader.items(path_of(_POLICIES, "networkpolicies", namespace or "")):
                policy = parse_network_policy(item)
                if policy.egress:
                    policies.setdefault(policy.namespace, []).append(policy)
        except ForbiddenError as error:
            elsewhere = namespace is not None and namespace != self._scope
            known = gap("networkpolicies.networking.k8s.io", namespace, error, POLICIES_UNSEEN)
            self.gaps.add(closed(namespace) if elsewhere and namespace is not None else known)

    def _config_maps(self, wanted: Callable[[Workload], bool]) -> Iterator[Job]:
        needed: defaultdict[str, set[ConfigMapKey]] = defaultdict(set)
        for workload in filter(wanted, self._store.world.workloads.values()):
            needed[workload.namespace] |= config_maps_of(workload)
        for namespace, keys in needed.items():
            if len(keys) > SINGLY:
                yield partial(self._list_texts, namespace, keys)
            else:
                yield from (partial(self._read_text, key) for key in sorted(keys))

    def _list_texts(self, namespace: str, keys: Iterable[ConfigMapKey]) -> None:
        try:
            for item in self._reader.items(Resource.CONFIG_MAPS.path(namespace)):
                meta = parse_meta(item.get("metadata"))
                if (meta.namespace, meta.name) in keys:
                    self._keep_text((meta.namespace, meta.name), item)
        except ForbiddenError as error:
            self._without_texts(namespace, error)

    def _read_text(self, key: ConfigMapKey) -> None:
        try:
            self._keep_text(key, self._reader.get(Resource.CONFIG_MAPS.path(*key)))
        except ForbiddenError as error:
            self._without_texts(key[0], error)
        except NotFoundError:
            return

    def _keep_text(self, key: ConfigMapKey, value: dict[str, Any]) -> None:
        version = parse_meta(value.get("metadata")).resource_version
        with self._storing:
            self._store.records.keep_text(key, version, parse_config_map(value))

    def _without_texts(self, namespace: str, error: ForbiddenError) -> None:
        self.gaps.add(gap("configmaps", namespace, error, consequence_of(Resource.CONFIG_MAPS), verb="read"))


def _side_by_side(jobs: Iterable[Job]) -> None:
    """Do all jobs, several at a time; the first error ends them.

    Raises
    ------
    KubeError
        The error of the first job that failed.
    """
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            for done in [pool.submit(job) for job in jobs]:
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
