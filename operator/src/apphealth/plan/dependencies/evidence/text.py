"""From a text with its place to the Services that it names.

Precision before recall: a word that merely equals a Service's name is none, an edge that isn't there costs more trust
than one that a user has to add.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from apphealth.model.service import ServiceKey
from apphealth.plan.dependencies.evidence.keys import may_mean_host, meaning_of
from apphealth.plan.dependencies.evidence.mention import ADDRESS, NAMED_HOST, Mention
from apphealth.plan.dependencies.hosts import MAX_PARTS, Form, Host, hosts

CLUSTER_DNS = frozenset({ServiceKey("kube-system", "kube-dns"), ServiceKey("kube-system", "coredns")})
"""Everybody needs them, and nobody's readiness may hang on them."""

_ENDINGS = "bash cfg cnf conf crt css csv gz html ini jar java js json jsonnet lua mjs pem php pl"
_FILE_ENDINGS = frozenset(
    f"{_ENDINGS} properties py rb sh sock sqlite svg tar tmpl toml txt war xml yaml yml zip".split()
)
"""What follows the dot in a file's name."""
_MORE_THAN_HOSTS = frozenset(" \t\n\"'{}<>=")
"""What stands in a sentence, JSON or XML, but in no list of hosts."""


class Text(NamedTuple):
    """A text that may name Services."""

    key: str
    """What it is called where it stands: a variable, a flag, a setting; may be empty."""
    value: str
    source: str
    """Where it stands, for people."""


class Names(NamedTuple):
    """What names are read by."""

    namespace: str
    """That of the workload, which a name without one belongs to."""
    addresses: Mapping[str, ServiceKey]
    """The Services by their cluster IPs."""
    cluster_domain: str


class _Named(NamedTuple):
    service: ServiceKey
    pod: bool = False


def mentions_in(text: Text, names: Names) -> Iterator[Mention]:
    """Yield the Services that a text names."""
    value = text.value
    address = ":" in value or "." in value or "=" in value
    if not value or not (address or may_mean_host(text.key)):
        return
    key = meaning_of(text.key)
    if key.stranger or not (address or key.host):
        return  # words at most are no evidence here
    bare = key.host and _MORE_THAN_HOSTS.isdisjoint(value.strip().replace(", ", ","))
    for host in hosts(value, MAX_PARTS):
        if host.key and meaning_of(host.key).stranger:
            continue
        if host.form is Form.WORD and not (host.key or bare):
            continue
        if _is_file(host) and not (key.host or host.key):
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


def _is_file(host: Host) -> bool:
    """Return whether a word may be a file, such as `store.py`, rather than a Service in a namespace."""
    name, _, ending = host.name.rpartition(".")
    return host.form is Form.QUALIFIED and host.port is None and ending in _FILE_ENDINGS and "." not in name


def _named(host: Host, names: Names) -> Iterator[_Named]:
    """Yield what a host may be called after; `db-0.db` is a pod's name or, less likely, a Service in a namespace."""
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
    """Whether a pod of a StatefulSet may have the name: `db-0`."""
    stem, dash, number = name.rpartition("-")
    return bool(stem and dash) and number.isdecimal()
