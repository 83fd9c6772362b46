"""What the operator watches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from apphealth.api import GROUP, VERSION
from apphealth.kube.meta import path_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False
    """Only the metadata is asked for: the rest may be large, and is read for single objects where it is needed."""
    optional: bool = False
    """A cluster without it does without it."""


class Resource(Enum):
    """A resource that is watched."""

    DEPLOYMENTS = _Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
    STATEFUL_SETS = _Resource(group="apps", version="v1", plural="statefulsets", kind="StatefulSet")
    DAEMON_SETS = _Resource(group="apps", version="v1", plural="daemonsets", kind="DaemonSet")
    ROLLOUTS = _Resource(group="argoproj.io", version="v1alpha1", plural="rollouts", kind="Rollout", optional=True)
    SERVICES = _Resource(group="", version="v1", plural="services", kind="Service")
    NAMESPACES = _Resource(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False)
    CONFIG_MAPS = _Resource(group="", version="v1", plural="configmaps", kind="ConfigMap", metadata_only=True)
    RULES = _Resource(group=GROUP, version=VERSION, plural="apphealths", kind="AppHealth")
    CLUSTER_RULES = _Resource(
        group=GROUP, version=VERSION, plural="clusterapphealths", kind="ClusterAppHealth", namespaced=False
    )
    HEALTH_PLANS = _Resource(group=GROUP, version=VERSION, plural="healthplans", kind="HealthPlan")

    @property
    def api_version(self) -> str:
        """`apps/v1`, `v1`."""
        return f"{self.value.group}/{self.value.version}" if self.value.group else self.value.version

    @property
    def title(self) -> str:
        """As RBAC and people name it: `deployments.apps`, `services`."""
        return f"{self.value.plural}.{self.value.group}" if self.value.group else self.value.plural

    @property
    def api_path(self) -> str:
        """Where its API is: `/apis/apps/v1`, `/api/v1`."""
        return f"{'/apis' if self.value.group else '/api'}/{self.api_version}"

    def path(self, namespace: str | None) -> str:
        """Return the path of the collection: of one namespace, or of the whole cluster."""
        return path_of(self.api_path, self.value.plural, namespace or "")


WORKLOADS = {
    resource.value.kind: resource
    for resource in (Resource.DEPLOYMENTS, Resource.STATEFUL_SETS, Resource.DAEMON_SETS, Resource.ROLLOUTS)
}
"""The kinds of workload."""


def watched(namespace: str | None) -> tuple[Resource, ...]:
    """Return what is watched: everything, or for one namespace what can be read with rights on it alone."""
    return tuple(resource for resource in Resource if namespace is None or resource.value.namespaced)
