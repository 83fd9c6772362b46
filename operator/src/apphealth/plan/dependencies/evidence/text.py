"""Find the Services that a text names.

Precision before recall: a bare word that equals a Service's name is no evidence, because users trust a wrong
dependency less than one that they have to add themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from apphealth.model.service import ServiceKey
from apphealth.plan.dependencies.evidence.keys import holds_hosts, holds_other_hosts
from apphealth.plan.dependencies.evidence.mention import ADDRESS, NAMED_HOST, Mention
from apphealth.plan.dependencies.hosts import MAX_PARTS, Form, Host, hosts

CLUSTER_DNS = frozenset({ServiceKey("kube-system", "kube-dns"), ServiceKey("kube-system", "coredns")})
"""The cluster's DNS. Every workload needs it, and no workload's readiness may depend on it."""

_MORE_THAN_HOSTS = frozenset(" \t\n\"'{}<>=")
"""Characters of sentences, JSON and XML that no list of hosts has."""


class Text(NamedTuple):
    """A text that may name Services."""

    key: str
    """The name of the variable, flag or setting that holds it; may be empty."""
    value: str
    source: str
    """The place of the text, as findings show it."""


class Names(NamedTuple):
    """What names are resolved with."""

    namespace: str
    """The workload's namespace: the default of names without one."""
    addresses: Mapping[str, ServiceKey]
    """The Services by their cluster IPs."""
    cluster_domain: str


class _Named(NamedTuple):
    service: ServiceKey
    pod: bool = False


def mentions_in(text: Text, names: Names) -> Iterator[Mention]:
    """Yield the Services that a text names."""
    value = text.value
    if ":" not in value and "." not in value and "=" not in value and not holds_hosts(text.key):
        return  # words at most, and so no evidence here
    if holds_other_hosts(text.key):
        return
    bare = holds_hosts(text.key) and _MORE_THAN_HOSTS.isdisjoint(value.strip().replace(", ", ","))
    for host in hosts(value, MAX_PARTS):
        if host.key and holds_other_hosts(host.key):
            continue
        if host.form is Form.WORD and not (host.key or bare):
            continue
        for named in _named(host, names):
            if named.service not in CLUSTER_DNS:
                yield Mention(
                    service=named.service,
                    port=host.port,
                    confidence=NAMED_HOST if host.form is Form.WORD else ADDRESS,
                    evidence=f"{text.source}: {host.text}",
                    port_tells=host.form is Form.PAIR,
                    pod=named.pod,
                )


def _named(host: Host, names: Names) -> Iterator[_Named]:
    """Yield the Services that a host may name: `db-0.db` is a pod or, less likely, a Service in the namespace `db`."""
    labels = host.name.split(".")
    if ":" in host.name or (len(labels) == 4 and all(label.isdecimal() for label in labels)):
        if (at := names.addresses.get(host.name)) is not None:
            yield _Named(at)
        return
    full = "svc" in labels[2:4]
    if full:
        end = labels.index("svc", 2)
        if labels[end + 1 :] and ".".join(labels[end + 1 :]) != names.cluster_domain:
            return  # another cluster
        labels = labels[:end]
    match labels:
        case [name]:
            yield _Named(ServiceKey(names.namespace, name))
        case [name, other]:
            yield _Named(ServiceKey(other, name))
            if not full and _is_member(name):
                yield _Named(ServiceKey(names.namespace, other), pod=True)
        case [name, service, other] if full or _is_member(name):
            yield _Named(ServiceKey(other, service), pod=True)


def _is_member(name: str) -> bool:
    """Return whether a name may be the name of a StatefulSet's pod: `db-0`."""
    stem, dash, number = name.rpartition("-")
    return bool(stem and dash) and number.isdecimal()
