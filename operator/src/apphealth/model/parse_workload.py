"""From a workload's JSON to a `Workload`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from types import MappingProxyType
from typing import Any

from apphealth.model import raw
from apphealth.model.last_applied import last_applied
from apphealth.model.ownership import POD_SPEC, FieldManager, list_key, managers, ownership
from apphealth.model.probe import KINDS, ProbeKind, parse_probe
from apphealth.model.service import own_annotations
from apphealth.model.workload import Container, ContainerPort, ContainerRole, EnvVar, LiveProbe, Workload

DELIVERY_VOLUME = "apphealth"
"""The name of the volume that carries a workload's dependencies."""
DELIVERY_PATH = "/etc/apphealth"
"""Where it is mounted, and where the library looks."""

MAX_SHARED = 16
"""Longest value of a variable that is looked up among those of other workloads, in characters."""
_NO_PROBES: Mapping[ProbeKind, LiveProbe] = MappingProxyType({})
MAX_CONFIG_FILES = 16
"""ConfigMaps mounted by one container that are looked at."""
_NOT_CONFIGURATION = frozenset({"kube-root-ca.crt", "istio-ca-root-cert"})
"""ConfigMaps with certificates, which Kubernetes and Istio put into every namespace."""
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.DOTALL)
"""As the API server has it: 15 characters at most, one letter at least; a probe could not refer to any other."""


def parse_workload(obj: Mapping[str, Any]) -> Workload:
    """Read a Deployment, StatefulSet, DaemonSet or Rollout from its JSON."""
    metadata, spec = raw.mapping(obj.get("metadata")), raw.mapping(obj.get("spec"))
    template, status = raw.mapping(spec.get("template")), raw.mapping(obj.get("status"))
    pod_metadata, pod = raw.mapping(template.get("metadata")), raw.mapping(template.get("spec"))
    owners = managers(metadata.get("managedFields"))
    if (author := last_applied(metadata.get("annotations"), pod)) is not None:
        owners = (*owners, author)
    volumes = tuple(raw.text(volume.get("name")) for volume in raw.items(pod.get("volumes")))
    labels, pod_labels = raw.labels(metadata.get("labels")), raw.labels(pod_metadata.get("labels"))
    return Workload(
        kind=intern(raw.text(obj.get("kind"))),
        api_version=intern(raw.text(obj.get("apiVersion"))),
        namespace=intern(raw.text(metadata.get("namespace")) or "default"),
        name=intern(raw.text(metadata.get("name"))),
        uid=raw.text(metadata.get("uid")),
        resource_version=raw.text(metadata.get("resourceVersion")),
        generation=raw.number(metadata.get("generation")),
        labels=labels,
        annotations=own_annotations(metadata.get("annotations")),
        pod_labels=labels if labels == pod_labels else pod_labels,
        pod_annotations=own_annotations(pod_metadata.get("annotations")),
        containers=tuple(_parse_containers(pod, owners)),
        volumes=volumes,
        delivery_volume=DELIVERY_VOLUME in volumes and _ours(owners, "f:volumes", list_key("name", DELIVERY_VOLUME)),
        ready=bool(raw.number(status.get("readyReplicas")) or raw.number(status.get("numberReady"))),
        host_network=pod.get("hostNetwork") is True,
    )


def _parse_containers(pod: Mapping[str, Any], owners: Sequence[FieldManager]) -> Iterator[Container]:
    volumes = dict(_config_volumes(pod))
    for item in raw.items(pod.get("containers")):
        yield _parse_container(item, ContainerRole.MAIN, volumes, owners)
    for item in raw.items(pod.get("initContainers")):
        if item.get("restartPolicy") == "Always":
            yield _parse_container(item, ContainerRole.SIDECAR, volumes, owners)


