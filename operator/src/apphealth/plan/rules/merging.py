"""Effective settings: field by field, the later layer wins, and each value keeps where it came from.

built-in defaults < preset < rules, the weakest first (see `selection`), each with its `containers` entries above its
own general settings ('*' below the entry by name) < annotations on the pod template. This module merges what users
said; the defaults and the preset fill what they left open, in `probes` and `numbers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apphealth.api.errors import Problem
from apphealth.api.rule import Rule, RuleKey
from apphealth.api.spec import ContainerSettings, ProbesSettings
from apphealth.model.probe import ProbeKind
from apphealth.plan.memo import Memo
from apphealth.plan.result import Conflict
from apphealth.plan.rules.annotations import ANNOTATIONS, read_annotations
from apphealth.plan.rules.selection import Rank, rank

EVERY_CONTAINER = "*"


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and the layer or evidence that it came from."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer says of one container."""

    source: str
    values: Mapping[str, Any]
    rule: RuleKey | None = None
    rank: Rank | None = None
    """Strength of the rule; rules of equal strength conflict where they differ. None for annotations."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings that users gave for one container, by field name (`preset`, `liveness.path`)."""

    values: Mapping[str, Sourced] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()

    def get(self, name: str) -> Any:  # noqa: ANN401 - the type depends on the field; `api.spec` has validated it
        """Return the value of a field, or None where no user said anything."""
        found = self.values.get(name)
        return None if found is None else found.value

    def sourced(self, name: str) -> Sourced | None:
        """Return the value of a field with its source, or None."""
        return self.values.get(name)

    def says(self, prefix: str) -> bool:
        """Whether users said anything under `prefix`, apart from switching it off."""
        return any(name.startswith(prefix) and name != f"{prefix}enabled" for name in self.values)


_SETTINGS: Memo[Settings] = Memo()


def workload_settings(rules: Sequence[Rule]) -> Settings:
    """Return what the rules say of a workload as a whole."""
    return _SETTINGS.get(tuple(rules), "", lambda: merge(rule_layers(rules)))


def container_settings(rules: Sequence[Rule], container: str, pod_annotations: Mapping[str, str]) -> Settings:
    """Return what rules and annotations say of one container."""
    # Containers that no rule names are all the same to the rules.
    named = container if any(entry.name == container for rule in rules for entry in rule.spec.containers) else "*"
    said = tuple(pod_annotations.get(annotation) for annotation in ANNOTATIONS) if pod_annotations else ()
    return _SETTINGS.get(
        tuple(rules), (named, said), lambda: merge(container_layers(rules, container, pod_annotations))
    )


def rule_layers(rules: Iterable[Rule]) -> Iterator[Layer]:
    """Yield what each rule says of the workload as a whole."""
    for rule in rules:
        spec = rule.spec
        values: dict[str, Any] = {
            "mode": spec.mode,
            "defaults_version": spec.defaults_version,
            "verification": spec.verification,
            "existing_probes": spec.existing_probes,
            "discover": spec.dependencies.discover,
            "deliver": spec.dependencies.deliver,
        }
        yield Layer(source_of(rule), _said(values), rule.key, rank(rule))


def container_layers(rules: Iterable[Rule], container: str, pod_annotations: Mapping[str, str]) -> Iterator[Layer]:
    """Yield what each layer says of one container, the weakest first."""
    for rule in rules:
        spec, source = rule.spec, source_of(rule)
        general = {"preset": spec.preset, "path_prefix": spec.path_prefix}
        yield Layer(source, _said(general) | _flatten(spec.probes), rule.key, rank(rule))
        for name in (EVERY_CONTAINER, container):
            for entry in (entry for entry in spec.containers if entry.name == name):
                yield Layer(f"{source}, containers '{name}'", _entry(entry), rule.key, rank(rule))
    for annotation, (setting, value) in read_annotations(pod_annotations).items():
        if not isinstance(value, Problem):
            yield Layer(f"annotation {annotation}", {setting: value})


def merge(layers: Iterable[Layer]) -> Settings:
    """Merge layers, the weakest first; equals that differ are conflicts, lost by the earlier."""
    values: dict[str, Sourced] = {}
    holders: dict[str, Layer] = {}
    conflicts: list[Conflict] = []
    for layer in layers:
        for name, value in layer.values.items():
            before = holders.get(name)
            if before is not None and _conflict(before, layer, name) and before.rule and layer.rule:
                conflicts.append(Conflict(loser=before.rule, winner=layer.rule, field=name))
            values[name] = Sourced(value, layer.source)
            holders[name] = layer
    return Settings(values, tuple(conflicts))


def _conflict(before: Layer, after: Layer, name: str) -> bool:
    equals = before.rank is not None and before.rank == after.rank and before.rule != after.rule
    return equals and before.values[name] != after.values[name]


def named_containers(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the containers that rules name, with the rule that does; '*' is not a name."""
    return {
        entry.name: source_of(rule) for rule in rules for entry in rule.spec.containers if entry.name != EVERY_CONTAINER
    }


def source_of(rule: Rule) -> str:
    """Name a rule for people: `AppHealth shop`, `ClusterAppHealth standard`."""
    return f"{rule.kind} {rule.name}"


def _entry(entry: ContainerSettings) -> dict[str, Any]:
    general = {"enabled": entry.enabled, "preset": entry.preset, "path_prefix": entry.path_prefix}
    return {"addressed": True} | _said(general) | _flatten(entry.probes)


def _flatten(probes: ProbesSettings) -> dict[str, Any]:
    """Give every field that is set its full name: `liveness.period_seconds`."""
    flat = {}
    for kind in ProbeKind:
        settings = getattr(probes, kind)
        for name in settings.__struct_fields__:
            if (value := getattr(settings, name)) is not None:
                flat[f"{kind}.{name}"] = value
    return flat


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
