"""What the last look at each workload came to, and from there back: who is concerned when something changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from apphealth.api.healthplan import Standing, State
from apphealth.api.rule import RuleKey
from apphealth.api.status import Reason
from apphealth.model.multimap import MultiMap
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.result import Conflict

ConfigMapKey = tuple[str, str]
"""Namespace and name."""
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the last look at a selected workload came to."""

    state: State
    rules: tuple[RuleKey, ...] = ()
    mentions: tuple[ServiceKey, ...] = ()
    """Services whose coming, going or changing would change the plan."""
    requires: tuple[ServiceKey, ...] = ()
    """Services that its readiness follows."""
    config_maps: tuple[ConfigMapKey, ...] = ()
    """ConfigMaps whose text was read for it."""
    conflicts: tuple[Conflict, ...] = ()
    standing: Standing | None = None
    """How its probes stand to the proof on running pods: the worst of them; None where nothing of ours is wanted."""
    waiting: bool = False
    """With a ready pod, there may be more to it."""
    proof: str = ""
    """What running pods answered, of the probe that stands worst."""
    problem: Reason | None = None
    """Why it can't be carried out: a reason of the condition Degraded."""
    message: str = ""
    """The problem in one sentence."""


class Ledger:
    """The outcomes of all selected workloads."""

    def __init__(self) -> None:
        self._outcomes: dict[WorkloadKey, Outcome] = {}
        self._by_rule: MultiMap[RuleKey, WorkloadKey] = MultiMap()
        self._by_service: MultiMap[ServiceKey, WorkloadKey] = MultiMap()
        self._by_config_map: MultiMap[ConfigMapKey, WorkloadKey] = MultiMap()

    def get(self, key: WorkloadKey) -> Outcome | None:
        """Return a workload's outcome; None where no rule selects it, or it has not been looked at yet."""
        return self._outcomes.get(key)

    def put(self, key: WorkloadKey, outcome: Outcome | None) -> frozenset[RuleKey]:
        """Write down an outcome; None: no rule selects it any more. Returns the rules that it concerns, then or now."""
        before = self._outcomes.get(key)
        old, new = before or _NOTHING, outcome or _NOTHING
        _move(self._by_rule, key, old.rules, new.rules)
        _move(self._by_service, key, old.mentions, new.mentions)
        _move(self._by_config_map, key, old.config_maps, new.config_maps)
        if outcome is None:
            self._outcomes.pop(key, None)
        else:
            self._outcomes[key] = outcome
        return frozenset((*old.rules, *new.rules))

    def ruled_by(self, rule: RuleKey) -> frozenset[WorkloadKey]:
        """Return the workloads that a rule selected when they were last looked at."""
        return frozenset(self._by_rule.get(rule))

    def mentioning(self, service: ServiceKey) -> frozenset[WorkloadKey]:
        """Return the workloads whose plan names a Service."""
        return frozenset(self._by_service.get(service))

    def reading(self, config_map: ConfigMapKey) -> frozenset[WorkloadKey]:
        """Return the workloads whose plan was made from a ConfigMap's text."""
        return frozenset(self._by_config_map.get(config_map))


_NOTHING = Outcome(state=State.SKIPPED)


def _move(index: MultiMap[T, WorkloadKey], key: WorkloadKey, before: Iterable[T], after: Iterable[T]) -> None:
    for item in before:
        index.discard(item, key)
    for item in after:
        index.add(item, key)
