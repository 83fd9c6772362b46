"""The objects of manifests, put into the `World` that plans are made from.

In files there are no field managers: managedFields, which a dump of a cluster has, are left out, so that every field
belongs to the author of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from apphealth.api import GROUP
from apphealth.api.errors import InvalidResource, quoted
from apphealth.api.parse import parse_rule
from apphealth.api.rule import Rule, RuleKind
from apphealth.cli.manifests.documents import Item, Manifest, ObjectPath
from apphealth.cli.manifests.problems import Problem
from apphealth.model.network_policy import parse_network_policy
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import parse_config_map, parse_namespace, parse_service
from apphealth.model.workload import Workload
from apphealth.store.world import World

_PATH = re.compile(r"\[(\d+)\]|[^.\[\]\"]+")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
"""A DNS-1123 subdomain, which names of all these kinds must be."""
_Identity = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class Placed:
    """A workload, and the object that it was parsed from."""

    item: Item
    workload: Workload


@dataclass(slots=True, kw_only=True)
class Inventory:
    """The objects of the input, by their kinds."""

    namespace: str
    """The namespace of objects that name none."""
    inferred: str = ""
    """Where that was inferred, a line that says so."""
    world: World
    variants: bool = False
    """Whether different objects may have one name, as in overlays. The first is used; of workloads, all are kept. And
    whether objects that nothing is written to may have invalid names, such as `${APP}-config`: they are left out."""
    variant_rules: bool = False
    """Whether different rules may have one name, too: the first is used."""
    repeated: list[str] = field(default_factory=list)
    """A line for each object whose name another has, and which doesn't count."""
    workloads: list[Placed] = field(default_factory=list)
    config_maps: dict[tuple[str, str], Item] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    partial: list[Item] = field(default_factory=list)
    """Objects of a workload's kind without its required fields, such as kustomize's patches."""
    _seen: dict[_Identity, Item] = field(default_factory=dict)

    def add(self, items: Iterable[Item]) -> None:
        """Add objects; objects of other kinds are ignored."""
        for item in items:
            identity = (item.value["apiVersion"], item.kind)
            if (reader := _READERS.get(identity)) is not None:
                self._take(item, reader)
            elif str(item.value["apiVersion"]).startswith(f"{GROUP}/"):
                self._add_own(item)

    def _add_own(self, item: Item) -> None:
        """Add a rule. A misspelt kind is a problem: else it would have no effect, and nobody would notice."""
        if item.kind in RuleKind.__members__.values():
            self._take(item, _add_rule)
        elif item.kind != "HealthPlan":
            kinds = {kind.lower(): kind.value for kind in RuleKind}
            near = get_close_matches(item.kind.lower(), kinds, n=1)
            hint = f"did you mean {kinds[near[0]]}?" if near else f"there are {', '.join(RuleKind)}"
            self.problems.append(item.problem(f"there is no kind {quoted(item.kind)} in {GROUP}; {hint}", ("kind",)))

    def add_rules(self, manifests: Iterable[Manifest]) -> None:
        """Add the rules of manifests, and none of their other objects; a folder may hold other files too."""
        read = list(manifests)
        rules = [item for manifest in read for item in manifest.items if item.kind in RuleKind.__members__.values()]
        self.add(rules)
        if not rules:
            words = f"holds no {' and no '.join(RuleKind)}"
            self.problems += [Problem(manifest.source.name, 0, 0, words) for manifest in read]

    def _take(self, item: Item, reader: Callable[[Inventory, Item], None]) -> None:
        if not item.name:
            self._complain_of_name(item)
            return
        if "{{" in item.name:
            message = "its name is the source of a Helm template: render it first (helm template ...)"
            self.problems.append(item.problem(message, ("metadata", "name")))
            return
        if not _NAME.fullmatch(item.name):
            if self.variants and reader in _READ_ONLY:
                return
            message = f"the name {quoted(item.name)} must consist of at most 253 lower-case letters, digits, - and ."
            hint = "; replace its variables first (envsubst, or as your tool does)" if "$" in item.name else ""
            self.problems.append(item.problem(message + hint, ("metadata", "name")))
            return
        identity = (item.kind, item.namespace(self.namespace), item.name)
        if (first := self._seen.setdefault(identity, item)) is not item and first.value != item.value:
            if self.variants and (self.variant_rules or reader is not _add_rule):
                what = f"{item.kind} {identity[1]}/{item.name} is defined twice"
                self.repeated.append(f"{item.place}: {what}: the first counts, {first.place}")
                if reader is _add_workload:
                    _add_workload(self, item, seen=False)
                return
            what = f"{item.kind} {identity[1]}/{item.name} is defined twice, first at {first.place}"
            self.problems.append(item.problem(f"{what}; keep one of them, or render the files separately"))
            return
        reader(self, item)

    def _complain_of_name(self, item: Item) -> None:
        """Add a problem for an object without a name, unless it has generateName."""
        if "generateName" not in item.metadata:
            self.problems.append(item.problem(f"{item.kind} needs a metadata.name, as text", ("metadata", "name")))

    def neutral(self, item: Item) -> dict[str, Any]:
        """Return an object's value with its namespace, and without managedFields."""
        metadata = {key: value for key, value in item.metadata.items() if key != "managedFields"}
        return item.value | {"metadata": metadata | {"namespace": item.namespace(self.namespace)}}


