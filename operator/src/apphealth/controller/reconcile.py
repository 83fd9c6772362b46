"""Reconciling one workload with its rules: read what is missing, plan, write what differs.

The order of the writes makes a crash between any two of them harmless: a workload has its HealthPlan before its first
probe of ours, an original is in it before the PATCH that replaces it, and a HealthPlan is deleted only after everything
that it remembers has been put back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from apphealth.api.healthplan import HealthPlan, State
from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.api.status import Reason
from apphealth.controller.contests import Contests
from apphealth.controller.coverage import coverage_of, would_restart
from apphealth.controller.gate import Gate, family_of
from apphealth.controller.gather import read_config_maps
from apphealth.controller.journal import log_refuted, log_rejected, log_write
from apphealth.controller.left_alone import LeftAlone, left_alone, outcome_of
from apphealth.controller.prover import Prover
from apphealth.controller.rejections import (
    Rejection,
    Rejections,
    rejection_of,
    rewritten,
    with_findings,
    with_rejections,
)
from apphealth.controller.verification import (
    depends_on_pods,
    pods_starting,
    refuted_finding,
    verification_reason,
    verification_states,
    worst_verification,
)
from apphealth.controller.watcher import Watcher
from apphealth.controller.writer import ReadOnlyWriter, Writer
from apphealth.kube.client import Client
from apphealth.kube.configmaps import NotOursError
from apphealth.kube.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from apphealth.kube.events import Event, Events
from apphealth.model.service import ServiceKey
from apphealth.model.withheld import WithheldReason
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan
from apphealth.plan.dependencies.cycles import cycle_finding
from apphealth.plan.facts import SHARE_HEALTH_PATHS
from apphealth.plan.findings import Severity
from apphealth.plan.record import finding_record, waiting_record
from apphealth.store.config_maps import ConfigMapKey, config_maps_needed
from apphealth.store.facts import plan_of
from apphealth.store.outcomes import Outcome, Sources
from apphealth.store.store import Store

TRIES = 4
"""How often a workload that changes while it is reconciled is planned again at once."""
GRACE = 5.0
"""Seconds that Kubernetes' garbage collection gets to remove what a deleted workload owned."""
RESTORED = "ProbesRestored"
"""The reason of the Event about a workload that is put back as it was."""
OTHER_WRITE_AGAIN = 300.0
"""Seconds after which a rejected HealthPlan or ConfigMap is tried again."""
TERMINATING = "because it is being terminated"
"""Part of the API server's message for a namespace that is being deleted with all its workloads."""

log = logging.getLogger(__name__)


class Dependable(NamedTuple):
    """The parts of a workload that the plans of its dependants read."""

    readiness: object
    """Its readiness endpoint and its ports."""
    cycle: tuple[tuple[WorkloadKey, WorkloadKey], ...]
    """The cycle of requirements that it is part of."""
    services: tuple[ServiceKey, ...]
    """The Services that select it."""