def _parse_container(
    item: Mapping[str, Any],
    role: ContainerRole,
    volumes: Mapping[str, tuple[str, ...]],
    owners: Sequence[FieldManager],
) -> Container:
    name = intern(raw.text(item.get("name")))
    at = (f"f:{role.list_name}", list_key("name", name))
    mounts = tuple(raw.text(mount.get("mountPath")).rstrip("/") for mount in raw.items(item.get("volumeMounts")))
    return Container(
        name=name,
        image=intern(raw.text(item.get("image"))),
        role=role,
        ports=tuple(port for given in raw.items(item.get("ports")) if (port := _parse_port(given)).number),
        env=tuple(_parse_env(env) for env in raw.items(item.get("env"))),
        env_from=tuple(_parse_env_from(item)),
        command=raw.texts(item.get("command")),
        args=raw.texts(item.get("args")),
        probes=_parse_probes(item, at, owners),
        mounts=mounts,
        config_files=tuple(_config_files(item, volumes)) if volumes else (),
        mounts_delivery=DELIVERY_PATH in mounts
        and _ours(owners, *at, "f:volumeMounts", list_key("mountPath", DELIVERY_PATH)),
    )


def _config_volumes(pod: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the volumes that hold ConfigMaps, by name; ours is none of its owner's configuration."""
    for volume in raw.items(pod.get("volumes")):
        sources = [volume, *raw.items(raw.mapping(volume.get("projected")).get("sources"))]
        given = (raw.text(raw.mapping(source.get("configMap")).get("name")) for source in sources)
        names = tuple(intern(name) for name in given if name and name not in _NOT_CONFIGURATION)
        if names and raw.text(volume.get("name")) != DELIVERY_VOLUME:
            yield raw.text(volume.get("name")), names


def _config_files(item: Mapping[str, Any], volumes: Mapping[str, tuple[str, ...]]) -> list[str]:
    mounts = raw.items(item.get("volumeMounts"))
    elsewhere = [mount for mount in mounts if raw.text(mount.get("mountPath")).rstrip("/") != DELIVERY_PATH]
    names = (name for mount in elsewhere for name in volumes.get(raw.text(mount.get("name")), ()))
    return list(dict.fromkeys(names))[:MAX_CONFIG_FILES]


def _parse_probes(
    item: Mapping[str, Any], at: tuple[str, ...], owners: Sequence[FieldManager]
) -> Mapping[ProbeKind, LiveProbe]:
    probes = {}
    for kind in KINDS:
        if (probe := parse_probe(item.get(kind.field))) is not None:
            owner = ownership(item[kind.field], (*POD_SPEC, *at, f"f:{kind.field}"), owners)
            probes[kind] = LiveProbe(probe, owner)
    return probes or _NO_PROBES


def _ours(owners: Sequence[FieldManager], *path: str) -> bool:
    holders = [owner for owner in owners if owner.below(*POD_SPEC, *path) is not None]
    return bool(holders) and all(holder.ours for holder in holders)


def _parse_port(port: Mapping[str, Any]) -> ContainerPort:
    protocol = raw.text(port.get("protocol")) or "TCP"
    return _shared_port(raw.port_number(port.get("containerPort")), raw.text(port.get("name")), protocol)


@lru_cache(maxsize=1024)
def _shared_port(number: int, name: str, protocol: str) -> ContainerPort:
    """Make a port; most containers have one of the same few."""
    return ContainerPort(number, name if _PORT_NAME.fullmatch(name) else "", protocol)


def _parse_env(env: Mapping[str, Any]) -> EnvVar:
    name = intern(raw.text(env.get("name")))
    reference = raw.mapping(raw.mapping(env.get("valueFrom")).get("configMapKeyRef"))
    if reference:
        return EnvVar(name, "", intern(raw.text(reference.get("name"))), intern(raw.text(reference.get("key"))))
    value = raw.text(env.get("value"))
    return _shared_env(name, value) if len(value) <= MAX_SHARED else EnvVar(name, value)


@lru_cache(maxsize=4096)
def _shared_env(name: str, value: str) -> EnvVar:
    """Make a variable; the short ones are often the same in many workloads."""
    return EnvVar(name, value)


def _parse_env_from(item: Mapping[str, Any]) -> Iterator[str]:
    for source in raw.items(item.get("envFrom")):
        if name := raw.text(raw.mapping(source.get("configMapRef")).get("name")):
            yield name
