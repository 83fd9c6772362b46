"""Gaps: resources that the user may not read or the cluster doesn't have, and the consequence of each."""

from __future__ import annotations

from dataclasses import dataclass

from apphealth.api import GROUP
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.kube.resources import Resource

_UNSEEN = {
    Resource.STATEFUL_SETS: "StatefulSets are not seen",
    Resource.DAEMON_SETS: "DaemonSets are not seen",
    Resource.ROLLOUTS: "Argo Rollouts are not seen",
    Resource.SERVICES: "ports and dependencies that follow from Services are not seen",
    Resource.NAMESPACES: "labels and annotations of namespaces don't count",
    Resource.CONFIG_MAPS: "dependencies that ConfigMaps name are not seen",
    Resource.RULES: "AppHealths don't count",
    Resource.CLUSTER_RULES: "ClusterAppHealths don't count",
    Resource.HEALTH_PLANS: "proofs of pods and replaced probes are not known",
}
PODS_UNSEEN = "Pods without a workload are not judged"
POLICIES_UNSEEN = "dependencies that only NetworkPolicies name are not seen"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A resource that could not be read."""

    title: str
    """Its name in RBAC: `services`, `deployments.apps`."""
    where: str
    """`in the namespace shop`, `in the cluster`."""
    why: str
    consequence: str

    def __str__(self) -> str:
        """`no right to list services in the namespace shop: ports and dependencies ... are not seen`."""
        return f"{self.why} {self.title} {self.where}: {self.consequence}"


def gap(title: str, namespace: str | None, error: KubeError, consequence: str, verb: str = "list") -> Gap:
    """Return the gap that a failed request leaves.

    Parameters
    ----------
    title
        The name of the resource in RBAC.
    namespace
        The namespace of the request; None means the cluster.
    error
        The error of the request.
    consequence
        What is not known without the resource.
    verb
        The verb that RBAC names the request by.
    """
    where = f"in the namespace {namespace}" if namespace else "in the cluster"
    why = f"no right to {verb}" if isinstance(error, ForbiddenError) else "there is no"
    return Gap(title, where, why, consequence)


def closed(namespace: str) -> Gap:
    """Return the gap that a namespace leaves of which the user may read nothing; one gap for all its resources."""
    return Gap(
        "the namespace",
        f"{namespace}, which workloads mention",
        "no right to read",
        "whether they need Services there is not seen",
    )


def consequence_of(resource: Resource) -> str:
    """Return what is not known without a resource."""
    return _UNSEEN.get(resource, "they are not seen")


def optional(resource: Resource, error: KubeError) -> bool:
    """Whether the command can go on without a resource whose request failed."""
    missing_of_ours = error.status == 404 and resource.value.group == GROUP
    return resource is not Resource.DEPLOYMENTS and (isinstance(error, ForbiddenError) or missing_of_ours)