def infer_namespace(manifests: Iterable[Manifest]) -> tuple[str, int]:
    """Find the namespace of objects that name none.

    `helm template` leaves it out of some objects and not of others.

    Parameters
    ----------
    manifests
        The input.

    Returns
    -------
    tuple
        The only namespace that objects name, and the number of objects that name none. If objects name several
        namespaces, or none, or no object lacks one, the namespace is empty.
    """
    named: set[str] = set()
    lacking = 0
    for item in (item for manifest in manifests for item in manifest.items):
        if (item.value["apiVersion"], item.kind) in _READERS and item.kind != "Namespace":
            if namespace := item.namespace(""):
                named.add(namespace)
            else:
                lacking += 1
    return (next(iter(named)), lacking) if len(named) == 1 and lacking else ("", 0)


def _add_workload(inventory: Inventory, item: Item, *, seen: bool = True) -> None:
    """Add a workload; a variant (not `seen`) is not put into the world, where other workloads would see it."""
    spec = item.value.get("spec")
    if not isinstance(spec, Mapping) or "selector" not in spec or not _containers(spec):
        inventory.partial.append(item)
        return
    workload = parse_workload(inventory.neutral(item))
    if seen:
        inventory.world.put_workload(workload)
    inventory.workloads.append(Placed(item=item, workload=workload))


def _containers(spec: Mapping[str, Any]) -> bool:
    template = spec.get("template")
    pod = template.get("spec") if isinstance(template, Mapping) else None
    return isinstance(pod, Mapping) and isinstance(pod.get("containers"), list)


def _add_service(inventory: Inventory, item: Item) -> None:
    inventory.world.put_service(parse_service(inventory.neutral(item)))


def _add_namespace(inventory: Inventory, item: Item) -> None:
    namespace = parse_namespace(item.value)
    inventory.world.namespaces[namespace.name] = namespace


def _add_config_map(inventory: Inventory, item: Item) -> None:
    key = (item.namespace(inventory.namespace), item.name)
    inventory.world.config_maps[key] = parse_config_map(item.value)
    inventory.config_maps[key] = item


def _add_network_policy(inventory: Inventory, item: Item) -> None:
    policy = parse_network_policy(inventory.neutral(item))
    if policy.egress:
        inventory.world.policies.setdefault(policy.namespace, []).append(policy)


def _add_rule(inventory: Inventory, item: Item) -> None:
    try:
        rule: Rule = parse_rule(item.value, default_namespace=inventory.namespace)
    except InvalidResource as error:
        inventory.problems += [
            item.problem(f"{item.kind} {item.name}: {problem}", _object_path(problem.path))
            for problem in error.problems
        ]
    else:
        inventory.world.put_rule(rule)


def _object_path(path: str) -> ObjectPath:
    """Return the parts of a path in the form of `kubectl`: `spec.containers[0].name`."""
    return tuple(int(match[1]) if match[1] else match[0] for match in _PATH.finditer(path))


_READ_ONLY = (_add_config_map, _add_network_policy)
_READERS: dict[tuple[object, str], Callable[[Inventory, Item], None]] = {
    ("apps/v1", "Deployment"): _add_workload,
    ("apps/v1", "StatefulSet"): _add_workload,
    ("apps/v1", "DaemonSet"): _add_workload,
    ("argoproj.io/v1alpha1", "Rollout"): _add_workload,
    ("v1", "Service"): _add_service,
    ("v1", "Namespace"): _add_namespace,
    ("v1", "ConfigMap"): _add_config_map,
    ("networking.k8s.io/v1", "NetworkPolicy"): _add_network_policy,
}
