"""The gate before a write that restarts pods: it gathers what `next_wave` decides by, and keeps the places.

A workload that asks and may not go yet waits: it is queued again when its turn comes. What is in flight is worked out
from the cluster, so nothing is lost when the operator is killed; only the turns of a wave that was not written yet are.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from apphealth.api.healthplan import RolloutRecord, State
from apphealth.api.rule import RuleKey, parse_rule_key
from apphealth.api.spec import RolloutSettings
from apphealth.kube.errors import KubeError
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan
from apphealth.plan.record import rollout_of
from apphealth.plan.result import Action
from apphealth.rollout.budget import Budget, Limits, limits_of, strictest
from apphealth.rollout.flight import Flight, Phase, begin, found, obstacle, takes_place
from apphealth.rollout.waves import Candidate, Hold, Turn, depths, turns
from apphealth.rollout.windows import describe, next_opening
from apphealth.store.facts import plan_of
from apphealth.store.store import Store

PACE = 0.02
"""Seconds that questions are collected before a wave is worked out."""
SHARE = 5.0
"""The pause between two waves, as a multiple of the time that working out the last one took."""
AGAIN = timedelta(seconds=15)
"""How long a workload waits that a PodDisruptionBudget holds back, before the budget is read again: twice as long each
time, and at most `RARELY`."""
RARELY = timedelta(minutes=10)
LONGEST = 3600.0
"""Most seconds until the gate looks again by itself."""

_WRITTEN = frozenset({State.APPLIED, State.PARTIAL})
_UNTOUCHED = frozenset({State.KEPT, State.SKIPPED, State.AWAITING_PODS})
"""What HealthPlans say of workloads to which nothing was written."""

Disruptions = Callable[[Workload], Awaitable[str]]
"""Returns why a PodDisruptionBudget forbids that pods of a workload restart; empty if none does."""

log = logging.getLogger(__name__)


class _Block(NamedTuple):
    """A PodDisruptionBudget that holds a workload back."""

    why: str
    wait: timedelta
    until: datetime


class _Well(NamedTuple):
    """The family of a workload that is well, and the probes of its passes so far; None: all of them."""

    family: str
    after: tuple[str, ...] | None


class Gate:
    """Decides which workloads are changed now.

    Parameters
    ----------
    store
        What is known of the cluster.
    enqueue
        Queues workloads for reconciliation: their turn has come, or they wait for something else now.
    dirty
        Queues rules whose status may have changed.
    busy
        Returns whether a workload is being reconciled or is queued: whether its canary is well isn't known then.
    disruptions
        Asks the PodDisruptionBudgets.
    now
        Returns the time, in UTC.
    """

    def __init__(
        self,
        store: Store,
        *,
        enqueue: Callable[[Iterable[WorkloadKey]], None],
        dirty: Callable[[Iterable[RuleKey]], None],
        busy: Callable[[WorkloadKey], bool],
        disruptions: Disruptions,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._dirty = dirty
        self._busy = busy
        self._disruptions = disruptions
        self._now = now
        self._waiting: dict[WorkloadKey, Candidate] = {}
        self._told: dict[WorkloadKey, str] = {}
        self._granted: dict[WorkloadKey, Candidate] = {}
        self._flights: dict[WorkloadKey, Flight] = {}
        self._stuck: dict[WorkloadKey, frozenset[tuple[str, int]]] = {}  # rules with their generations
        self._stopped: set[WorkloadKey] = set()  # by the brake
        self._sizes: dict[str, int] = {}
        self._remembered: dict[str, set[RolloutRecord]] = {}
        self._proven: dict[str, tuple[int, set[str]]] = {}
        self._blocked: dict[WorkloadKey, _Block] = {}
        self._depths: tuple[int, Mapping[WorkloadKey, int]] = (-1, {})
        self._known = False  # whether every workload was reconciled once
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    # What the reconciler says and asks.

    def ask(self, workload: Workload, decided: Plan) -> str:
        """Return why a plan's patches can't be sent now; empty if they can.

        Parameters
        ----------
        workload
            The workload as it is now.
        decided
            Its plan, which has patches.
        """
        key = workload.key
        if self._store.brake is not None:
            self._stopped.add(key)
            self._granted.pop(key, None)
            return self._tell(key, self._store.brake)
        if key in self._granted or not takes_place(workload, decided.after):
            return ""
        candidate = self._candidate(workload, decided)
        if (flight := self._flights.get(key)) is not None:
            phase = flight.phase(self._now())
            if decided.after and not decided.urgent and phase in (Phase.CHANGING, Phase.SOAKING):
                earlier = replace(flight.candidate, family=candidate.family)
                self._flights[key] = replace(flight, candidate=earlier)
                return self._wait(candidate)
            if phase is Phase.CHANGING:
                self._flights[key] = replace(flight, candidate=candidate)
                return ""  # it has a place, and pods that are being replaced anyway
            del self._flights[key]  # it need not stay well any longer: it asks for a place anew
        if decided.urgent:
            self._granted[key] = candidate  # over the budget if need be: nothing may wait for it
            return ""
        if not candidate.obstacle and self._unlimited(candidate):
            self._granted[key] = candidate
            return ""
        return self._wait(candidate)

    def _wait(self, candidate: Candidate) -> str:
        """Let a workload wait; returns for what."""
        self._waiting[candidate.key] = candidate
        self._store.followed.add(candidate.key)
        self._look()
        return self._told.get(candidate.key) or self._tell(candidate.key, self._first(candidate))

    def sent(self, workload: Workload) -> None:
        """Note that a workload was patched.

        Parameters
        ----------
        workload
            The workload after the patches.
        """
        key = workload.key
        earlier = self._flights.get(key)
        candidate = self._granted.pop(key, earlier.candidate if earlier is not None else None)
        self._waiting.pop(key, None)
        self._told.pop(key, None)
        self._stuck.pop(key, None)
        if candidate is None:
            return  # it has no ready pod
        self._fly(begin(candidate, workload, self._soak(candidate), self._now()))

    def settle(self, workload: Workload, decided: Plan) -> None:
        """Note that a workload is as planned.

        Parameters
        ----------
        workload
            The workload as it is now.
        decided
            Its plan, which has no patches.
        """
        self.drop(workload.key)
        if (flight := self._flights.get(workload.key)) is not None and not flight.candidate.family:
            known = replace(flight.candidate, family=family_of(workload, decided))
            self._flights[workload.key] = replace(flight, candidate=known)

    def drop(self, key: WorkloadKey) -> None:
        """Note that nothing is written to a workload for now: its patch is rejected, or it is left alone, or gone."""
        if self._waiting.pop(key, None) is None and self._granted.pop(key, None) is None:
            return
        self._told.pop(key, None)
        self._unfollow(key)
        self._look()

    def forget(self, key: WorkloadKey) -> None:
        """Forget a deleted workload."""
        self.drop(key)
        self._stuck.pop(key, None)
        if self._flights.pop(key, None) is not None:
            self._unfollow(key)
            self._look()

    def halted(self, rule: RuleKey) -> bool:
        """Return whether more workloads of a rule have failed than it bears."""
        return self._failed(str(rule)) > self._limits(str(rule)).failures

    def in_flight(self, key: WorkloadKey) -> bool:
        """Return whether a workload was changed, and is not yet well for long enough."""
        return key in self._flights

    @property
    def flights(self) -> int:
        """The number of workloads that were changed, and are not yet well for long enough."""
        return len(self._flights)

    def remembered(self, workload: Workload) -> tuple[RolloutRecord, ...]:
        """Return the rules by whose rollout a workload is being put back; none if it isn't."""
        waits = workload.key in self._waiting or workload.key in self._granted
        return self._store.world.rolled_out_by(workload) if waits or workload.key in self._flights else ()

    # What the operator says.

    def moved(self, keys: Iterable[WorkloadKey]) -> None:
        """Look at workloads whose rollout has come further."""
        now = self._now()
        for key in keys:
            workload = self._store.world.workloads.get(key)
            if workload is None:
                continue
            if (flight := self._flights.get(key)) is not None:
                self._flights[key] = flight.seen(workload, now)
            if key in self._stuck and workload.settled:
                del self._stuck[key]
                self._unfollow(key)
            if (candidate := self._waiting.get(key)) is not None:
                self._waiting[key] = replace(candidate, **_standing(workload, candidate.after))
                if not takes_place(workload, candidate.after):
                    self._enqueue([key])  # it needs no place any more
        self._look()

    def look(self) -> None:
        """Work the next wave out: a rule or the brake has changed."""
        self._proven.clear()
        self._look()

    def take_over(self) -> None:
        """Find what an earlier leader has left in flight, before anything is written."""
        now = self._now()
        for workload in self._store.world.workloads.values():
            if (candidate := self._left_by(workload)) is None:
                continue
            if (flight := found(candidate, workload, self._soak(candidate), now)) is not None:
                self._fly(flight)

    def know(self) -> None:
        """Let workloads go that have a budget: every workload was reconciled once, so all that wait have asked."""
        self._known = True
        self._look()

    def stop(self) -> None:
        """Forget everything: this replica doesn't lead any more."""
        self._known = False
        self._store.followed.clear()
        self._stopped.clear()
        for known in (self._waiting, self._told, self._granted, self._flights, self._stuck, self._blocked):
            known.clear()
        self._proven.clear()
        self._remembered.clear()
        self._arm(None)

    async def run(self) -> None:
        """Work out waves until cancelled."""
        loop = asyncio.get_running_loop()
        pause = PACE
        while True:
            await self._wake.wait()
            await asyncio.sleep(pause)
            self._wake.clear()
            started = loop.time()
            await self._wave()
            pause = max(PACE, SHARE * (loop.time() - started))

    # The wave.

    async def _wave(self) -> None:
        now = self._now()
        self._end_flights(now)
        if self._store.brake is None and self._stopped:
            stopped, self._stopped = self._stopped, set()
            self._enqueue(stopped)
        if self._known and self._store.brake is None and self._waiting:
            budgets = self._budgets()
            while True:
                candidates = self._candidates(now)
                decided = turns(candidates.values(), self._taken(), budgets, now)
                if not await self._blocks(decided, now):
                    break
            self._carry_out(decided, candidates)
        elif self._store.brake is not None:
            self._repeat(dict.fromkeys(self._waiting, self._store.brake))
        self._arm(now)

    def _carry_out(self, decided: Iterable[Turn], candidates: Mapping[WorkloadKey, Candidate]) -> None:
        going, messages = [], {}
        for turn in decided:
            if turn.hold is not None:
                messages[turn.key] = self._message(turn, candidates[turn.key])
            elif turn.key in self._waiting:  # else it was dropped while the PodDisruptionBudgets were read
                self._granted[turn.key] = self._waiting.pop(turn.key)
                self._told.pop(turn.key, None)
                going.append(turn.key)
        self._repeat(messages)
        self._enqueue(going)

    def _repeat(self, messages: Mapping[WorkloadKey, str]) -> None:
        """Queue the workloads that wait for something else than their HealthPlan says."""
        changed = [key for key, message in messages.items() if self._told.get(key) != message]
        self._told.update({key: messages[key] for key in changed})
        self._enqueue(changed)

    def _candidates(self, now: datetime) -> dict[WorkloadKey, Candidate]:
        self._blocked = {key: block for key, block in self._blocked.items() if key in self._waiting}
        obstacles = {key: block.why for key, block in self._blocked.items() if block.until > now}
        depth = self._depth()
        changed = {
            key: replace(one, depth=depth.get(key, 0), obstacle=one.obstacle or obstacles.get(key, ""))
            for key in {*depth, *obstacles}
            if (one := self._waiting.get(key)) is not None
        }
        return self._waiting | changed

    async def _blocks(self, decided: Iterable[Turn], now: datetime) -> bool:
        """Ask the PodDisruptionBudgets about those whose turn it is; returns whether one of them is held back."""
        found = False
        for key in [turn.key for turn in decided if turn.hold is None]:
            workload = self._store.world.workloads.get(key)
            if workload is None or not workload.progress.takes_down:
                continue
            try:
                why = await self._disruptions(workload)
            except KubeError as error:
                why = f"its PodDisruptionBudgets can't be read: {error}"
            if why:
                earlier = self._blocked.get(key)
                wait = min(2 * earlier.wait, RARELY) if earlier is not None else AGAIN
                self._blocked[key] = _Block(why, wait, now + wait)
                found = True
        return found

    def _end_flights(self, now: datetime) -> None:
        over: list[Candidate] = []
        for key, flight in list(self._flights.items()):
            phase = flight.phase(now)
            if phase in (Phase.WELL, Phase.STUCK):
                over.append(flight.candidate)
                del self._flights[key]
                self._unfollow(key)
                if phase is Phase.STUCK:
                    log.warning("%s: its rollout stands still; its place goes to the next one", key)
                    self._stuck[key] = frozenset((rule, self._generation(rule)) for rule in flight.candidate.rules)
                    self._store.followed.add(key)
        self._enqueue(one.key for one in over if one.restoring)  # what was put back is forgotten now
        self._dirty_rules(one.key for one in over)

    def _arm(self, now: datetime | None) -> None:
        """Look again when time alone changes something."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if now is None:
            return
        times = [flight.changes for flight in self._flights.values()]
        times += [block.until for block in self._blocked.values() if block.until > now]
        for rule in {rule for candidate in self._waiting.values() for rule in candidate.rules}:
            if windows := self._limits(rule).windows:
                times.append(max(next_opening(windows, now), now + timedelta(seconds=1)))
        if times:
            wait = min(max((min(times) - now).total_seconds(), PACE), LONGEST)
            self._timer = asyncio.get_running_loop().call_later(wait, self._wake.set)

    def _look(self) -> None:
        self._wake.set()

    # What it is decided by.

    def _candidate(self, workload: Workload, decided: Plan) -> Candidate:
        rollout = decided.rollout or self._recall(workload)
        return Candidate(
            key=workload.key,
            rules=tuple(record.rule for record in rollout) or ("",),
            family=family_of(workload, decided),
            after=decided.after,
            restoring=not decided.rollout,
            **_standing(workload, decided.after),
        )

    def _left_by(self, workload: Workload) -> Candidate | None:
        """Return a workload that an earlier leader may have left in flight, or None if it can't be."""
        rollout = self._recall(workload)
        if not rollout or (not workload.has_ours and self._untouched(workload)):
            return None
        return Candidate(
            key=workload.key, rules=tuple(record.rule for record in rollout), restoring=not workload.has_ours
        )

    def _untouched(self, workload: Workload) -> bool:
        """Return whether a workload without anything of ours never had any, so that it isn't being put back."""
        world = self._store.world
        state = world.rollouts[workload.key].state
        # One that waits either waits to be written for the first time, or no rule wants probes of it any more.
        return state in _UNTOUCHED or (state is State.WAITING and bool(plan_of(workload, world).rollout))

    def _recall(self, workload: Workload) -> tuple[RolloutRecord, ...]:
        """Return the rules by whose rollout a workload was changed, and note what they said of it."""
        rollout = self._store.world.rolled_out_by(workload)
        for record in rollout:
            self._remembered.setdefault(record.rule, set()).add(record)
        return rollout

    def _budgets(self) -> dict[str, Budget]:
        names = {rule for candidate in self._all() for rule in candidate.rules}
        return {name: self._budget(name) for name in names}

    def _budget(self, name: str) -> Budget:
        key = parse_rule_key(name)
        size = self._store.outcomes.size(key) if key is not None else 0
        if not self._exists(name):
            size = max(size, sum(name in candidate.rules for candidate in self._all()))
        self._sizes[name] = size = max(size, 0 if self._exists(name) else self._sizes.get(name, 0))
        limits = self._limits(name)
        return Budget(
            rule=name,
            limits=limits,
            selected=size,
            failed=self._failed(name),
            proven=self._proven_families(name, limits.canaries) if limits.canaries else (),
        )

    def _failed(self, name: str) -> int:
        key = parse_rule_key(name)
        rolled_back = self._store.outcomes.failed(key) if key is not None else frozenset()
        now = (name, self._generation(name))  # an edit of the rule may have mended it
        return len(rolled_back.union(stuck for stuck, rules in self._stuck.items() if now in rules))

    def _generation(self, name: str) -> int:
        key = parse_rule_key(name)
        return self._store.generations.get(key, 0) if key is not None else 0

    def _proven_families(self, name: str, canaries: int) -> Collection[str]:
        """Return the families of which enough workloads carry what is planned, and are well."""
        key = parse_rule_key(name)
        if key is None:
            return ()
        asked = {one.group: one for one in self._waiting.values() if name in one.rules}
        generation = self._store.generations.get(key, 0)
        known_at, proven = self._proven.get(name, (generation, set()))
        if known_at != generation:
            proven = set()
        self._proven[name] = (generation, proven)
        if asked.keys() <= proven:
            return proven
        well: Counter[str] = Counter()
        for workload in self._store.outcomes.ruled_by(key):
            if (family := self._well(workload)) is not None:
                well.update(group for group, one in asked.items() if _proves(family, one))
        proven.update(group for group, number in well.items() if number >= canaries)
        return proven

    def _well(self, key: WorkloadKey) -> _Well | None:
        """Return the family of a workload that carries what is planned, or waits for its next pass, and is well."""
        if key in self._granted or key in self._flights or key in self._stuck or self._busy(key):
            return None
        outcome, workload = self._store.outcomes.get(key), self._store.world.workloads.get(key)
        if outcome is None or workload is None or not takes_place(workload) or not workload.settled:
            return None
        if (waits := self._waiting.get(key)) is not None:
            return _Well(waits.family, waits.after) if waits.after else None
        return _Well(outcome.family, None) if outcome.state in _WRITTEN else None

    def _depth(self) -> Mapping[WorkloadKey, int]:
        outcomes = self._store.outcomes
        if self._depths[0] != outcomes.requirements:
            requires = {key: self._behind(services) for key, services in outcomes.requiring.items()}
            self._depths = (outcomes.requirements, depths(requires))
        return self._depths[1]

    def _behind(self, services: Iterable[ServiceKey]) -> list[WorkloadKey]:
        world = self._store.world
        known = (world.services[key] for key in services if key in world.services)
        return [workload.key for service in known for workload in world.workloads_behind(service)]

    def _limits(self, name: str) -> Limits:
        """Return the settings of a rule; of one that is gone, what the HealthPlans remember of it."""
        key = parse_rule_key(name)
        if key is None:
            return Limits(concurrent=1)  # nobody remembers the rule
        if (rule := self._store.world.rules.get(key)) is not None:
            return limits_of(rule.spec.rollout, key.kind)
        settings = [rollout_of(record) or RolloutSettings() for record in self._remembered.get(name, ())]
        return strictest(limits_of(one, key.kind) for one in settings or [RolloutSettings()])

    def _exists(self, name: str) -> bool:
        key = parse_rule_key(name)
        return key is not None and key in self._store.world.rules

    def _unlimited(self, candidate: Candidate) -> bool:
        limits = [(self._limits(rule), rule) for rule in candidate.rules]
        free = all(one.unlimited and self._failed(rule) <= one.failures for one, rule in limits)
        workload = self._store.world.workloads.get(candidate.key)
        return free and workload is not None and not workload.progress.takes_down

    def _all(self) -> Iterable[Candidate]:
        yield from self._waiting.values()
        yield from self._taken()

    def _taken(self) -> Iterable[Candidate]:
        yield from self._granted.values()
        for flight in self._flights.values():
            yield flight.candidate

    def _soak(self, candidate: Candidate) -> float:
        """Return how long a workload has to stay well: nothing can fail where our probes were taken out."""
        return 0.0 if candidate.restoring else max((self._limits(rule).soak for rule in candidate.rules), default=0.0)

    def _fly(self, flight: Flight) -> None:
        key = flight.candidate.key
        self._flights[key] = flight
        self._store.followed.add(key)
        self._look()

    def _unfollow(self, key: WorkloadKey) -> None:
        if key not in self._flights and key not in self._waiting and key not in self._stuck:
            self._store.followed.discard(key)

    def _dirty_rules(self, keys: Iterable[WorkloadKey]) -> None:
        outcomes = (self._store.outcomes.get(key) for key in keys)
        self._dirty({rule for outcome in outcomes if outcome is not None for rule in outcome.rules})

    # What it says.

    def _tell(self, key: WorkloadKey, message: str) -> str:
        self._told[key] = message
        return message

    def _first(self, candidate: Candidate) -> str:
        """Return what a workload waits for that asks for the first time, before the wave is worked out."""
        budgets = {
            rule: Budget(rule=rule, limits=self._limits(rule), selected=1, failed=self._failed(rule))
            for rule in candidate.rules
        }
        flight = self._flights.get(candidate.key)
        (turn,) = turns([candidate], [flight.candidate] if flight is not None else [], budgets, self._now())
        return self._message(turn, candidate)

    def _message(self, turn: Turn, candidate: Candidate) -> str:
        """Say what a workload waits for, in words that don't change while it does: each change is a write."""
        limits = self._limits(turn.rule)
        match turn.hold:
            case Hold.OBSTACLE:
                return f"waits: {candidate.obstacle}"
            case Hold.SOAK:
                passed = ", ".join(candidate.after)
                return f"waits for its next pass: {passed} must go well for {self._soak(candidate):g} s first"
            case Hold.PAUSED:
                return f"waits: {turn.rule} is paused (spec.rollout.paused)"
            case Hold.HALTED:
                return f"waits: {turn.rule} is halted, because more than {limits.failures} of its workloads failed"
            case Hold.WINDOW:
                shown = ", ".join(map(describe, limits.windows))
                return f"waits for a window of {turn.rule}: {shown}"
        return f"waits for its turn in the rollout of {', '.join(candidate.rules) or 'a rule that is gone'}"


def _standing(workload: Workload, after: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a candidate that change with the workload's status."""
    broken = not workload.settled and workload.has_ours and not after
    return {"broken": broken, "obstacle": obstacle(workload, after)}


def _proves(well: _Well, candidate: Candidate) -> bool:
    """Return whether a workload that is well shows that a candidate's pass does no harm."""
    passed = well.after is None or set(candidate.after) < set(well.after)
    return passed and well.family == candidate.family


def family_of(workload: Workload, decided: Plan) -> str:
    """Return the presets and images, without tags, of the containers that get a probe.

    Parameters
    ----------
    workload
        The workload.
    decided
        Its plan.
    """
    images = {container.name: container.image for container in workload.containers}
    found = {
        f"{container.preset} of {repository(images.get(container.name, ''))}"
        for container in decided.containers
        if any(probe.action is Action.APPLY for probe in container.probes)
    }
    return ", ".join(sorted(found))


def repository(image: str) -> str:
    """Return an image's name without its tag and digest."""
    name = image.partition("@")[0]
    head, _, last = name.rpartition("/")
    return f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
