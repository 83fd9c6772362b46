"""Watching what was written: while a rollout under probes of ours isn't complete, its newest pods are looked at.

It begins with a write of ours, with a new template under probes of ours, or when pods stop being ready; it ends when
the rollout is complete, and nothing is looked at in a settled cluster. Pods are listed when they are looked at, with
rising pauses. `plan.harm` judges; what it finds is put into `World.withheld`, and reconciling takes the probes out.
Before that the new pods are asked where else they answer, so that a derived probe moves in one rollout.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from apphealth.controller.queue import Backoff, WorkQueue
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.model.pod import KubeletNote, Pod, PodState, Reply
from apphealth.model.probe import Exec, Grpc, HttpGet, Probe, TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.withheld import EarlierProbe, Withheld, WithheldReason, withhold
from apphealth.model.workload import Workload, WorkloadKey, same
from apphealth.plan import plan
from apphealth.plan.harm import Sighting, Target, carries, failing, gone, hangs, judge, number_of, stuck
from apphealth.plan.ownership.managed_fields import recognise
from apphealth.plan.ownership.takeover import is_ours
from apphealth.probing.tries import NotYet
from apphealth.store.facts import facts_of
from apphealth.store.store import Store

AT_ONCE = 8
"""Workloads that are looked at at once."""
PAUSE = Backoff(first=2, longest=300)
"""Between two looks at a workload whose rollout makes no progress."""
SOON = 2.0
"""Seconds between a change of a workload's status and the look that follows."""
OFTEN = 8
"""Looks that come every `SOON` seconds, before the pauses rise: harm is found within them."""
PODS = 3
"""Most pods that are asked in one look."""
ROUNDS = 6
"""Most rounds of questions about where else the new pods answer."""
MOVING = 10.0
"""Seconds that these rounds may take: longer, the harm is ended first."""

log = logging.getLogger(__name__)


class Pods(NamedTuple):
    """How pods are looked at.

    Attributes
    ----------
    newest
        Lists the pods of a workload's present template.
    notes
        Lists the kubelet's Events about a pod of a namespace.
    ask_one, ask
        Ask one pod as the kubelet would, and a few of them for a proof.
    """

    newest: Callable[[Workload], Awaitable[list[PodState]]]
    notes: Callable[[str, PodState], Awaitable[tuple[KubeletNote, ...]]]
    ask_one: Callable[[Question, Pod], Awaitable[Reply | None]]
    ask: Callable[[Question, list[Pod]], Awaitable[Proof | NotYet]]


@dataclass(slots=True)
class _Watch:
    """What is known of a workload while it is watched."""

    uid: str
    template: str
    looks: int = 0
    gone_since: dict[Target, float] = field(default_factory=dict)
    """Since when each endpoint has been gone, by the operator's clock."""
    troubled: frozenset[Target] = frozenset()
    """The probes of ours on pods that were not ready at the last look."""
    failing: str = ""
    """The example of the last look."""


