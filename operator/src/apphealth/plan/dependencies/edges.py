"""Find the Services that a workload needs, as its rules, its annotation and its configuration name them.

Only Services that exist count, and never those that select the workload's own pods. Confidence: declared by users 1.0;
a URL, DSN, `host:port` or qualified name 0.9; a bare name whose key means a host 0.7; a NetworkPolicy 0.6; any other
bare name is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from apphealth.api.rule import Rule
from apphealth.model.service import Service, ServiceKey, ServicePort
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.cycles import Cycle, cycle_finding, find_cycle
from apphealth.plan.dependencies.evidence.commandline import command_line
from apphealth.plan.dependencies.evidence.declared import by_annotation, by_rules, dependable_services
from apphealth.plan.dependencies.evidence.environment import ConfigMaps, environment, variables
from apphealth.plan.dependencies.evidence.files import files
from apphealth.plan.dependencies.evidence.mention import USER_WORD, Mention
from apphealth.plan.dependencies.evidence.text import Names, mentions_in
from apphealth.plan.facts import Neighbour, Neighbours, Options
from apphealth.plan.findings import DEPENDENCY_MISSING, TOO_MANY_DEPENDENCIES, Finding

_POD_NAME = "statefulset.kubernetes.io/pod-name"
_POD_LABELS = frozenset({_POD_NAME, "apps.kubernetes.io/pod-index"})
MAX_DEPENDENCIES = 64
"""Most dependencies of one workload; those with the highest confidence are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A Service that the workload needs, with the evidence."""

    service: Service
    port: ServicePort | None
    """None if the Service has no port and no mention names one."""
    required: bool
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived:
    """The dependencies of one workload, as far as its own facts tell them."""

    edges: tuple[Edge, ...] = ()
    mentions: frozenset[ServiceKey] = frozenset()
    """The Services that are named, existing or not."""
    findings: tuple[Finding, ...] = ()
    cycle: Cycle | None = None
    """The cycle of required edges that this workload is part of: none of them counts as required."""

    @property
    def broken(self) -> frozenset[ServiceKey]:
        """The Services that rules require, and that don't count as required because they lead back to the workload."""
        return self.cycle.services if self.cycle is not None else frozenset()


def plan_dependencies(
    workload: Workload, rules: Sequence[Rule], own_services: Sequence[Service], neighbours: Neighbours
) -> Derived:
    """Find the Services that a workload needs.

    Parameters
    ----------
    workload
        The workload.
    rules
        The rules that select it, the weakest first.
    own_services
        The Services that select its pods: it never depends on them.
    neighbours
        The Services that it may depend on, and the places that name them.
    """
    own = {service.key for service in own_services}
    own |= {key for key, neighbour in neighbours.services.items() if _is_of_own_pod(neighbour.service, workload)}
    counts = dependable_services(rules, own)
    declared = (*by_annotation(workload), *by_rules(rules, workload))
    mentions = [m for m in (*declared, *sorted(neighbours.mentions, key=_likeliest)) if counts(m.service)]
    edges = _edges(mentions, neighbours.services)
    findings = list(_missing(mentions, neighbours.services))
    if len(edges) > MAX_DEPENDENCIES:
        findings.append(TOO_MANY_DEPENDENCIES(named=len(edges), kept=MAX_DEPENDENCIES))
    derived = Derived(
        edges=tuple(_likeliest_of(edges)),
        mentions=frozenset(mention.service for mention in mentions),
        findings=tuple(findings),
    )
    return _without_cycle(derived, workload, neighbours)


def _is_of_own_pod(service: Service, workload: Workload) -> bool:
    """Return whether a Service selects single pods of a StatefulSet, by a label that Kubernetes gives to each."""
    if workload.kind != "StatefulSet" or service.namespace != workload.namespace:
        return False
    rest = {key: value for key, value in service.selector.items() if key not in _POD_LABELS}
    if len(rest) == len(service.selector) or any(workload.pod_labels.get(key) != rest[key] for key in rest):
        return False
    name, _, number = service.selector.get(_POD_NAME, f"{workload.name}-0").rpartition("-")
    return name == workload.name and number.isdecimal() and (bool(rest) or _POD_NAME in service.selector)


