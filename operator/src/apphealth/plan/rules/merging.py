"""Merge rules and annotations into settings: field by field the later layer wins.

Layers, the weakest first: the rules in the order of `selection.selecting`, each with its own general fields below its
`containers` entries ('*' below the entry by name); above all rules, the annotations of the pod template. Two rules of
equal rank that set a field to different values are in conflict; the one that comes first in that order loses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apphealth.api import spec as api
from apphealth.api.rule import Rule, RuleKey
from apphealth.model.probe import KINDS
from apphealth.plan.result import Conflict
from apphealth.plan.rules.annotations import Annotations
from apphealth.plan.rules.selection import Rank, rank
from apphealth.plan.rules.settings import ContainerSettings, ProbeSettings, Sourced, WorkloadSettings

EVERY_CONTAINER = "*"
_WORKLOAD_FIELDS = ("verification", "existing_probes", "defaults_version")
_UNSET = api.ProbeSettings()
_NO_PROBES = api.ProbesSettings()


@dataclass(frozen=True, slots=True)
class _Layer:
    """The fields that one layer sets, by name: `preset`, `liveness.path`."""

    source: str
    values: Mapping[str, Any]
    rule: RuleKey | None = None
    """None for annotations."""
    rank: Rank | None = None


@dataclass(slots=True)
class _Merged:
    """The effective values by field name, and the conflicts between rules."""

    values: dict[str, Sourced[Any]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def workload_settings(rules: Sequence[Rule]) -> WorkloadSettings:
    """Merge the rules' settings of a workload as a whole.

    Parameters
    ----------
    rules
        The rules that select it, the weakest first.
    """
    merged = _merge(_workload_layers(rules))
    values = {name: sourced.value for name, sourced in merged.values.items()}
    return WorkloadSettings(**values, conflicts=tuple(merged.conflicts))


def container_settings(rules: Sequence[Rule], container: str, annotations: Annotations) -> ContainerSettings:
    """Merge the settings of one container from rules and annotations.

    Parameters
    ----------
    rules
        The rules that select the workload, the weakest first.
    container
        The container's name.
    annotations
        The annotations of the pod template.
    """
    merged = _merge(_container_layers(rules, container, annotations))
    own: dict[str, Any] = {}
    probes: dict[str, dict[str, Any]] = {}
    for name, sourced in merged.values.items():
        kind, dot, probe_field = name.partition(".")
        if dot:
            probes.setdefault(kind, {})[probe_field] = sourced
        else:
            own[name] = sourced
    own |= {kind: ProbeSettings(**values) for kind, values in probes.items()}
    listed = any(entry.name in (EVERY_CONTAINER, container) for rule in rules for entry in rule.spec.containers)
    return ContainerSettings(
        **own,
        listed=listed,
        conflicts=tuple(merged.conflicts),
    )


def listed_containers(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the containers that rules list by name, each with the rule that does."""
    return {
        entry.name: source_of(rule) for rule in rules for entry in rule.spec.containers if entry.name != EVERY_CONTAINER
    }


def source_of(rule: Rule) -> str:
    """Return a rule's name as users see it: `AppHealth shop`, `ClusterAppHealth standard`."""
    return f"{rule.kind} {rule.name}"


def _workload_layers(rules: Iterable[Rule]) -> Iterator[_Layer]:
    for rule in rules:
        spec = rule.spec
        values = {name: getattr(spec, name) for name in _WORKLOAD_FIELDS}
        values |= {"discover": spec.dependencies.discover, "deliver": spec.dependencies.deliver}
        yield _Layer(source_of(rule), values, rule.key, rank(rule))


def _container_layers(rules: Iterable[Rule], container: str, annotations: Annotations) -> Iterator[_Layer]:
    for rule in rules:
        spec, source, key, strength = rule.spec, source_of(rule), rule.key, rank(rule)
        general = {"preset": spec.preset, "path_prefix": spec.path_prefix}
        yield _Layer(source, general | _probe_fields(spec.probes), key, strength)
        for name in (EVERY_CONTAINER, container) if spec.containers else ():
            for entry in (entry for entry in spec.containers if entry.name == name):
                own = {"enabled": entry.enabled, "preset": entry.preset, "path_prefix": entry.path_prefix}
                yield _Layer(f"{source}, containers '{name}'", own | _probe_fields(entry.probes), key, strength)
    for annotation, (setting, value) in annotations.values.items():
        yield _Layer(f"annotation {annotation}", {setting: value})


def _probe_fields(probes: api.ProbesSettings) -> dict[str, Any]:
    """Return the fields of all probes by their full names: `liveness.period_seconds`."""
    if probes == _NO_PROBES:
        return {}
    return {
        f"{kind}.{name}": getattr(settings, name)
        for kind in KINDS
        if (settings := getattr(probes, kind)) != _UNSET
        for name in settings.__struct_fields__
    }


def _merge(layers: Iterable[_Layer]) -> _Merged:
    merged = _Merged()
    holders: dict[str, _Layer] = {}
    for layer in layers:
        for name, value in layer.values.items():
            if value is None:
                continue
            before = holders.get(name)
            if before is not None and before.rule and layer.rule and _conflict(before, layer, name):
                merged.conflicts.append(Conflict(loser=before.rule, winner=layer.rule, field=name))
            merged.values[name] = Sourced(value, layer.source)
            holders[name] = layer
    return merged


def _conflict(before: _Layer, after: _Layer, name: str) -> bool:
    return before.rank == after.rank and before.rule != after.rule and before.values[name] != after.values[name]