class Watcher:
    """Looks after rollouts under probes of ours.

    Parameters
    ----------
    store
        Has the workloads; gets what is withheld and where pods answer.
    enqueue
        Queues workloads for reconciliation.
    pods
        How pods are looked at.
    clock
        Seconds, rising.
    observe
        See `WorkQueue`.

    Attributes
    ----------
    queue
        The workloads to look at.
    """

    def __init__(
        self,
        store: Store,
        *,
        enqueue: Callable[[Iterable[WorkloadKey]], None],
        pods: Pods,
        clock: Callable[[], float],
        observe: Callable[[float, float, bool], None] | None = None,
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._pods = pods
        self._clock = clock
        self._watches: dict[WorkloadKey, _Watch] = {}
        self._warned = False
        self.queue: WorkQueue[WorkloadKey] = WorkQueue(
            self._look, workers=AT_ONCE, expected=(KubeError,), observe=observe
        )

    def begin(self) -> None:
        """Look at every workload with probes of ours whose rollout isn't complete, or that failed them at last."""
        world = self._store.world
        self.changed(
            key
            for key, workload in world.workloads.items()
            if key in world.failing or (not workload.settled and (workload.has_ours or key in world.written))
        )

    def changed(self, keys: Iterable[WorkloadKey]) -> None:
        """Look soon at workloads whose pods are not all as they should be."""
        for key in keys:
            watch = self._watches.get(key)
            self.queue.add(
                key, after=SOON if watch is None or watch.looks <= OFTEN else PAUSE.after(watch.looks - OFTEN)
            )

    def wrote(self, before: Workload, after: Workload) -> None:
        """Remember the probes of ours that a write of ours replaced: they come back if the new ones do harm.

        Parameters
        ----------
        before, after
            The workload before and after the write.
        """
        now, world = self._suspects(after), self._store.world
        harmful = {(one.container, one.kind): one for one in world.withheld.get(after.key, ())}
        earlier = tuple(
            EarlierProbe(container=target[0], kind=target[1], probe=probe, template=after.template)
            for target, probe in sorted(self._suspects(before).items(), key=lambda one: one[0])
            if target in now
            and now[target] != probe
            and not (target in harmful and harmful[target].is_about(probe))  # what was taken back stays out
        )
        world.keep_earlier(after.key, earlier)
        self._watches.pop(after.key, None)
        self.changed([after.key])

    def respect(self, workload: Workload) -> None:
        """Withhold what somebody has just taken out of a workload whose new pods were in trouble with it.

        That is `kubectl rollout undo`, or an edit, in an incident: the probe, written again, would bring it back.

        Parameters
        ----------
        workload
            As it is now, before it is planned.
        """
        watch = self._watches.get(workload.key)
        if watch is None or watch.uid != workload.uid or not watch.troubled:
            return
        containers = {container.name: container for container in workload.containers}
        written = {(one.container, one.kind): one.probe for one in self._store.world.written.get(workload.key, ())}
        taken = [
            (name, kind)
            for name, kind in sorted(watch.troubled)
            if (name, kind) in written and name in containers and kind not in containers[name].probes
        ]
        found = [
            Withheld(
                container=name,
                kind=kind,
                probe=written[name, kind],
                reason=WithheldReason.ROLLED_BACK,
                evidence="it was taken out by somebody else while the new pods with it were not ready"
                + (f": {watch.failing}" if watch.failing else ""),
                template=workload.template,
            )
            for name, kind in taken
        ]
        if found:
            watch.troubled = frozenset()
            self._withhold(workload, found)

    def forget(self, key: WorkloadKey) -> None:
        """Forget a workload that is gone, or that no rule selects."""
        self._watches.pop(key, None)
        self._store.world.failing.pop(key, None)

    def reset(self) -> None:
        """Forget everything, because another replica leads now."""
        self.queue.clear()
        self._watches.clear()

    def _suspects(self, workload: Workload) -> dict[Target, Probe]:
        """Return the probes of ours on a workload."""
        world = self._store.world
        originals = {(one.container, one.type): one for one in world.originals.get(workload.key, ())}
        workload = recognise(workload, world.written.get(workload.key, ()))
        return {
            (container.name, kind): live.probe
            for container in workload.containers
            for kind, live in container.probes.items()
            if is_ours(live, originals.get((container.name, kind.value)))
        }

    async def stuck(self, workload: Workload) -> str:
        """Return what users have to do for pods that Kubernetes doesn't replace; empty if none is known.

        Parameters
        ----------
        workload
            Whose pods.
        """
        with suppress(KubeError):
            return stuck(workload, await self._pods.newest(workload))
        return ""

    async def _look(self, key: WorkloadKey) -> float | None:
        """Look at a workload's newest pods; returns the seconds until the next look, or None."""
        workload = self._store.world.workloads.get(key)
        suspects = self._suspects(workload) if workload is not None else {}
        if workload is None or not suspects or not workload.progress.desired:
            self._watches.pop(key, None)
            self._say(key, "")
            return None
        if not workload.progress.observed:
            return None  # there are no new pods before its controller has seen it; then its status changes
        watch = self._watches.get(key)
        if watch is None or (watch.uid, watch.template) != (workload.uid, workload.template):
            watch = self._watches[key] = _Watch(workload.uid, workload.template)
        watch.looks += 1
        newest = await self._pods.newest(workload)
        seen = await self._see(workload, suspects, newest)
        if not self._is_still(workload):
            return SOON  # what was seen may be of another template
        watch.troubled = frozenset(
            target
            for one in seen
            if not one.pod.ready
            for target, probe in suspects.items()
            if carries(one.pod, target, probe)
        )
        self._time(watch, gone(workload, suspects, seen))
        gone_for = {target: self._clock() - since for target, since in watch.gone_since.items()}
        before = {
            (one.container, one.kind): one.probe
            for one in self._store.world.earlier.get(key, ())
            if one.template == workload.template
        }
        harm = judge(workload, suspects, seen, gone_for, before, newest)
        if harm:
            await self._end(workload, harm, seen)
            return SOON
        watch.failing = failing(suspects, seen) or hangs(workload, datetime.now(UTC))
        self._say(key, watch.failing)
        if workload.settled and not watch.troubled:
            self._watches.pop(key, None)
            return None
        return SOON if watch.looks <= OFTEN or watch.gone_since else PAUSE.after(watch.looks - OFTEN)

    def _is_still(self, workload: Workload) -> bool:
        """Return whether nothing but the status of a workload has changed."""
        now = self._store.world.workloads.get(workload.key)
        return now is not None and same(now, workload)

    def _time(self, watch: _Watch, missing: Iterable[Target]) -> None:
        now = self._clock()
        watch.gone_since = {target: watch.gone_since.get(target, now) for target in missing}

    async def _see(
        self, workload: Workload, suspects: Mapping[Target, Probe], newest: Iterable[PodState]
    ) -> list[Sighting]:
        """Return the pods with probes of ours that aren't ready or were restarted; learn how long the others took."""
        learned = [
            self._store.world.learn_start(workload.key, container.name, container.start)
            for pod in newest
            for container in pod.containers
        ]
        if any(learned):
            self._enqueue([workload.key])
        pods = [
            pod
            for pod in newest
            if any(carries(pod, target, probe) for target, probe in suspects.items())
            and (not pod.ready or any(container.restarts for container in pod.containers))
        ]
        return list(await asyncio.gather(*(self._see_one(workload, suspects, pod) for pod in pods[:PODS])))

    async def _see_one(self, workload: Workload, suspects: Mapping[Target, Probe], pod: PodState) -> Sighting:
        notes, replies = await asyncio.gather(self._notes(workload, pod), self._replies(workload, suspects, pod))
        starts = self._store.world.starts.get(workload.key, {})
        return Sighting(pod=pod, notes=notes, replies=replies, starts=starts)

    async def _notes(self, workload: Workload, pod: PodState) -> tuple[KubeletNote, ...]:
        try:
            return await self._pods.notes(workload.namespace, pod)
        except ForbiddenError as error:
            if not self._warned:
                self._warned = True
                log.warning("can't read what the kubelet says about pods (said once): %s", error.message)
            return ()

    async def _replies(
        self, workload: Workload, suspects: Mapping[Target, Probe], pod: PodState
    ) -> dict[Target, Reply]:
        if not pod.ip or pod.ready:
            return {}
        containers = {container.name: container for container in workload.containers}
        asked: dict[Target, Question] = {}
        for (name, kind), probe in suspects.items():
            state, number = pod.container(name), number_of(containers[name], probe)
            if state is None or not state.running or number is None:
                continue
            match probe.handler:
                case HttpGet() | TcpSocket() | Grpc() as handler:
                    asked[name, kind] = Question(
                        template=workload.template_key,
                        container=name,
                        image=containers[name].image,
                        handler=replace(handler, port=number),
                        timeout=probe.timeout,
                        accept=Accept.SUCCESS,
                    )
                case Exec() | None:
                    continue
        # Probes of one container often ask the same endpoint.
        once = {(question.handler, question.timeout): question for question in asked.values()}
        came = await asyncio.gather(
            *(self._pods.ask_one(question, _asked(pod, question)) for question in once.values())
        )
        replies = dict(zip(once, came, strict=True))
        return {
            target: reply
            for target, question in asked.items()
            if (reply := replies[question.handler, question.timeout]) is not None
        }

    async def _end(self, workload: Workload, harm: tuple[Withheld, ...], seen: Iterable[Sighting]) -> None:
        """End the harm: have the probes taken out, or moved to where the new pods answer."""
        for entry in harm:
            log.warning("%s: takes back %s of %s: %s", workload.key, entry.kind, entry.container, entry.evidence)
        if all(entry.reason is WithheldReason.REFUTED for entry in harm):
            try:
                async with asyncio.timeout(MOVING):
                    await self._ask_elsewhere(workload, harm, [one.pod for one in seen])
            except TimeoutError:
                log.debug("%s: its new pods take too long to answer elsewhere", workload.key)
        if self._is_still(workload):
            self._watches.pop(workload.key, None)
            self._withhold(workload, harm)
            self._enqueue([workload.key])

    async def _ask_elsewhere(self, workload: Workload, harm: tuple[Withheld, ...], pods: Iterable[PodState]) -> None:
        """Ask the new pods, ready or not, what the plan without the harmful probes would ask."""
        world = self._store.world
        as_if_ready = replace(workload, ready=True)
        reached = [pod for pod in pods if pod.ip]
        for _ in range(ROUNDS):
            facts = facts_of(as_if_ready, world)
            decided = plan(as_if_ready, replace(facts, withheld=withhold(facts.withheld, harm)), world.options)
            if not decided.questions or not reached:
                return
            came = await asyncio.gather(
                *(
                    self._pods.ask(question, [_asked(pod, question) for pod in reached])
                    for question in decided.questions
                )
            )
            known = [
                (question, proof)
                for question, proof in zip(decided.questions, came, strict=True)
                if isinstance(proof, Proof) and proof.verdict is not Verdict.UNREACHABLE
            ]
            for question, proof in known:
                world.put_answer(question, proof)
            if len(known) < len(came):
                return

    def _withhold(self, workload: Workload, found: Iterable[Withheld]) -> None:
        world, key = self._store.world, workload.key
        if entries := tuple(found):
            world.keep_withheld(key, withhold(world.withheld.get(key, ()), entries), world.retried.get(key, ""))

    def _say(self, key: WorkloadKey, example: str) -> None:
        """Have the plan say that pods fail a probe of ours; the first example stays until there is none."""
        known = self._store.world.failing.get(key, "")
        if bool(known) is bool(example):
            return
        if example:
            self._store.world.failing[key] = example
        else:
            self._store.world.failing.pop(key, None)
        self._enqueue([key])


def _asked(pod: PodState, question: Question) -> Pod:
    state = pod.container(question.container)
    return Pod(name=pod.name, uid=pod.uid, ip=pod.ip, age=state.running if state is not None else 0.0)
