"""What the user may not read, or the cluster doesn't have, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass

from apphealth.api import GROUP
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.kube.resources import Resource

_UNSEEN = {
    Resource.STATEFUL_SETS: "StatefulSets are not seen",
    Resource.DAEMON_SETS: "DaemonSets are not seen",
    Resource.ROLLOUTS: "Argo Rollouts are not seen",
    Resource.SERVICES: "ports and dependencies that Services tell are not seen",
    Resource.NAMESPACES: "labels and annotations of namespaces don't count",
    Resource.CONFIG_MAPS: "dependencies that ConfigMaps name are not seen",
    Resource.RULES: "AppHealths don't count",
    Resource.CLUSTER_RULES: "ClusterAppHealths don't count",
    Resource.HEALTH_PLANS: "what was proven on pods, and what was replaced, is not known",
}
POLICIES_UNSEEN = "dependencies that only NetworkPolicies tell are not seen"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Something that could not be read."""

    title: str
    """As RBAC names it: `services`, `deployments.apps`."""
    where: str
    """`in the namespace shop`, `in the cluster`."""
    why: str
    follows: str

    def __str__(self) -> str:
        """`no right to list services in the namespace shop: ports ... are not seen`."""
        return f"{self.why} {self.title} {self.where}: {self.follows}"


def gap(title: str, namespace: str | None, error: KubeError, follows: str, verb: str = "list") -> Gap:
    """Return what a request that failed leaves unknown."""
    where = f"in the namespace {namespace}" if namespace else "in the cluster"
    why = f"no right to {verb}" if isinstance(error, ForbiddenError) else "there is no"
    return Gap(title, where, why, follows)


def follows(resource: Resource) -> str:
    """Return what is not known without a resource."""
    return _UNSEEN.get(resource, "they are not seen")


def optional(resource: Resource, error: KubeError) -> bool:
    """Whether one can go on without what was refused."""
    missing_of_ours = error.status == 404 and resource.value.group == GROUP
    return resource is not Resource.DEPLOYMENTS and (isinstance(error, ForbiddenError) or missing_of_ours)
