"""The next wave: which of the workloads that wait are changed now.

| what holds a workload back | how long |
|---|---|
| an obstacle of its own: its owner's rollout, a paused Deployment, a PodDisruptionBudget | until it is gone |
| a rule that is paused | until it is resumed |
| a halted rule: more of its workloads have failed than it bears | until it is edited, or workloads are retried |
| the rule's windows, unless what is there is broken | until one opens |
| pods with the probes of its earlier passes, which must be well first | until the soak is over |
| canaries of its family: one at a time, before all others | until enough of them are well |
| the rule's budget, in all and in its namespace | until a workload in flight is well |

Each rule that selects a workload must let it go, so of several the strictest wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from apphealth.model.workload import WorkloadKey
from apphealth.rollout.budget import Budget
from apphealth.rollout.windows import is_open


class Hold(StrEnum):
    """Why a workload waits."""

    OBSTACLE = "obstacle"
    PAUSED = "paused"
    HALTED = "halted"
    SOAK = "soak"
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
    after
        The kinds of the probes that its earlier passes have added (`spec.rollout.stages`); none: its first pass.
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
    after: tuple[str, ...] = ()
    depth: int = 0
    restoring: bool = False
    broken: bool = False
    obstacle: str = ""

    @property
    def group(self) -> str:
        """Its family and its pass: workloads that share canaries."""
        return f"{self.family} after {', '.join(self.after)}" if self.after else self.family


@dataclass(frozen=True, slots=True)
class Turn:
    """The decision about one candidate."""

    key: WorkloadKey
    hold: Hold | None = None
    """None: it is changed now."""
    rule: str = ""
    """The rule that holds it back; empty for an obstacle, and while it has to stay well."""


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
    """Decide about each candidate: whether it is changed now, or what holds it back.

    Parameters
    ----------
    candidates, in_flight, budgets, now
        As for `next_wave`.
    """
    gates = {rule: _Gate(budget, now) for rule, budget in budgets.items()}
    flying = set()
    for candidate in in_flight:
        _take(candidate, gates)
        flying.add(candidate.key)
    found: list[Turn] = []
    for candidate in sorted(candidates, key=lambda one: _order(one, gates)):
        hold, rule = _held(candidate, gates)
        if candidate.after and candidate.key in flying:
            hold, rule = Hold.SOAK, ""
        elif candidate.obstacle:
            hold, rule = Hold.OBSTACLE, ""
        if hold is None:
            _take(candidate, gates)
        found.append(Turn(candidate.key, hold, rule))
    return tuple(found)


def _held(candidate: Candidate, gates: Mapping[str, _Gate]) -> tuple[Hold | None, str]:
    """Return what holds a candidate back, and the rule that does; None if every rule lets it go."""
    for rule in candidate.rules:
        gate = gates.get(rule)
        if gate is not None and (hold := gate.hold(candidate)) is not None:
            return hold, rule
    return None, ""


def _take(candidate: Candidate, gates: Mapping[str, _Gate]) -> None:
    for rule in candidate.rules:
        if (gate := gates.get(rule)) is not None:
            gate.take(candidate)


class _Gate:
    """What one rule allows, and the places of it that are taken. With 10,000 candidates each look-up counts."""

    def __init__(self, budget: Budget, now: datetime) -> None:
        limits = budget.limits
        self._paused, self._halted = limits.paused, budget.halted
        self._open = is_open(limits.windows, now)
        self._canaries, self._proven = bool(limits.canaries), budget.proven
        self._concurrent, self._per_namespace = budget.concurrent, limits.per_namespace
        self._taken = 0
        self._namespaces: Counter[str] = Counter()
        self._groups: Counter[str] = Counter()

    def take(self, candidate: Candidate) -> None:
        """Take a place for a workload."""
        self._taken += 1
        self._namespaces[candidate.key.namespace] += 1
        self._groups[candidate.group] += 1

    def needs_canaries(self, candidate: Candidate) -> bool:
        """Return whether a workload's family has too few canaries that are well."""
        return self._canaries and not candidate.restoring and candidate.group not in self._proven

    def hold(self, candidate: Candidate) -> Hold | None:
        """Return what holds a workload back, or None."""
        if self._paused:
            return Hold.PAUSED
        if self._halted and not candidate.restoring:
            return Hold.HALTED
        if not self._open and not candidate.broken:
            return Hold.WINDOW
        if self._taken >= self._concurrent:
            return Hold.BUDGET
        if self._groups[candidate.group] and self.needs_canaries(candidate):
            return Hold.CANARY
        if self._per_namespace is not None and self._namespaces[candidate.key.namespace] >= self._per_namespace:
            return Hold.NAMESPACE
        return None


def _order(candidate: Candidate, gates: Mapping[str, _Gate]) -> tuple[object, ...]:
    """Order candidates: what may mend something, first passes, canaries, what nobody requires; then by namespace."""
    canary = any(rule in gates and gates[rule].needs_canaries(candidate) for rule in candidate.rules)
    kind, namespace, name = candidate.key
    return not candidate.broken, bool(candidate.after), not canary, candidate.depth, namespace, name, kind


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
