"""All that a decision may look at: rules, namespaces, workloads, Services, ConfigMaps.

A store of values with look-ups, no I/O. The controller fills one from watch events, the command line from files.
Look-ups by label stay fast with 10,000 workloads and 10,000 Services in one namespace: both sides are indexed by single
label pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apphealth.api.healthplan import OriginalRecord
from apphealth.api.rule import Rule, RuleKey
from apphealth.model.multimap import MultiMap
from apphealth.model.network_policy import NetworkPolicy
from apphealth.model.proof import Proof
from apphealth.model.service import Namespace, Service, ServiceKey
from apphealth.model.workload import Workload, WorkloadKey

Label = tuple[str, str, str]
"""Namespace, label key, label value."""
CLUSTER_DOMAIN = "cluster.local"
"""The domain of a cluster that says no other (the kubelet's `clusterDomain`)."""


class World:
    """The cluster, or a set of files, as values.

    Attributes
    ----------
    rules, namespaces, workloads, services
        By key. Change workloads and services only through `put_*` and `drop_*`, which keep the indexes.
    config_maps
        Text of the ConfigMaps that workloads refer to, by (namespace, name); absent where not read (yet).
    originals
        What the HealthPlans remember of replaced probes.
    proofs
        What running pods have answered, by the question's id; absent where nobody has asked (yet).
    worked_out
        What planning has worked out about a workload that others depend on, with the values that it came from: it
        counts only as long as they are the same.
    allow_exec
        Whether probes may run commands in containers (the operator's `--allow-exec`).
    files
        These are manifests, not a cluster: there are no pods to prove anything on.
    unproven
        In files, write what was derived without proof all the same (`render --unproven`).
    cluster_domain
        What the full names of Services end with.
    policies
        NetworkPolicies with rules for egress, by namespace. Only files bring them: the operator doesn't watch any.
    """

    def __init__(self, *, allow_exec: bool = False, cluster_domain: str = CLUSTER_DOMAIN) -> None:
        self.allow_exec = allow_exec
        self.cluster_domain = cluster_domain.strip(".").lower()
        self.files = False
        self.unproven = False
        self.policies: dict[str, list[NetworkPolicy]] = {}
        self.rules: dict[RuleKey, Rule] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.workloads: dict[WorkloadKey, Workload] = {}
        self.services: dict[ServiceKey, Service] = {}
        self.config_maps: dict[tuple[str, str], Mapping[str, str]] = {}
        self.originals: dict[WorkloadKey, tuple[OriginalRecord, ...]] = {}
        self.proofs: dict[str, Proof] = {}
        self.worked_out: dict[WorkloadKey, tuple[tuple[object, ...], Any]] = {}
        self._workload_labels: MultiMap[Label, WorkloadKey] = MultiMap()
        self._service_selectors: MultiMap[Label, ServiceKey] = MultiMap()
        self._addresses: dict[str, ServiceKey] = {}

    def put_workload(self, workload: Workload) -> None:
        """Add or replace a workload."""
        self.drop_workload(workload.key)
        self.workloads[workload.key] = workload
        for label in _pod_labels(workload):
            self._workload_labels.add(label, workload.key)

    def drop_workload(self, key: WorkloadKey) -> None:
        """Forget a workload, if it is there."""
        if (workload := self.workloads.pop(key, None)) is not None:
            for label in _pod_labels(workload):
                self._workload_labels.discard(label, key)
            self.worked_out.pop(key, None)

    def put_service(self, service: Service) -> None:
        """Add or replace a Service."""
        self.drop_service(service.key)
        key = service.key
        self.services[key] = service
        for label in _first_selector(service):
            self._service_selectors.add(label, key)
        self._addresses.update(dict.fromkeys(service.addresses, key))

    def drop_service(self, key: ServiceKey) -> None:
        """Forget a Service, if it is there."""
        if (service := self.services.pop(key, None)) is not None:
            for label in _first_selector(service):
                self._service_selectors.discard(label, key)
            for address in service.addresses:
                if self._addresses.get(address) == key:
                    del self._addresses[address]

    def service_at(self, address: str) -> ServiceKey | None:
        """Return the Service that has a cluster IP."""
        return self._addresses.get(address)

    def namespace(self, name: str) -> Namespace:
        """Return a namespace; one that is not known has just the label that Kubernetes gives it."""
        return self.namespaces.get(name) or Namespace(name=name, labels={"kubernetes.io/metadata.name": name})

    def rules_in(self, namespace: str) -> list[Rule]:
        """Return the rules that may concern a namespace: its AppHealths, and every ClusterAppHealth."""
        return [rule for rule in self.rules.values() if rule.namespace in ("", namespace)]

    def services_of(self, workload: Workload) -> list[Service]:
        """Return the Services that select a workload's pods, by name."""
        candidates: set[ServiceKey] = set()
        for label in _pod_labels(workload):
            candidates.update(self._service_selectors.get(label))
        services = [self.services[key] for key in (sorted(candidates) if len(candidates) > 1 else candidates)]
        return [service for service in services if service.selects(workload.pod_labels)]

    def workloads_behind(self, service: Service) -> list[Workload]:
        """Return the workloads whose pods a Service selects, by kind and name."""
        if not service.selector:
            return []
        labels = [(service.namespace, key, value) for key, value in service.selector.items()]
        fewest = min((self._workload_labels.get(label) for label in labels), key=len)
        workloads = (self.workloads[key] for key in sorted(fewest))
        return [workload for workload in workloads if service.selects(workload.pod_labels)]


def _pod_labels(workload: Workload) -> list[Label]:
    return [(workload.namespace, key, value) for key, value in workload.pod_labels.items()]


def _first_selector(service: Service) -> list[Label]:
    """One pair of the selector is enough to find the Service by: pods behind it have them all."""
    return [(service.namespace, *min(service.selector.items()))] if service.selector else []
