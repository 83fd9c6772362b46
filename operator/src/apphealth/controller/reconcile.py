"""Bringing one workload to what its rules say: gather, plan, write what differs.

The order of the writes is what makes a crash between any two of them harmless: an original is in the HealthPlan before
the PATCH that replaces it, and a HealthPlan is deleted only after everything that it remembers has been put back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from apphealth.api.healthplan import HealthPlan, State
from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.api.status import Reason
from apphealth.controller.gather import config_maps_needed, read_config_maps
from apphealth.controller.ledger import ConfigMapKey, Outcome
from apphealth.controller.prover import Prover
from apphealth.controller.refusals import Refusal, Refusals, refusal_of, with_findings, with_refusals
from apphealth.controller.standing import refuted_finding, still_starting, told_by_pods, unsatisfied, worst_standing
from apphealth.controller.store import Store
from apphealth.controller.writer import Writer
from apphealth.kube.client import Client
from apphealth.kube.configmaps import NotOursError
from apphealth.kube.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from apphealth.kube.events import Event, Events
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan, plan
from apphealth.plan.dependencies.cycles import FINDING as CYCLE
from apphealth.plan.findings import Severity

TRIES = 4
"""How often a workload is planned again at once because it changed meanwhile."""
GRACE = 5.0
"""Seconds that Kubernetes' garbage collection gets to remove what belonged to a workload that has gone."""
OTHER_WRITE_AGAIN = 300.0
"""Seconds after which a refused HealthPlan or ConfigMap is tried again."""
TERMINATING = "because it is being terminated"
"""What the API server says of a namespace that is on its way out: its workloads are too."""

log = logging.getLogger(__name__)


class Front(NamedTuple):
    """What others look at when they depend on a workload."""

    readiness: object
    """How it tells it, and at which ports."""
    cycle: tuple[tuple[WorkloadKey, WorkloadKey], ...]
    services: tuple[ServiceKey, ...]
    """Those in front of it."""


