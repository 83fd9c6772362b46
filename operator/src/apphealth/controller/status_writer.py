"""Writing the status of rules: only when it has changed, and with a pause between two writes of one rule."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from apphealth.api.healthplan import State
from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.api.status import Condition, ConditionType, Reason, RuleStatus, settle
from apphealth.controller.gate import Gate
from apphealth.controller.queue import WorkQueue
from apphealth.controller.status import Facts, missing_target, rule_status
from apphealth.kube.client import Client
from apphealth.kube.errors import InvalidError, KubeError
from apphealth.kube.status import write_status
from apphealth.model.workload import WorkloadKey
from apphealth.plan.rules.selection import opted_out
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store

PACE = 0.75
"""Seconds that changes are collected before a rule's status is computed and written."""

SHARE = 10.0
"""The pause between two computations of one status, as a multiple of what the last one took."""
AT_ONCE = 1000
"""Workloads that are counted before the event loop turns."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Protection:
    """Whether the admission policies are installed; None: not known."""

    installed: bool | None = None


class StatusWriter:
    """Keeps the status of rules up to date.

    Parameters
    ----------
    client, store
        Sends the writes; has the outcomes.
    busy
        Returns whether a workload is being reconciled or is queued.
    protection
        Whether the admission policies are installed.
    look_again
        Looks for the admission policies; called before a status is written that says they are missing.
    gate
        Knows what is in flight, and which rules are halted.
    report
        Called with the condition Ready of a rule when its status or reason has changed.
    observe
        As for `WorkQueue`.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        *,
        busy: Callable[[WorkloadKey], bool],
        protection: Protection,
        look_again: Callable[[], Awaitable[None]],
        gate: Gate,
        report: Callable[[RuleKey, Condition], None],
        observe: Callable[[float, float, bool], None] | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._busy = busy
        self._protection = protection
        self._look_again = look_again
        self._gate = gate
        self._report = report
        self._paces: dict[RuleKey, float] = {}
        self.queue: WorkQueue[RuleKey] = WorkQueue(self._refresh, workers=2, expected=(KubeError,), observe=observe)

    def dirty(self, rules: Iterable[RuleKey]) -> None:
        """Queue rules whose status may have changed."""
        for rule in rules:
            self.queue.add(rule, after=self._paces.get(rule, PACE))

    async def _refresh(self, key: RuleKey) -> float | None:
        """Write the status of a rule if it has changed; returns the seconds until it is computed again, or None."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        status, unfinished = await self._status(key)
        # Five rules for 50,000 workloads would otherwise fill a core.
        self._paces[key] = pace = max(PACE, SHARE * (loop.time() - started))
        if status is None:
            del self._paces[key]
            return None
        again = pace if unfinished else None
        if status == self._store.statuses[key]:
            return again
        if self._protection.installed is False:
            await self._look_again()
            status, _ = await self._status(key)
        if status is None:
            return None
        try:
            await write_status(self._client, key, status)
        except InvalidError as error:  # the API server validates the whole rule, an invalid spec included
            log.warning("%s: its status can't be written: %s", key, error)
        if key in self._store.statuses:
            before, self._store.statuses[key] = self._store.statuses[key], status
            if (changed := readiness_change(before, status)) is not None:
                self._report(key, changed)
        return again

    async def _status(self, key: RuleKey) -> tuple[RuleStatus | None, bool]:
        """Return the status that a rule should have, and whether some of its workloads are still being reconciled.

        The status is None if the rule is gone.
        """
        facts = await self._facts(key)
        if facts is None or key not in self._store.statuses:
            return None, False
        unfinished = any(outcome is None for outcome in facts.outcomes.values())
        # In a thread: counting 50,000 outcomes would keep the event loop for 0.2 s. The facts are values.
        status = await asyncio.to_thread(rule_status, facts)
        known = self._store.statuses.get(key)
        return (settle(status, known, now=datetime.now(UTC)) if known is not None else None), unfinished

    async def _facts(self, key: RuleKey) -> Facts | None:
        store = self._store
        if key.namespace in store.elsewhere:
            return None  # the operator of that namespace writes it
        generation = store.generations.get(key, 0)
        if key in store.invalid:
            return Facts(
                rule=key,
                generation=generation,
                complaint=store.invalid[key],
                outcomes={},
                protected=self._protection.installed,
            )
        rule = store.world.rules.get(key)
        if rule is None:
            return None
        world = store.world
        outcomes: dict[WorkloadKey, Outcome | None] = {}
        in_flight = between = 0
        for number, selected in enumerate(store.selected_by(rule), start=1):
            workload = world.workloads.get(selected)
            if workload is not None and opted_out(workload, world.namespace(workload.namespace)) is None:
                outcomes[selected] = outcome = None if self._busy(selected) else store.outcomes.get(selected)
                flies = self._gate.in_flight(selected)
                in_flight += flies
                between += flies and outcome is not None and outcome.state is State.WAITING
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        return Facts(
            rule=key,
            generation=rule.generation,
            mode=rule.spec.mode,
            outcomes=outcomes,
            missing="" if outcomes else missing_target(rule, world.workloads),
            workloads=len(world.workloads),
            protected=self._protection.installed if rule.spec.mode is Mode.ENFORCE else None,
            in_flight=in_flight,
            between=between,
            halted=self._gate.halted(key),
            paused=store.brake or ("rollout.paused is true" if rule.spec.rollout.paused else ""),
        )


def readiness_change(before: RuleStatus, after: RuleStatus) -> Condition | None:
    """Return the condition Ready if its status or reason has changed, else None; progress is no news.

    Parameters
    ----------
    before, after
        The status of a rule as it was, and as it is.
    """
    old = next((one for one in before.conditions if one.type is ConditionType.READY), None)
    new = next((one for one in after.conditions if one.type is ConditionType.READY), None)
    if (
        new is None
        or new.reason is Reason.IN_PROGRESS
        or (old is not None and (old.status, old.reason) == (new.status, new.reason))
    ):
        return None
    return new