class Reconciler:
    """Reconciles workloads with their rules: call it with a workload's key.

    Parameters
    ----------
    client, store, events
        Sends requests; has what is known of the cluster; posts Events.
    enqueue
        Queues other workloads for reconciliation.
    dirty
        Queues rules whose status may have changed.
    prover
        Asks running pods the questions of plans.
    watcher
        Looks after what was written.
    gate
        Decides when a patch may be sent.
    clock
        Seconds, rising.
    recorded
        Called with a workload whose HealthPlan was written or deleted.
    read_only
        Whether to write nothing, and log what would be written.

    Attributes
    ----------
    unseen
        Workloads of the first listing that have not been reconciled yet. Their dependants are queued anyway.
    awaited
        Workloads whose pods are being asked. Until the pods have answered, nothing is written, reported or counted.
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
        watcher: Watcher,
        gate: Gate,
        clock: Callable[[], float],
        recorded: Callable[[WorkloadKey], None] = lambda _: None,
        read_only: bool = False,
    ) -> None:
        self._client = client
        self._store = store
        self._events = events
        self._writer = ReadOnlyWriter(client, store) if read_only else Writer(client, store, recorded)
        self._enqueue = enqueue
        self._dirty = dirty
        self._prover = prover
        self._watcher = watcher
        self._gate = gate
        self._clock = clock
        self._rejections = Rejections(clock)
        self._contests = Contests(clock)
        self._dependables: dict[WorkloadKey, Dependable] = {}
        self._gone_since: dict[WorkloadKey, float] = {}
        self.unseen: set[WorkloadKey] = set()
        self.awaited: set[WorkloadKey] = set()

    async def __call__(self, key: WorkloadKey) -> float | None:
        """Reconcile a workload.

        Returns
        -------
        float | None
            Seconds until it has to be reconciled again; None: when something changes.

        Raises
        ------
        KubeError
            A request failed, or the workload changes faster than it can be planned.
        """
        for attempt in range(1, TRIES + 1):
            if key not in self._store.world.workloads:
                return await self._forget(key)
            try:
                return await self._reconcile(key)
            except ConflictError:
                await self._writer.reread(key)
                if attempt == TRIES:
                    raise
            except NotFoundError:
                await self._writer.reread(key)
                if key in self._store.world.workloads:
                    raise
        return await self._forget(key)

    async def _reconcile(self, key: WorkloadKey) -> float | None:
        config_maps = await self._gather(key)
        if (workload := self._store.world.workloads.get(key)) is None:
            return await self._forget(key)
        self._store.records.confirm(workload)
        gave_way = self._give_way(key)
        self._watcher.respect(workload)
        decided = plan_of(workload, self._store.world)
        sources = Sources(rules=decided.rules, mentions=tuple(decided.mentions), config_maps=tuple(config_maps))
        self._store.outcomes.expect(key, sources)
        self.awaited.discard(key)
        if (why := left_alone(workload, decided, self._store)) is not None:
            self._gate.drop(key)
            self._leave_alone(workload, decided, why)
            return None
        if not decided.patches:
            self._gate.settle(workload, decided)
        # No request since the plan was made: an entry that was found meanwhile would be lost.
        self._store.world.keep_withheld(key, decided.withheld, decided.retried)
        if decided.record is None:
            self._prover.forget(key)
            self._watcher.forget(key)
            again = await self._clean(workload, decided)
        elif self._prover.consider(workload, decided) and not decided.patches:
            self.awaited.add(key)
            self.unseen.discard(key)
            return None
        else:
            again = await self._carry_out(workload, decided, decided.record, sources)
            if gave_way:
                self._report_contested(workload, decided)
        self._enqueue_dependants(workload, decided)
        waits = (again, self._contests.wait(key, decided.withheld))
        return min((wait for wait in waits if wait is not None), default=None)

    async def _gather(self, key: WorkloadKey) -> frozenset[ConfigMapKey]:
        """Read the ConfigMaps that the plan needs; while they are read, the workload may change and need others."""
        needed: frozenset[ConfigMapKey] = frozenset()
        for _ in range(TRIES):
            workload = self._store.world.workloads.get(key)
            needed = config_maps_needed(workload, self._store.world) if workload is not None else needed
            if not await read_config_maps(self._client, self._store, needed):
                break
        return needed

    def _leave_alone(self, workload: Workload, decided: Plan, why: LeftAlone) -> None:
        """Write nothing, and report why if the workload has probes of ours or a rule selects it."""
        known = self._store.outcomes.get(workload.key)
        outcome = outcome_of(known, decided, why)
        if outcome == known:
            return
        log.warning("%s: %s", workload.key, why.message)
        self._dirty(self._store.outcomes.put(workload.key, outcome))

    def _give_way(self, key: WorkloadKey) -> bool:
        """Withhold probes that another manager keeps taking out; returns whether there are new ones."""
        world = self._store.world
        known = world.withheld.get(key, ())
        removed = self._store.removed.pop(key, ())
        now = self._contests.judge(key, removed, known, world.removed_at.get(key, ""))
        if removed:
            world.keep_removed_at(key, self._contests.last_removal(key))
        if now != known:
            world.keep_withheld(key, now, world.retried.get(key, ""))
        return len(now) > len(known)

    def _report_contested(self, workload: Workload, decided: Plan) -> None:
        """Post an Event about probes that are not written again."""
        left_out = [
            f"{probe.kind} of {container.name} is {probe.reason}"
            for container in decided.containers
            for probe in container.probes
            if probe.withheld is not None and probe.withheld.reason is WithheldReason.CONTESTED
        ]
        if left_out:
            note = "; ".join(left_out)
            self._events.post(workload, Event(type="Warning", reason="ProbesContested", note=note))
            log.warning("%s: %s", workload.key, note)

    async def _carry_out(self, workload: Workload, decided: Plan, record: HealthPlan, sources: Sources) -> float | None:
        rejections: list[Rejection] = []
        originals = self._store.world.originals.get(workload.key, ())
        if decided.questions:
            record = with_findings(record, [finding_record(pods_starting(decided))])
        if why := self._held_back(workload, decided):
            return await self._wait(workload, decided, record, sources, why)
        recorded = self._store.records.health_plans.get(workload.key)
        safe, patched = True, workload
        takes_out = any(probe.withheld for container in decided.containers for probe in container.probes)
        if decided.patches and (recorded is None or decided.originals != originals or takes_out):
            safe = await self._record(workload, record, rejections)
        if safe:
            patched = await self._patch(workload, decided, _event_of(decided), rejections)
            earlier = self._store.world.earlier.get(workload.key, ())
            if patched is not workload and (decided.originals or decided.withheld or decided.earlier != earlier):
                # The record of a probe that was replaced twice shrinks once the second replacement is written, what was
                # withheld ends where another probe is there now, and what the patch replaced may have to come back.
                after = plan_of(patched, self._store.world)
                self._store.world.keep_withheld(workload.key, after.withheld, after.retried)
                record = after.record or record
            await self._deliver(workload, decided.delivery, rejections)
            await self._record(workload, with_rejections(record, rejections), rejections)
        if self._store.records.health_plans.get(workload.key) is not recorded:
            self._report_refuted(workload, decided)
        self._note(workload, decided, sources, rejections)
        if patched is not workload and (
            decided.unfinished or decided.mode is Mode.AUDIT or decided.preview is not None
        ):
            return 0.0  # the next pass, and what is only shown, reads the workload as it is after the patch
        return min((rejection.again for rejection in rejections), default=None)

    def _held_back(self, workload: Workload, decided: Plan) -> str:
        """Return why a plan's patches have to wait; empty if there are none, or they may be sent."""
        if not decided.patches or self._rejections.current(workload, decided.patches) is not None:
            return ""
        return self._writer.hold(workload, decided) or self._gate.ask(workload, decided)

    async def _wait(
        self, workload: Workload, decided: Plan, record: HealthPlan, sources: Sources, why: str
    ) -> float | None:
        """Record that a plan waits for its turn. Nothing that it would replace is remembered before its turn."""
        rejections: list[Rejection] = []
        record = waiting_record(decided, record)
        status = msgspec.structs.replace(
            record.status,
            message=why,
            originals=self._store.world.originals.get(workload.key, ()),
            rollout=decided.rollout or self._gate.remembered(workload),
        )
        if decided.delivery is not None and self._store.brake is None:
            await self._deliver(workload, decided.delivery, rejections)
        record = msgspec.structs.replace(record, status=status)
        await self._record(workload, with_rejections(record, rejections), rejections)
        self._note(workload, decided, sources, rejections, waits=why)
        return min((rejection.again for rejection in rejections), default=None)

    def _report_refuted(self, workload: Workload, decided: Plan) -> None:
        """Post an Event about a refuted probe, once: when its HealthPlan is written."""
        if (refuted := refuted_finding(decided)) is not None:
            self._events.post(workload, Event(type="Warning", reason="ProbeRefuted", note=refuted.message))
            log_refuted(workload, refuted)

    async def _clean(self, workload: Workload, decided: Plan) -> float | None:
        """Remove everything of ours from a workload that no rule selects."""
        if why := self._held_back(workload, decided):
            await self._writer.note_waiting(workload, why)
            return None
        rejections: list[Rejection] = []
        restored = Event(type="Normal", reason=RESTORED, note="no rule selects it any more: put back as it was")
        await self._patch(workload, decided, restored, rejections)
        if rejections:
            log.warning("%s can't be put back as it was: %s", workload.key, rejections[0].finding.message)
            return rejections[0].again
        if not decided.patches and decided.originals:
            log.warning("%s keeps a probe of ours: what it replaced runs a command (--allow-exec)", workload.key)
            return None
        if self._gate.in_flight(workload.key):
            return None  # until it is well: after a restart nothing else says that it is in flight
        await self._writer.erase(workload.key)
        self._dirty(self._store.outcomes.put(workload.key, None))
        return None

    async def _forget(self, key: WorkloadKey) -> float | None:
        """Forget a deleted workload. What it owned is removed by garbage collection, or else by the operator."""
        self._rejections.clear(key)
        self._contests.forget(key)
        self._prover.forget(key)
        self._watcher.forget(key)
        self._gate.forget(key)
        self.awaited.discard(key)
        if (dependable := self._dependables.pop(key, None)) is not None and dependable.cycle:
            for service in dependable.services:
                self._enqueue(self._store.outcomes.mentioning(service))
        self._dirty(self._store.outcomes.put(key, None))
        if not self._writer.has_left(key):
            self._gone_since.pop(key, None)
            return None
        waited = self._clock() - self._gone_since.setdefault(key, self._clock())
        if waited < GRACE:
            return GRACE - waited + 0.1
        await self._writer.erase(key)
        self._gone_since.pop(key, None)
        return None

    async def _patch(self, workload: Workload, decided: Plan, event: Event, rejections: list[Rejection]) -> Workload:
        patches = decided.patches
        if not patches and not decided.disowned:
            self._rejections.clear(workload.key)
            return workload
        if (rejection := self._rejections.current(workload, patches)) is not None:
            rejections.append(rejection)
            return workload
        try:
            patched = await self._writer.patch(workload, patches, decided.disowned)
        except (InvalidError, ForbiddenError) as error:
            rejections.append(rejection := self._rejections.note(workload, patches, error))
            self._events.post(workload, Event(type="Warning", reason="Rejected", note=rejection.finding.message))
            log_rejected(workload, rejection.finding.message)
            self._gate.drop(workload.key)
            return workload
        self._look_whether_rewritten(patched, decided, rejections)
        if patches:
            self._watcher.wrote(workload, patched)
            self._gate.sent(patched)
            if event.reason == RESTORED and workload.ordered and not workload.settled:
                event = replace(event, note=event.note + await self._watcher.stuck(workload))
            self._events.post(workload, event)
            log_write(workload, patched, decided)
        return patched

    def _look_whether_rewritten(self, patched: Workload, decided: Plan, rejections: list[Rejection]) -> None:
        """Note that the API server has kept other probes than were written: the same patch would change nothing."""
        differs = rewritten(decided, patched)
        patches = plan_of(patched, self._store.world).patches if differs else ()
        if patches:
            rejections.append(self._rejections.note_rewritten(patched, patches, differs))
            log_rejected(patched, rejections[-1].finding.message)
        else:
            self._rejections.clear(patched.key)

    async def _deliver(self, workload: Workload, text: str | None, rejections: list[Rejection]) -> None:
        try:
            if text is None:
                await self._writer.withdraw(workload.key)
            else:
                await self._writer.deliver(workload, text)
        except (InvalidError, ForbiddenError, NotOursError) as error:
            what = "the ConfigMap with the workload's dependencies"
            rejections.append(rejection_of(error, what, again=OTHER_WRITE_AGAIN, rejected=False))

    async def _record(self, workload: Workload, record: HealthPlan, rejections: list[Rejection]) -> bool:
        try:
            await self._writer.record(workload, record)
        except (InvalidError, ForbiddenError) as error:
            rejections.append(rejection_of(error, "the HealthPlan", again=OTHER_WRITE_AGAIN))
            level = logging.DEBUG if TERMINATING in error.message else logging.WARNING
            log.log(level, "%s: %s", workload.key, rejections[-1].finding.message)
            return False
        return True

    def _note(
        self,
        workload: Workload,
        decided: Plan,
        sources: Sources,
        rejections: Sequence[Rejection],
        *,
        waits: str = "",
    ) -> None:
        problem, message = _problem(decided, rejections)
        outcome = Outcome(
            state=_state(decided, rejections, waits=waits),
            rules=sources.rules,
            mentions=sources.mentions,
            requires=tuple(need.service for need in decided.dependencies if need.required),
            config_maps=sources.config_maps,
            conflicts=decided.conflicts,
            verification=worst_verification(decided),
            probes=verification_states(decided),
            waiting=depends_on_pods(decided),
            proof=verification_reason(decided),
            coverage=coverage_of(workload, decided),
            would_restart=would_restart(workload, decided),
            problem=problem,
            message=message,
            waits=waits,
            lacks=decided.lacks,
            findings=(*(one.id for one in decided.findings), *(one.finding.id for one in rejections)),
            family=family_of(workload, decided) if decided.rollout else "",
        )
        self._dirty(self._store.outcomes.put(workload.key, outcome))
        now = self._store.world.workloads.get(workload.key)
        if outcome.waiting and not workload.ready and now is not None and now.ready:
            self._enqueue([workload.key])  # it has become ready since it was planned

    def _enqueue_dependants(self, workload: Workload, decided: Plan) -> None:
        """Queue the dependants of a workload if what their plans read of it has changed.

        A change of the cycle of requirements that it is part of counts too: every member queues its dependants.
        """
        services = tuple(service.key for service in self._store.world.services_of(workload))
        ports = tuple(container.ports for container in workload.containers)
        shares = self._store.world.namespace(workload.namespace).annotations.get(SHARE_HEALTH_PATHS)
        cycle = decided.cycle.edges if decided.cycle is not None else ()
        now = Dependable((decided.readiness, ports, shares), cycle, services)
        before = self._dependables.get(workload.key)
        seen = workload.key not in self.unseen
        self.unseen.discard(workload.key)
        if before == now or (before is None and not services):
            return
        self._dependables[workload.key] = now
        if before is None and not seen:
            return
        for service in {*services, *(before.services if before else ())}:
            self._enqueue(self._store.outcomes.mentioning(service))