class Reconciler:
    """Brings workloads to what their rules say: call it with a key.

    Parameters
    ----------
    client, store, events
        How to read and write, what is known, and where to tell.
    enqueue
        Has other workloads looked at.
    dirty
        Has the status of rules worked out again.
    prover
        Asks running pods what plans want to know.
    clock
        Seconds, rising.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        events: Events,
        *,
        enqueue: Callable[[Iterable[WorkloadKey]], None],
        dirty: Callable[[Iterable[RuleKey]], None],
        prover: Prover,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._store = store
        self._events = events
        self._writer = Writer(client, store)
        self._enqueue = enqueue
        self._dirty = dirty
        self._prover = prover
        self._clock = clock
        self._refusals = Refusals(clock)
        self._fronts: dict[WorkloadKey, Front] = {}
        self._gone_since: dict[WorkloadKey, float] = {}
        self.unseen: set[WorkloadKey] = set()
        """Workloads of the first listing not looked at yet: their dependants are looked at anyway."""
        self.awaited: set[WorkloadKey] = set()
        """Workloads whose pods are being asked: until they have answered, nothing is written, said or counted."""

    async def __call__(self, key: WorkloadKey) -> float | None:
        """Bring a workload to what its rules say; returns the seconds after which to look again, if at all.

        Raises
        ------
        KubeError
            The API server could not be asked, or the workload changes faster than it can be planned.
        """
        for attempt in range(1, TRIES + 1):
            if key not in self._store.world.workloads:
                return await self._forget(key)
            try:
                return await self._settle(key)
            except ConflictError:
                await self._writer.reread(key)
                if attempt == TRIES:
                    raise
            except NotFoundError:
                await self._writer.reread(key)
                if key in self._store.world.workloads:
                    raise
        return await self._forget(key)

    async def _settle(self, key: WorkloadKey) -> float | None:
        config_maps = await self._gather(key)
        if (workload := self._store.world.workloads.get(key)) is None:
            return await self._forget(key)
        self._drop_stale_originals(workload)
        decided = plan(workload, self._store.world)
        self.awaited.discard(key)
        if not decided.selected and self._held(workload):
            return None
        if decided.record is None:
            self._prover.forget(key)
            again = await self._clean(workload, decided)
        elif self._prover.consider(workload, decided):
            self.awaited.add(key)
            self.unseen.discard(key)
            return None
        else:
            again = await self._carry_out(workload, decided, decided.record, config_maps)
        self._tell_dependants(workload, decided)
        return again

    async def _gather(self, key: WorkloadKey) -> frozenset[ConfigMapKey]:
        """Read what the plan needs; while that is read, the workload may change, and need something else."""
        needed: frozenset[ConfigMapKey] = frozenset()
        for _ in range(TRIES):
            workload = self._store.world.workloads.get(key)
            needed = config_maps_needed(workload, self._store) if workload is not None else needed
            if not await read_config_maps(self._client, self._store, needed):
                break
        return needed

    def _drop_stale_originals(self, workload: Workload) -> None:
        """Forget originals of an earlier workload of the same name."""
        record = self._store.records.health_plans.get(workload.key)
        if record is not None and record.owner_uid not in ("", workload.uid):
            self._store.world.originals.pop(workload.key, None)

    def _held(self, workload: Workload) -> bool:
        """Whether to leave our probes although no rule wants them: one that can't be read may be the one that does."""
        culprit = self._store.unreadable_over(workload.namespace)
        if culprit is None or not (workload.touched or workload.key in self._store.world.originals):
            return False
        log.warning("%s keeps its probes until %s can be read again", workload.key, culprit)
        return True

    async def _carry_out(
        self, workload: Workload, decided: Plan, record: HealthPlan, config_maps: frozenset[ConfigMapKey]
    ) -> float | None:
        refusals: list[Refusal] = []
        originals = self._store.world.originals.get(workload.key, ())
        if decided.questions:
            record = with_findings(record, [still_starting(decided)])
        recorded = self._store.records.health_plans.get(workload.key)
        safe = True
        if decided.patches and decided.originals != originals:
            safe = await self._record(workload, record, refusals)
        if safe:
            written = Event(type="Normal", reason="ProbesWritten", note=decided.message)
            patched = await self._patch(workload, decided, written, refusals)
            if patched is not workload and decided.originals:
                # What is remembered of a probe that was replaced twice shrinks once the second one is there.
                record = plan(patched, self._store.world).record or record
            if decided.mode is not Mode.AUDIT:
                await self._deliver(workload, decided.delivery, refusals)
            await self._record(workload, with_refusals(record, refusals), refusals)
        if self._store.records.health_plans.get(workload.key) is not recorded:
            self._tell_refuted(workload, decided)
        self._note(workload, decided, config_maps, refusals)
        return min((refusal.again for refusal in refusals), default=None)

    def _tell_refuted(self, workload: Workload, decided: Plan) -> None:
        """Tell what running pods refuted, once: with the HealthPlan that says so."""
        if (refuted := refuted_finding(decided)) is not None:
            self._events.post(workload, Event(type="Warning", reason="ProbeRefuted", note=refuted.message))

    async def _clean(self, workload: Workload, decided: Plan) -> float | None:
        """Take everything of ours away from a workload that no rule selects."""
        refusals: list[Refusal] = []
        restored = Event(type="Normal", reason="ProbesRestored", note="no rule selects it any more: put back as it was")
        await self._patch(workload, decided, restored, refusals)
        if refusals:
            log.warning("%s can't be put back as it was: %s", workload.key, refusals[0].finding.message)
            return refusals[0].again
        await self._writer.erase(workload.key)
        self._dirty(self._store.ledger.put(workload.key, None))
        return None

    async def _forget(self, key: WorkloadKey) -> float | None:
        """Let go of a workload that has gone; what belonged to it goes by garbage collection, or else by us."""
        self._refusals.clear(key)
        self._prover.forget(key)
        self.awaited.discard(key)
        if (front := self._fronts.pop(key, None)) is not None and front.cycle:
            for service in front.services:
                self._enqueue(self._store.ledger.mentioning(service))
        self._dirty(self._store.ledger.put(key, None))
        if not self._writer.has_left(key):
            self._gone_since.pop(key, None)
            return None
        waited = self._clock() - self._gone_since.setdefault(key, self._clock())
        if waited < GRACE:
            return GRACE - waited + 0.1
        await self._writer.erase(key)
        self._gone_since.pop(key, None)
        return None

    async def _patch(self, workload: Workload, decided: Plan, event: Event, refusals: list[Refusal]) -> Workload:
        patches = decided.patches
        if not patches and not decided.disowned:
            self._refusals.clear(workload.key)
            return workload
        if (standing := self._refusals.standing(workload, patches)) is not None:
            refusals.append(standing)
            return workload
        try:
            patched = await self._writer.patch(workload, patches, decided.disowned)
        except (InvalidError, ForbiddenError) as error:
            refusals.append(refusal := self._refusals.note(workload, patches, error))
            self._events.post(workload, Event(type="Warning", reason="Rejected", note=refusal.finding.message))
            return workload
        self._refusals.clear(workload.key)
        if patches:
            self._events.post(workload, event)
        return patched

    async def _deliver(self, workload: Workload, text: str | None, refusals: list[Refusal]) -> None:
        try:
            if text is None:
                await self._writer.withdraw(workload.key)
            else:
                await self._writer.deliver(workload, text)
        except (InvalidError, ForbiddenError, NotOursError) as error:
            what = "the ConfigMap with the workload's dependencies"
            refusals.append(refusal_of(error, what, again=OTHER_WRITE_AGAIN, rejected=False))

    async def _record(self, workload: Workload, record: HealthPlan, refusals: list[Refusal]) -> bool:
        try:
            await self._writer.record(workload, record)
        except (InvalidError, ForbiddenError) as error:
            refusals.append(refusal_of(error, "the HealthPlan", again=OTHER_WRITE_AGAIN))
            level = logging.DEBUG if TERMINATING in error.message else logging.WARNING
            log.log(level, "%s: %s", workload.key, refusals[-1].finding.message)
            return False
        return True

    def _note(
        self,
        workload: Workload,
        decided: Plan,
        config_maps: frozenset[ConfigMapKey],
        refusals: Sequence[Refusal],
    ) -> None:
        problem, message = _problem(decided, refusals)
        outcome = Outcome(
            state=State.REJECTED if any(refusal.rejected for refusal in refusals) else decided.state,
            rules=decided.rules,
            mentions=tuple(decided.mentions),
            requires=tuple(need.service for need in decided.dependencies if need.required),
            config_maps=tuple(config_maps),
            conflicts=decided.conflicts,
            standing=worst_standing(decided),
            waiting=unsatisfied(decided),
            proof=told_by_pods(decided),
            problem=problem,
            message=message,
        )
        self._dirty(self._store.ledger.put(workload.key, outcome))
        now = self._store.world.workloads.get(workload.key)
        if outcome.waiting and not workload.ready and now is not None and now.ready:
            self._enqueue([workload.key])  # it has become ready since it was planned for

    def _tell_dependants(self, workload: Workload, decided: Plan) -> None:
        """Have those looked at that depend on a workload, if how it is reached or tells its readiness has changed.

        So too if the cycle of requirements that it stands in has changed: every member tells those that lead to it.
        """
        services = tuple(service.key for service in self._store.world.services_of(workload))
        ports = tuple(container.ports for container in workload.containers)
        front = Front((decided.readiness, ports), decided.cycle, services)
        before = self._fronts.get(workload.key)
        seen = workload.key not in self.unseen
        self.unseen.discard(workload.key)
        if before == front or (before is None and not services):
            return
        self._fronts[workload.key] = front
        if before is None and not seen:
            return
        for service in {*services, *(before.services if before else ())}:
            self._enqueue(self._store.ledger.mentioning(service))


def _problem(decided: Plan, refusals: Sequence[Refusal]) -> tuple[Reason | None, str]:
    """Say what keeps a plan from being carried out, if anything does."""
    if refusals:
        return refusals[0].reason, refusals[0].finding.message
    refuted = refuted_finding(decided)
    if decided.state is State.ROLLED_BACK or (decided.state is State.REFUTED and refuted is None):
        return Reason.PROBES_REFUTED, decided.message
    if refuted is not None and (decided.state is State.REFUTED or refuted.severity is Severity.ERROR):
        return Reason.PROBES_REFUTED, refuted.message
    error = next((finding for finding in decided.findings if finding.severity is Severity.ERROR), None)
    if error is not None:
        return Reason.PLAN_INCOMPLETE, error.message
    cycle = next((finding for finding in decided.findings if finding.id == CYCLE), None)
    return (Reason.DEPENDENCY_CYCLE, cycle.message) if cycle is not None else (None, "")
