"""The next wave: which of the workloads that wait are changed now.

| what holds a workload back | how long |
|---|---|
| an obstacle of its own: its owner's rollout, a paused Deployment, a PodDisruptionBudget | until it is gone |
| a rule that is paused | until it is resumed |
| a halted rule: more of its workloads have failed than it bears | until it is edited, or workloads are retried |
| the rule's windows, unless what is there is broken | until one opens |
| canaries of its family: one at a time, before all others | until enough of them are well |
| the rule's budget, in all and in its namespace | until a workload in flight is well |

Each rule that selects a workload must let it go, so of several the strictest wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from apphealth.model.workload import WorkloadKey
from apphealth.rollout.budget import Budget
from apphealth.rollout.windows import is_open


class Hold(StrEnum):
    """Why a workload waits."""

    OBSTACLE = "obstacle"
    PAUSED = "paused"
    HALTED = "halted"
    WINDOW = "window"
    CANARY = "canary"
    NAMESPACE = "namespace"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A workload that is to be changed, or is being changed.

    Attributes
    ----------
    key
        The workload.
    rules
        The names of the rules whose budgets it takes part in.
    family
        Its presets and images without tags: workloads that a probe probably does the same to.
    depth
        How many workloads in a row depend on it: those that others require come last.
    restoring
        Whether our probes are taken out: there is no canary for that, and a halted rule doesn't stop it.
    broken
        Whether what is there is broken, and the change may mend it: it waits for no window.
    obstacle
        Why it can't be changed now, whatever the budget; empty if it can.
    """

    key: WorkloadKey
    rules: tuple[str, ...] = ()
    family: str = ""
    depth: int = 0
    restoring: bool = False
    broken: bool = False
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The decision about one candidate."""

    key: WorkloadKey
    hold: Hold | None = None
    """None: it is changed now."""
    rule: str = ""
    """The rule that holds it back; empty for an obstacle."""


def next_wave(
    candidates: Iterable[Candidate], in_flight: Iterable[Candidate], budgets: Mapping[str, Budget], now: datetime
) -> tuple[WorkloadKey, ...]:
    """Return the workloads that are changed now, in their order.

    Parameters
    ----------
    candidates
        The workloads that wait.
    in_flight
        The workloads that were changed, and are not yet well for long enough.
    budgets
        What each rule allows now, by its name. A rule without a budget allows everything.
    now
        The time, with a time zone.
    """
    return tuple(turn.key for turn in turns(candidates, in_flight, budgets, now) if turn.hold is None)


def turns(
    candidates: Iterable[Candidate], in_flight: Iterable[Candidate], budgets: Mapping[str, Budget], now: datetime
) -> tuple[Turn, ...]:
    """Decide about each candidate: whether it is changed now, or what holds it back. Parameters as of `next_wave`."""
    taken = _Taken(in_flight)

    @cache
    def opened(rule: str) -> bool:
        return is_open(budgets[rule].limits.windows, now)

    found: list[Turn] = []
    for candidate in sorted(candidates, key=lambda one: _order(one, budgets)):
        named = [budgets[rule] for rule in candidate.rules if rule in budgets]
        holds = ((hold, budget.rule) for budget in named for hold in _holds(candidate, budget, taken, opened))
        hold, rule = next(holds, (None, "")) if not candidate.obstacle else (Hold.OBSTACLE, "")
        if hold is None:
            taken.add(candidate)
        found.append(Turn(candidate.key, hold, rule))
    return tuple(found)


class _Taken:
    """The places that are taken, by rule: in all, by namespace, and by family."""

    def __init__(self, in_flight: Iterable[Candidate]) -> None:
        self.all: Counter[str] = Counter()
        self.by_namespace: Counter[tuple[str, str]] = Counter()
        self.by_family: Counter[tuple[str, str]] = Counter()
        for candidate in in_flight:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        """Take the place of a workload with each of its rules."""
        for rule in candidate.rules:
            self.all[rule] += 1
            self.by_namespace[rule, candidate.key.namespace] += 1
            self.by_family[rule, candidate.family] += 1


def _holds(candidate: Candidate, budget: Budget, taken: _Taken, opened: Callable[[str], bool]) -> Iterator[Hold]:
    """Yield what holds a candidate back with one rule."""
    rule, limits = budget.rule, budget.limits
    if limits.paused:
        yield Hold.PAUSED
    if budget.halted and not candidate.restoring:
        yield Hold.HALTED
    if not candidate.broken and not opened(rule):
        yield Hold.WINDOW
    if _needs_canaries(candidate, budget) and taken.by_family[rule, candidate.family]:
        yield Hold.CANARY
    if limits.per_namespace is not None and taken.by_namespace[rule, candidate.key.namespace] >= limits.per_namespace:
        yield Hold.NAMESPACE
    if taken.all[rule] >= budget.concurrent:
        yield Hold.BUDGET


def _needs_canaries(candidate: Candidate, budget: Budget) -> bool:
    return bool(budget.limits.canaries) and not candidate.restoring and candidate.family not in budget.proven


def _order(candidate: Candidate, budgets: Mapping[str, Budget]) -> tuple[object, ...]:
    """Order candidates: what may mend something, canaries, what nobody requires; then namespace by namespace."""
    proven = all(not _needs_canaries(candidate, budgets[rule]) for rule in candidate.rules if rule in budgets)
    kind, namespace, name = candidate.key
    return not candidate.broken, proven, candidate.depth, namespace, name, kind


def depths(requires: Mapping[WorkloadKey, Sequence[WorkloadKey]]) -> Mapping[WorkloadKey, int]:
    """Return how many workloads in a row depend on each workload that others require.

    Parameters
    ----------
    requires
        From each workload to those that it requires. In a cycle, each counts once.
    """
    found: dict[WorkloadKey, int] = {}
    for start in requires:
        todo = [(start, 0, frozenset({start}))]
        while todo:
            key, depth, before = todo.pop()
            for other in requires.get(key, ()):
                if other not in before and found.get(other, 0) < depth + 1:
                    found[other] = depth + 1
                    todo.append((other, depth + 1, before | {other}))
    return found
