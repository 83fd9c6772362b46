"""Services, namespaces and ConfigMaps: the parts of them that a decision reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from apphealth.model import raw
from apphealth.model.workload import DOMAIN

MAX_CONFIG_MAP = 256 * 1024
"""Characters kept of one ConfigMap; the rest is left out."""
MAX_FILE = 64 * 1024
"""Characters kept of one of its keys."""


class ServiceKey(NamedTuple):
    """Identifies a Service in the cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`shop/users-api`."""
        return f"{self.namespace}/{self.name}"


class ServicePort(NamedTuple):
    """A port of a Service; `target` is the container port's number or name."""

    number: int
    name: str
    target: int | str
    protocol: str
    app_protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service. Without a selector no workload is behind it."""

    namespace: str
    name: str
    selector: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    external_name: str = ""
    cluster_ip: str = ""
    more_ips: tuple[str, ...] = ()
    """Its further addresses, in a cluster with IPv4 and IPv6."""
    publishes_unready: bool = False
    """Whether it leads to pods that are not ready, too (`publishNotReadyAddresses`)."""

    @property
    def key(self) -> ServiceKey:
        """The key that identifies this Service in the cluster."""
        return ServiceKey(self.namespace, self.name)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its cluster IPs."""
        return () if self.headless or not self.cluster_ip else (self.cluster_ip, *self.more_ips)

    @property
    def headless(self) -> bool:
        """Whether its name resolves to the pods, which are reached at their own ports."""
        return self.cluster_ip == "None"

    def selects(self, pod_labels: Mapping[str, str]) -> bool:
        """Return whether it selects pods with these labels."""
        return bool(self.selector) and all(pod_labels.get(key) == value for key, value in self.selector.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace: its labels, and our annotations on it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse_service(obj: Mapping[str, Any]) -> Service:
    """Read a Service from its JSON."""
    metadata, spec = raw.mapping(obj.get("metadata")), raw.mapping(obj.get("spec"))
    return Service(
        namespace=intern(raw.text(metadata.get("namespace")) or "default"),
        name=intern(raw.text(metadata.get("name"))),
        selector=raw.labels(spec.get("selector")),
        ports=tuple(port for given in raw.items(spec.get("ports")) if (port := _parse_port(given)).number),
        external_name=raw.text(spec.get("externalName")) if spec.get("type") == "ExternalName" else "",
        cluster_ip=raw.text(spec.get("clusterIP")),
        more_ips=raw.texts(spec.get("clusterIPs"))[1:2],
        publishes_unready=spec.get("publishNotReadyAddresses") is True,
    )


def _parse_port(port: Mapping[str, Any]) -> ServicePort:
    number = raw.port_number(port.get("port"))
    target = port.get("targetPort")
    return _shared_port(
        number,
        raw.text(port.get("name")),
        (raw.text(target) if isinstance(target, str) else raw.port_number(target)) or number,
        raw.text(port.get("protocol")) or "TCP",
        raw.text(port.get("appProtocol")).lower(),
    )


@lru_cache(maxsize=1024)
def _shared_port(number: int, name: str, target: int | str, protocol: str, app_protocol: str) -> ServicePort:
    """Make a port; most Services have one of the same few."""
    return ServicePort(number, name, target, protocol, app_protocol)


def parse_namespace(obj: Mapping[str, Any]) -> Namespace:
    """Read a Namespace from its JSON. It always has the label that Kubernetes gives it."""
    metadata = raw.mapping(obj.get("metadata"))
    name = raw.text(metadata.get("name"))
    return Namespace(
        name=name,
        labels={"kubernetes.io/metadata.name": name, **raw.labels(metadata.get("labels"))},
        annotations=own_annotations(metadata.get("annotations")),
    )


def own_annotations(value: object) -> Mapping[str, str]:
    """Return the annotations of our domain."""
    given = raw.mapping(value)
    found = {key: given[key] for key in given if str(key).startswith(DOMAIN)}
    return raw.labels(found) if found else raw.NOTHING


def parse_config_map(obj: Mapping[str, Any]) -> dict[str, str]:
    """Read the text of a ConfigMap: `MAX_FILE` characters of a key, and `MAX_CONFIG_MAP` in all.

    The shortest keys are kept first: settings are short, dashboards and the like are long.
    """
    given = {str(key): value for key, value in raw.mapping(obj.get("data")).items() if isinstance(value, str)}
    kept: set[str] = set()
    room = MAX_CONFIG_MAP
    for key in sorted(given, key=lambda key: (len(given[key]), key)):
        room -= min(len(given[key]), MAX_FILE)
        if room < 0:
            break
        kept.add(key)
    return {key: value[:MAX_FILE] for key, value in given.items() if key in kept}
