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


class Resource(Enum):
    """A resource that is watched."""

    WORKLOADS = _Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
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

    def path(self, namespace: str | None) -> str:
        """Return the path of the collection: of one namespace, or of the whole cluster."""
        prefix = "/apis" if self.value.group else "/api"
        return path_of(f"{prefix}/{self.api_version}", self.value.plural, namespace or "")


def watched(namespace: str | None) -> tuple[Resource, ...]:
    """Return what is watched: everything, or for one namespace what can be read with rights on it alone."""
    return tuple(resource for resource in Resource if namespace is None or resource.value.namespaced)
