"""Read a workload's JSON into a `Workload`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from sys import intern
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from apphealth.model import raw
from apphealth.model.last_applied import last_applied
from apphealth.model.ownership import POD_SPEC, FieldManager, last_editor, list_key, managers, ownership
from apphealth.model.probe import KINDS, ProbeKind, parse_probe, serialise_probe
from apphealth.model.progress import completed_at, parse_progress, written_at
from apphealth.model.service import own_annotations
from apphealth.model.workload import (
    DOMAIN,
    ConfigFiles,
    Container,
    ContainerPort,
    ContainerRole,
    EnvVar,
    LiveProbe,
    Workload,
)

DELIVERY_VOLUME = "apphealth"
"""The name of the volume that carries a workload's dependencies."""
DELIVERY_PATH = "/etc/apphealth"
"""The path where it is mounted, and where the library reads it."""

MAX_SHARED = 16
"""Longest value of a variable that is looked up among those of other workloads, in characters."""
_NO_PROBES: Mapping[ProbeKind, LiveProbe] = MappingProxyType({})
MAX_CONFIG_FILES = 16
"""Most ConfigMaps of one container that are read."""
_NOT_CONFIGURATION = frozenset({"kube-root-ca.crt", "istio-ca-root-cert"})
"""ConfigMaps with certificates that Kubernetes and Istio create in every namespace."""
_CANNOT_CHANGE_ANSWERS = frozenset({
    *("imagePullPolicy", "livenessProbe", "readinessProbe", "resources", "startupProbe"),
    *("terminationMessagePath", "terminationMessagePolicy"),
})  # fmt: skip
"""Fields of a container that don't change what it answers to a probe."""
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""Annotation of `kubectl rollout restart`. It doesn't change the pods' answers."""
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.DOTALL)
"""The API server's pattern: at most 15 characters, at least one letter. A probe can't refer to any other name."""


def parse_workload(obj: Mapping[str, Any]) -> Workload:
    """Read a Deployment, StatefulSet, DaemonSet or Rollout from its JSON.

    Parameters
    ----------
    obj
        The object, of any content: parts with a wrong shape are left out.

    Returns
    -------
    Workload
        The parts that decisions read.
    """
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
        ordered=obj.get("kind") == "StatefulSet" and spec.get("podManagementPolicy") != "Parallel",
        template=template_digest(pod, raw.mapping(pod_metadata.get("annotations"))),
        progress=parse_progress(obj),
        rolled_out_at=completed_at(obj),
        controller=_controller(metadata),
        edited_by=last_editor(metadata.get("managedFields")),
        written_at=written_at(metadata.get("managedFields")),
    )


def _controller(metadata: Mapping[str, Any]) -> str:
    """Return kind and name of the object that controls a workload."""
    for owner in raw.items(metadata.get("ownerReferences")):
        if owner.get("controller") is True:
            return f"{raw.text(owner.get('kind'))}/{raw.text(owner.get('name'))}"
    return ""


def template_digest(pod: Mapping[str, Any], annotations: Mapping[str, Any]) -> str:
    """Return 16 hex digits that change whenever the pods of a template may answer otherwise.

    Covers the pod's whole spec, Secrets' names, volumes and sidecars included, and its annotations, which carry
    checksums of configuration; not its probes, and nothing of ours. The order of variables counts only where one may
    refer to another.

    Parameters
    ----------
    pod
        The template's `spec`.
    annotations
        The template's annotations.
    """
    own = {key: value for key, value in annotations.items() if not str(key).startswith(DOMAIN) and key != _RESTARTED}
    lists = {
        name: [_that_answers(item) for item in raw.items(pod.get(name))] for name in ("containers", "initContainers")
    }
    volumes = [volume for volume in raw.items(pod.get("volumes")) if volume.get("name") != DELIVERY_VOLUME]
    text = msgspec.json.encode(({**pod, **lists, "volumes": volumes}, own), enc_hook=str, order="deterministic")
    return blake2b(text, digest_size=8).hexdigest()


def _that_answers(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a container that may change what it answers."""
    kept = {key: value for key, value in container.items() if key not in _CANNOT_CHANGE_ANSWERS}
    env = list(raw.items(container.get("env")))
    if env and not any("$(" in raw.text(variable.get("value")) for variable in env):
        kept["env"] = sorted(env, key=lambda variable: raw.text(variable.get("name")))
    mounts = [mount for mount in raw.items(kept.pop("volumeMounts", None)) if mount.get("name") != DELIVERY_VOLUME]
    return {**kept, "volumeMounts": mounts}


class _Source(NamedTuple):
    """A ConfigMap in a volume."""

    name: str
    items: tuple[tuple[str, str], ...]
    """Path and key of its files; none: every key is a file of that name."""

    def mounted(self, sub_path: str) -> ConfigFiles | None:
        """Return the files that a mount shows, or None if it shows none."""
        if not sub_path:
            return ConfigFiles(self.name, tuple(key for _, key in self.items))
        if not self.items:
            return ConfigFiles(self.name, (sub_path,))
        below = f"{sub_path}/"
        keys = tuple(key for path, key in self.items if path == sub_path or path.startswith(below))
        return ConfigFiles(self.name, keys) if keys else None


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
    volumes: Mapping[str, tuple[_Source, ...]],
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


def _config_volumes(pod: Mapping[str, Any]) -> Iterator[tuple[str, tuple[_Source, ...]]]:
    """Yield the volumes that hold ConfigMaps, by name, except ours, which is no configuration of the owner's."""
    for volume in raw.items(pod.get("volumes")):
        name = raw.text(volume.get("name"))
        given = [volume, *raw.items(raw.mapping(volume.get("projected")).get("sources"))]
        sources = tuple(source for one in given if (source := _source(raw.mapping(one.get("configMap")))) is not None)
        if sources and name != DELIVERY_VOLUME:
            yield name, sources


def _source(config_map: Mapping[str, Any]) -> _Source | None:
    name = intern(raw.text(config_map.get("name")))
    if not name or name in _NOT_CONFIGURATION:
        return None
    items = raw.items(config_map.get("items"))
    return _Source(name, tuple((raw.text(item.get("path")), raw.text(item.get("key"))) for item in items))


def _config_files(item: Mapping[str, Any], volumes: Mapping[str, tuple[_Source, ...]]) -> Iterator[ConfigFiles]:
    """Yield the files that a container mounts from ConfigMaps, one item for each mounted part."""
    found: dict[ConfigFiles, None] = {}
    for mount in raw.items(item.get("volumeMounts")):
        if raw.text(mount.get("mountPath")).rstrip("/") != DELIVERY_PATH:
            for source in volumes.get(raw.text(mount.get("name")), ()):
                if (files := source.mounted(raw.text(mount.get("subPath")).strip("/"))) is not None:
                    found[files] = None
    whole = {files.config_map for files in found if not files.keys}
    kept = (files for files in found if not files.keys or files.config_map not in whole)
    yield from islice(kept, MAX_CONFIG_FILES)


def _parse_probes(
    item: Mapping[str, Any], at: tuple[str, ...], owners: Sequence[FieldManager]
) -> Mapping[ProbeKind, LiveProbe]:
    probes = {}
    for kind in KINDS:
        if (probe := parse_probe(item.get(kind.field))) is not None:
            owner = ownership(item[kind.field], (*POD_SPEC, *at, f"f:{kind.field}"), owners)
            exact = None if serialise_probe(probe) == item[kind.field] else item[kind.field]
            probes[kind] = LiveProbe(probe, owner, exact)
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