_TAKEN_BACK = {State.ROLLED_BACK: "ProbesRolledBack", State.REFUTED: "ProbesTakenOut"}
"""The reasons of the Events about probes that are taken back."""


def _state(decided: Plan, rejections: Iterable[Rejection], *, waits: str) -> State:
    if any(rejection.rejected for rejection in rejections):
        return State.REJECTED
    return State.WAITING if waits else decided.state


def _event_of(decided: Plan) -> Event:
    """Return the Event that goes with the patches of a plan."""
    if decided.mode is Mode.ENFORCE and decided.state in _TAKEN_BACK and decided.withheld:
        note = f"{decided.message}: {decided.withheld[0].evidence}"
        return Event(type="Warning", reason=_TAKEN_BACK[decided.state], note=note)
    if decided.mode is Mode.AUDIT:
        note = "no rule in mode Enforce selects it any more: put back as it was"
        return Event(type="Normal", reason=RESTORED, note=note)
    return Event(type="Normal", reason="ProbesWritten", note=decided.message)


def _problem(decided: Plan, rejections: Sequence[Rejection]) -> tuple[Reason | None, str]:
    """Return the reason why a plan can't be carried out, with a message; None and an empty message if there is none."""
    if rejections:
        return rejections[0].reason, rejections[0].finding.message
    refuted = refuted_finding(decided)
    if decided.state is State.ROLLED_BACK:
        return Reason.PROBES_ROLLED_BACK, decided.message
    if decided.failing:
        return Reason.PODS_FAILING, decided.failing
    if decided.state is State.REFUTED and refuted is None:
        return Reason.PROBES_REFUTED, decided.message
    if refuted is not None and (decided.state is State.REFUTED or refuted.severity is Severity.ERROR):
        return Reason.PROBES_REFUTED, refuted.message
    error = next((finding for finding in decided.findings if finding.severity is Severity.ERROR), None)
    if error is not None:
        return Reason.PLAN_INCOMPLETE, error.message
    if decided.cycle is not None:
        return Reason.DEPENDENCY_CYCLE, cycle_finding(decided.cycle).message
    return None, ""
