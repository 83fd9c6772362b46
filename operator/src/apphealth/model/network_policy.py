"""NetworkPolicies: the pods that other pods may connect to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from apphealth.api.spec import LabelSelector
from apphealth.model import raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Pods, by label, that the selected pods may connect to."""

    pods: LabelSelector
    namespaces: LabelSelector | None = None
    """None: the policy's own namespace."""
    ports: tuple[int | str, ...] = ()
    """Ports of the pods, by number or name; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """A NetworkPolicy, and the pods that its rules for egress name by label. Peers by IP address are left out."""

    namespace: str
    name: str
    pods: LabelSelector
    egress: tuple[Peer, ...] = ()


def parse_network_policy(obj: Mapping[str, Any]) -> NetworkPolicy:
    """Read a NetworkPolicy from its JSON. Selectors that can't be read are left out."""
    metadata, spec = raw.mapping(obj.get("metadata")), raw.mapping(obj.get("spec"))
    return NetworkPolicy(
        namespace=raw.text(metadata.get("namespace")) or "default",
        name=raw.text(metadata.get("name")),
        pods=_selector(spec.get("podSelector")) or LabelSelector(),
        egress=tuple(_peers(spec)),
    )


def _peers(spec: Mapping[str, Any]) -> Iterator[Peer]:
    for rule in raw.items(spec.get("egress")):
        ports = (item.get("port") for item in raw.items(rule.get("ports")))
        known = tuple(port for port in ports if isinstance(port, int | str))
        for peer in raw.items(rule.get("to")):
            pods = _selector(peer.get("podSelector"))
            namespaces = _selector(peer.get("namespaceSelector"))
            if pods is not None and (namespaces is not None or "namespaceSelector" not in peer):
                yield Peer(pods=pods, namespaces=namespaces, ports=known)


def _selector(value: object) -> LabelSelector | None:
    try:
        return msgspec.convert(value, LabelSelector)
    except (msgspec.ValidationError, RecursionError):
        return None
