"""A workload and its containers: the parts of them that a decision reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from apphealth.model.ownership import Ownership
from apphealth.model.probe import Probe, ProbeKind
from apphealth.model.progress import NO_PROGRESS, Progress

DOMAIN = "apphealth.dev/"
"""The prefix of our annotations."""


class WorkloadKey(NamedTuple):
    """Identifies a workload in the cluster."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`Deployment/shop/web`."""
        return f"{self.kind}/{self.namespace}/{self.name}"


class ContainerRole(StrEnum):
    """The role of a container in its pod."""

    MAIN = "main"
    SIDECAR = "sidecar"
    """An init container with restartPolicy Always: it may carry probes."""

    @property
    def list_name(self) -> str:
        """The list of the pod's spec that has such containers."""
        return "containers" if self is ContainerRole.MAIN else "initContainers"


class ContainerPort(NamedTuple):
    """A declared port; `name` may be empty."""

    number: int
    name: str
    protocol: str


class EnvVar(NamedTuple):
    """An environment variable: a literal `value`, or a key of a ConfigMap, or (both empty) a source we do not read."""

    name: str
    value: str
    config_map: str = ""
    key: str = ""


class ConfigFiles(NamedTuple):
    """Files that a container mounts from a ConfigMap."""

    config_map: str
    keys: tuple[str, ...] = ()
    """The keys that become files; empty: all."""


@dataclass(frozen=True, slots=True)
class LiveProbe:
    """A probe that a container carries now, and who owns it."""

    probe: Probe
    owner: Ownership
    exact: Mapping[str, Any] | None = None
    """The probe as JSON, if `probe` doesn't have all of it: a very long command, or a field that we don't know."""


class WrittenProbe(NamedTuple):
    """A probe that the operator has written, as its HealthPlan remembers it."""

    container: str
    kind: ProbeKind
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container that may carry probes."""

    name: str
    image: str = ""
    role: ContainerRole = ContainerRole.MAIN
    ports: tuple[ContainerPort, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[str, ...] = ()
    """Names of the ConfigMaps whose every key becomes a variable."""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    probes: Mapping[ProbeKind, LiveProbe] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    """The paths where the container mounts volumes."""
    config_files: tuple[ConfigFiles, ...] = ()
    """The files that it mounts from ConfigMaps, except ours."""
    mounts_delivery: bool = False
    """It mounts our volume of dependencies, and the mount is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or Argo Rollout."""

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Only those of `DOMAIN`."""
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    """Only those of `DOMAIN`."""
    containers: tuple[Container, ...] = ()
    volumes: tuple[str, ...] = ()
    """Names of the pod's volumes."""
    delivery_volume: bool = False
    """It has our volume of dependencies, and we own the volume."""
    ready: bool = False
    """At least one of its pods is ready (`status.readyReplicas`, a DaemonSet's `numberReady`)."""
    host_network: bool = False
    """Its pods share the node's network: they are never asked."""
    ordered: bool = False
    """Its pods start one after the other, each once the one before is ready: a StatefulSet's `OrderedReady`."""
    template: str = ""
    """Digest of the parts of the pod template that may change its pods' answers."""
    progress: Progress = NO_PROGRESS
    """How far the rollout of its pod template has come. No plan reads it."""
    rolled_out_at: datetime | None = None
    """When its last rollout completed, where Kubernetes says it (a Deployment's condition Progressing)."""
    controller: str = ""
    """Kind and name of the object that controls it (an ownerReference with `controller: true`); empty: nothing does."""
    edited_by: str = ""
    """The manager that changed it last, apart from the operator, by managedFields. No plan reads it."""
    written_at: datetime | None = None
    """When the operator last changed it, by managedFields; None: nothing of ours is there. No plan reads it."""

    @property
    def key(self) -> WorkloadKey:
        """The key that identifies this workload in the cluster."""
        return WorkloadKey(self.kind, self.namespace, self.name)

    @property
    def template_key(self) -> str:
        """The namespace and the digest of its pod template: an answer holds for all pods with the same key."""
        return f"{self.namespace}/{self.template}"

    @property
    def settled(self) -> bool:
        """Whether the rollout of its pod template is complete (`Progress.settled`)."""
        return self.progress.settled

    @property
    def has_ours(self) -> bool:
        """Whether its pod template has a probe, a mount or a volume of ours."""
        return self.delivery_volume or any(
            container.mounts_delivery or any(_has_ours(live.owner) for live in container.probes.values())
            for container in self.containers
        )


def same(one: Workload, other: Workload) -> bool:
    """Return whether two readings of a workload are equal in all that plans read, apart from a pod's being ready.

    Parameters
    ----------
    one
        A reading.
    other
        Another reading of the same workload.
    """
    return one == replace(
        other,
        resource_version=one.resource_version,
        generation=one.generation,
        ready=one.ready,
        progress=one.progress,
        rolled_out_at=one.rolled_out_at,
        written_at=one.written_at,
        edited_by=one.edited_by,
    )


def _has_ours(owner: Ownership) -> bool:
    return owner.ours or bool(owner.held)
