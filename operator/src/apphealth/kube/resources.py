"""The resources that the operator and the command line read: their API group, version, names and paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from apphealth.api import GROUP, VERSION
from apphealth.kube.meta import path_of
from apphealth.model import raw


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False
    """Watch the metadata only: the objects may be large, and the few that matter are read one by one."""
    optional: bool = False
    """The cluster may lack this resource."""


class Resource(Enum):
    """A resource that is listed and watched."""

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
        """The name that RBAC rules use: `deployments.apps`, `services`."""
        return f"{self.value.plural}.{self.value.group}" if self.value.group else self.value.plural

    @property
    def api_path(self) -> str:
        """The path of the API: `/apis/apps/v1`, `/api/v1`."""
        return f"{'/apis' if self.value.group else '/api'}/{self.api_version}"

    def path(self, namespace: str | None, name: str = "") -> str:
        """Return the path of a collection, or of one object.

        Parameters
        ----------
        namespace
            The namespace to list; None: the whole cluster.
        name
            The object; empty: the collection.
        """
        return path_of(self.api_path, self.value.plural, namespace or "", name)

    def is_in(self, api: Mapping[str, Any]) -> bool:
        """Return whether an API has this resource.

        Parameters
        ----------
        api
            The APIResourceList at `api_path`.
        """
        return any(item.get("name") == self.value.plural for item in raw.items(api.get("resources")))


WORKLOADS = {
    resource.value.kind: resource
    for resource in (Resource.DEPLOYMENTS, Resource.STATEFUL_SETS, Resource.DAEMON_SETS, Resource.ROLLOUTS)
}
"""The kinds of workload."""
