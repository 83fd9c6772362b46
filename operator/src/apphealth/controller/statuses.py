"""Writing the status of rules: only what has changed, and each rule at most once in a while."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.api.status import RuleStatus, settle
from apphealth.controller.queue import WorkQueue
from apphealth.controller.status import Facts, rule_status
from apphealth.controller.store import Store
from apphealth.kube.client import Client
from apphealth.kube.errors import InvalidError, KubeError
from apphealth.kube.status import write_status
from apphealth.model.workload import WorkloadKey
from apphealth.plan.rules.selection import opted_out

PACE = 0.75
"""Seconds that changes are gathered before a rule's status is written."""


log = logging.getLogger(__name__)


@dataclass(slots=True)
class Protection:
    """Whether the admission policy is there; None: not known (yet)."""

    installed: bool | None = None


class Statuses:
    """Keeps the status of rules up to date.

    Parameters
    ----------
    client, store
        How to write, and what is known.
    busy
        Whether a workload is still to be looked at.
    protection
        Whether the admission policy is there.
    look_again
        Finds out anew whether it is there: asked before a status is written that says it isn't.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        *,
        busy: Callable[[WorkloadKey], bool],
        protection: Protection,
        look_again: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._store = store
        self._busy = busy
        self._protection = protection
        self._look_again = look_again
        self.queue: WorkQueue[RuleKey] = WorkQueue(self._refresh, workers=2, expected=(KubeError,))

    def dirty(self, rules: Iterable[RuleKey]) -> None:
        """Have the status of rules worked out again soon."""
        for rule in rules:
            self.queue.add(rule, after=PACE)

    async def _refresh(self, key: RuleKey) -> None:
        status = self._status(key)
        if status is None or status == self._store.statuses[key]:
            return
        if self._protection.installed is False:
            await self._look_again()
            status = self._status(key)
        if status is None:
            return
        try:
            await write_status(self._client, key, status)
        except InvalidError as error:  # a rule whose spec is no longer valid can't be given a status either
            log.warning("%s: its status can't be written: %s", key, error)
        if key in self._store.statuses:
            self._store.statuses[key] = status

    def _status(self, key: RuleKey) -> RuleStatus | None:
        """Return the status that a rule should have; None if it has gone."""
        facts = self._facts(key)
        if facts is None:
            return None
        return settle(rule_status(facts), self._store.statuses[key], now=datetime.now(UTC))

    def _facts(self, key: RuleKey) -> Facts | None:
        store = self._store
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
        selected = [
            workload
            for workload in store.selected_by(rule)
            if opted_out(world.workloads[workload], world.namespace(workload.namespace)) is None
        ]
        return Facts(
            rule=key,
            generation=rule.generation,
            mode=rule.spec.mode,
            outcomes={w: None if self._busy(w) else store.ledger.get(w) for w in selected},
            workloads=len(world.workloads),
            protected=self._protection.installed if rule.spec.mode is Mode.ENFORCE else None,
        )