def named_services(workload: Workload, rules: Sequence[Rule], found: Iterable[Mention]) -> set[ServiceKey]:
    """Return the Services that a workload's rules, annotation and configuration name, existing or not.

    Parameters
    ----------
    workload, rules
        As for `plan_dependencies`.
    found
        The mentions in its configuration.
    """
    return {mention.service for mention in (*by_annotation(workload), *by_rules(rules, workload), *found)}


def find_mentions(
    workload: Workload, config_maps: ConfigMaps, addresses: Mapping[str, ServiceKey], options: Options
) -> tuple[Mention, ...]:
    """Find the places in a workload's configuration that name Services, existing or not.

    Parameters
    ----------
    workload
        The workload: the environment, command lines and files of its containers are read.
    config_maps
        The text of ConfigMaps, by (namespace, name).
    addresses
        The Services by their cluster IPs.
    options
        The options, with the cluster's domain.
    """
    names = Names(workload.namespace, addresses, options.cluster_domain)
    found: list[Mention] = []
    for container in workload.containers:
        known = variables(container, workload.namespace, config_maps)
        for text in chain(
            environment(container, known),
            command_line(container, known),
            files(container, workload.namespace, config_maps),
        ):
            found += mentions_in(text, names)
    return tuple(found)


def _without_cycle(derived: Derived, workload: Workload, neighbours: Neighbours) -> Derived:
    required = {edge.service.key for edge in derived.edges if edge.required}
    cycle = find_cycle(workload.key, required, neighbours.requirements) if required else None
    if cycle is None:
        return derived
    edges = (replace(edge, required=edge.required and edge.service.key not in cycle.services) for edge in derived.edges)
    return replace(
        derived,
        edges=tuple(edges),
        findings=(*derived.findings, cycle_finding(cycle)),
        cycle=cycle,
    )


def _edges(mentions: Iterable[Mention], services: Mapping[ServiceKey, Neighbour]) -> list[Edge]:
    """Return an edge for each Service that exists and is mentioned."""
    by_service: dict[ServiceKey, list[Mention]] = {}
    for mention in mentions:
        neighbour = services.get(mention.service)
        if neighbour is not None and _meant(neighbour.service, mention):
            by_service.setdefault(mention.service, []).append(mention)
    return [_edge(services[key].service, found) for key, found in by_service.items()]


def _likeliest_of(edges: Sequence[Edge]) -> list[Edge]:
    """Return the `MAX_DEPENDENCIES` edges to keep: required ones first, then the highest confidence."""
    ranked = sorted(edges, key=lambda edge: (not edge.required, -edge.confidence, edge.service.key))
    return sorted(ranked[:MAX_DEPENDENCIES], key=lambda edge: edge.service.key)


def _edge(service: Service, found: Sequence[Mention]) -> Edge:
    asked = next((mention.port for mention in found if mention.port is not None), None)
    return Edge(
        service=service,
        port=_port(service, asked),
        required=any(mention.required for mention in found),
        confidence=max(mention.confidence for mention in found),
        evidence=tuple(dict.fromkeys(mention.evidence for mention in found))[:8],
    )


def _port(service: Service, asked: int | str | None) -> ServicePort | None:
    """Return the port asked for by number or name, else the Service's first TCP port."""
    tcp = [port for port in service.ports if port.protocol == "TCP"]
    named = [port for port in tcp if asked in (port.number, port.name)]
    if not named and isinstance(asked, int) and _leaves_ports_open(service):
        return ServicePort(asked, "", asked, "TCP", "")
    return next(iter(named or tcp), None)


def _meant(service: Service, mention: Mention) -> bool:
    """Return whether a mention can mean this Service."""
    if mention.pod and not service.headless:
        return False
    if not mention.port_tells or _leaves_ports_open(service):
        return True
    return any(mention.port == own.number for own in service.ports)


def _leaves_ports_open(service: Service) -> bool:
    """Return whether the Service's name resolves to pods or leaves the cluster: then any port may be open."""
    return bool(service.external_name) or service.headless or not service.ports


def _likeliest(mention: Mention) -> tuple[float, str, str]:
    """Return the sort key of a mention: the order of variables must not matter."""
    return (-mention.confidence, mention.evidence, str(mention.port))


def _missing(mentions: Iterable[Mention], services: Mapping[ServiceKey, Neighbour]) -> Iterator[Finding]:
    """Yield a finding for each Service that users declare and that doesn't exist."""
    for mention in mentions:
        if mention.confidence == USER_WORD and mention.service not in services:
            yield DEPENDENCY_MISSING(evidence=mention.evidence, service=mention.service)
