"""The outcome of each workload's last reconciliation, indexed by the rules, Services and ConfigMaps it depends on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from apphealth.api.healthplan import State, VerificationState
from apphealth.api.rule import RuleKey
from apphealth.api.status import Reason
from apphealth.model.multimap import MultiMap
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.result import Conflict
from apphealth.store.config_maps import ConfigMapKey

T = TypeVar("T", bound=Hashable)


class Coverage(StrEnum):
    """Whether a workload has any probe once its plan is carried out."""

    COVERED = "Covered"
    WITHOUT_PROBES = "WithoutProbes"
    UNKNOWN = "Unknown"
    """Not decided yet: pods have to answer first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of the last reconciliation of a selected workload."""

    state: State
    rules: tuple[RuleKey, ...] = ()
    """The rules that select the workload."""
    mentions: tuple[ServiceKey, ...] = ()
    """Services named by the workload: the plan changes when one of them is created, changed or deleted."""
    requires: tuple[ServiceKey, ...] = ()
    """Services that the workload's readiness depends on."""
    config_maps: tuple[ConfigMapKey, ...] = ()
    """ConfigMaps whose text the plan was made from."""
    conflicts: tuple[Conflict, ...] = ()
    verification: VerificationState | None = None
    """The worst verification state of the planned probes; None if no probe of ours is planned."""
    probes: tuple[VerificationState, ...] = ()
    """The verification state of each planned probe."""
    waiting: bool = False
    """Whether a ready pod could change the plan."""
    proof: str = ""
    """What the pods answered to the probe with the worst verification state."""
    coverage: Coverage = Coverage.UNKNOWN
    would_restart: bool = False
    """Whether the workload's pods would restart if its rules in mode Audit were enforced."""
    problem: Reason | None = None
    """Why the plan can't be carried out: a reason of the condition Degraded."""
    message: str = ""
    """The problem in one sentence."""
    waits: str = ""
    """What a workload in state Waiting waits for."""
    lacks: tuple[tuple[RuleKey, str], ...] = ()
    """The containers that it doesn't have, of those that its rules for many workloads list."""
    findings: tuple[str, ...] = ()
    """The ids of the plan's findings."""
    family: str = ""
    """Its presets and images: workloads that a probe probably does the same to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The objects that a plan was made from: a change of one of them concerns the workload."""

    rules: tuple[RuleKey, ...] = ()
    mentions: tuple[ServiceKey, ...] = ()
    config_maps: tuple[ConfigMapKey, ...] = ()


class Outcomes:
    """The outcomes of all selected workloads.

    Attributes
    ----------
    requiring
        The Services that workloads require, without those that require none. Read it only.
    requirements
        A number that rises with each change of `requiring`.
    """

    def __init__(self) -> None:
        self._outcomes: dict[WorkloadKey, Outcome] = {}
        self._expected: dict[WorkloadKey, Sources] = {}
        self._by_rule: MultiMap[RuleKey, WorkloadKey] = MultiMap()
        self._by_service: MultiMap[ServiceKey, WorkloadKey] = MultiMap()
        self._by_config_map: MultiMap[ConfigMapKey, WorkloadKey] = MultiMap()
        self._failed: MultiMap[RuleKey, WorkloadKey] = MultiMap()
        self.requiring: dict[WorkloadKey, tuple[ServiceKey, ...]] = {}
        self.requirements = 0

    def get(self, key: WorkloadKey) -> Outcome | None:
        """Return a workload's outcome; None if no rule selects it or it has not been reconciled yet."""
        return self._outcomes.get(key)

    def expect(self, key: WorkloadKey, sources: Sources) -> None:
        """Index what a plan was made from before it is carried out, since it may change while requests are answered.

        Parameters
        ----------
        key
            The workload.
        sources
            What its new plan was made from. They count beside those of its last outcome until the next one is stored.
        """
        before = self._expected.get(key, _NO_SOURCES)
        self._expected[key] = Sources(
            rules=_both(before.rules, sources.rules),
            mentions=_both(before.mentions, sources.mentions),
            config_maps=_both(before.config_maps, sources.config_maps),
        )
        self._index(key, _NO_SOURCES, sources)

    def put(self, key: WorkloadKey, outcome: Outcome | None) -> frozenset[RuleKey]:
        """Store an outcome.

        Parameters
        ----------
        key
            The workload.
        outcome
            Its new outcome; None: no rule selects the workload any more.

        Returns
        -------
        frozenset[RuleKey]
            The rules that selected the workload before or select it now; none if the outcome is as it was.
        """
        before = self._outcomes.get(key)
        old, new = before or _NOTHING, outcome or _NOTHING
        self._index(key, self._expected.pop(key, _NO_SOURCES), _NO_SOURCES)
        self._index(key, old, new)
        if before == outcome:
            return frozenset()
        _move(self._failed, key, *(one.rules if one.state is State.ROLLED_BACK else () for one in (old, new)))
        if old.requires != new.requires:
            self.requirements += 1
            self.requiring.pop(key, None)
            if new.requires:
                self.requiring[key] = new.requires
        if outcome is None:
            self._outcomes.pop(key, None)
        else:
            self._outcomes[key] = outcome
        return frozenset((*old.rules, *new.rules))

    def all(self) -> Iterable[Outcome]:
        """Return the outcomes of all selected workloads."""
        return self._outcomes.values()

    def workloads(self) -> frozenset[WorkloadKey]:
        """Return all workloads that have an outcome."""
        return frozenset(self._outcomes)

    def ruled_by(self, rule: RuleKey) -> frozenset[WorkloadKey]:
        """Return the workloads that a rule selected at their last reconciliation."""
        return frozenset(self._by_rule.get(rule))

    def size(self, rule: RuleKey) -> int:
        """Return how many workloads a rule selected at their last reconciliation."""
        return len(self._by_rule.get(rule))

    def failed(self, rule: RuleKey) -> frozenset[WorkloadKey]:
        """Return the workloads of a rule whose probes were taken back because they did harm."""
        return frozenset(self._failed.get(rule))

    def mentioning(self, service: ServiceKey) -> frozenset[WorkloadKey]:
        """Return the workloads whose plan names a Service."""
        return frozenset(self._by_service.get(service))

    def reading(self, config_map: ConfigMapKey) -> frozenset[WorkloadKey]:
        """Return the workloads whose plan was made from a ConfigMap's text."""
        return frozenset(self._by_config_map.get(config_map))

    def _index(self, key: WorkloadKey, before: Outcome | Sources, now: Outcome | Sources) -> None:
        _move(self._by_rule, key, before.rules, now.rules)
        _move(self._by_service, key, before.mentions, now.mentions)
        _move(self._by_config_map, key, before.config_maps, now.config_maps)


_NOTHING = Outcome(state=State.SKIPPED)
_NO_SOURCES = Sources()


def _both(some: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*some, *others)))


def _move(index: MultiMap[T, WorkloadKey], key: WorkloadKey, before: Iterable[T], after: Iterable[T]) -> None:
    for item in before:
        index.discard(item, key)
    for item in after:
        index.add(item, key)
