"""NetworkPolicies as evidence: a workload likely needs the pods that a policy lets it connect to.

Only files bring them, see `World.policies`.
"""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.model.network_policy import NetworkPolicy, Peer
from apphealth.model.service import Service, ServiceKey
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.evidence.mention import ALLOWED, Mention
from apphealth.plan.dependencies.evidence.text import CLUSTER_DNS
from apphealth.plan.rules.selection import matches
from apphealth.store.world import World


def by_policies(workload: Workload, world: World) -> Iterator[Mention]:
    """Yield the Services in front of the pods that a policy lets the workload connect to.

    A peer that selects all pods of a namespace, or any address, is no evidence.

    Parameters
    ----------
    workload
        The workload.
    world
        The known files, with their NetworkPolicies.
    """
    for policy in world.policies.get(workload.namespace, ()):
        if matches(policy.pods, workload.pod_labels):
            for peer in policy.egress:
                for service in _behind(peer, policy, world):
                    if service.key not in CLUSTER_DNS:
                        evidence = f"egress of NetworkPolicy {policy.name}"
                        yield Mention(service.key, _port(service, peer), ALLOWED, evidence)


def _behind(peer: Peer, policy: NetworkPolicy, world: World) -> Iterator[Service]:
    if not peer.pods.match_labels:
        return
    found: dict[ServiceKey, Service] = {}
    for namespace in _namespaces(peer, policy, world):
        pods = Service(namespace=namespace, name="", selector=peer.pods.match_labels)
        for workload in world.workloads_behind(pods):
            if matches(peer.pods, workload.pod_labels):
                found.update((service.key, service) for service in world.services_of(workload))
    for _, service in sorted(found.items()):
        if not peer.ports or _port(service, peer) is not None:
            yield service


def _namespaces(peer: Peer, policy: NetworkPolicy, world: World) -> list[str]:
    if peer.namespaces is None:
        return [policy.namespace]
    names = {*world.namespaces, *(key.namespace for key in world.workloads)}
    return sorted(name for name in names if matches(peer.namespaces, world.namespace(name).labels))


def _port(service: Service, peer: Peer) -> int | None:
    """Return the Service's port whose target the peer allows, or None."""
    allowed = peer.ports
    return next((port.number for port in service.ports if {port.target, port.number, port.name} & {*allowed}), None)
