"""Asking running pods the questions of plans, in the background, and storing their answers.

A question is asked once for all workloads that wait for its answer, which then are reconciled again. A question whose
answer may change is asked again with back-off, as long as a workload waits for a better answer. Questions and answers
that no plan reads any more are forgotten.

Namespaces don't hold up each other: each has its share of the questions asked at once, and one whose pods keep
questions waiting has a single one. Where pods of several workloads of a namespace can't be reached, further first
questions are answered at once, and asked in the background.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from apphealth.controller.queue import Backoff, WorkQueue
from apphealth.controller.verification import depends_on_pods
from apphealth.kube.errors import ForbiddenError, KubeError
from apphealth.model.pod import Pod
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.model.survey import Survey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan
from apphealth.probing.asker import PODS
from apphealth.probing.tries import NotYet
from apphealth.store.store import Store

AT_ONCE = 32
"""Questions that are asked at once."""
IN_A_NAMESPACE = 4
"""Of these, in one namespace: applications have their own work to do."""
SLOW = 5.0
"""Seconds after which a question counts as slow: its namespace then asks one question at a time."""
SLOW_SURVEY = 20.0
"""The same for a survey, which takes its time so as not to disturb."""
ROUNDS = 3
"""How often other pods are asked because the first ones are gone meanwhile."""
UNREACHED = 2
"""Workloads that can't be reached, with none reached since, for a namespace to count as unreachable."""
STARTING = Backoff(first=2, longest=60)
"""Before pods that are still starting are asked again; after 5 minutes they no longer count as starting."""
NO_PODS = Backoff(first=2, longest=3600)
"""Before a question is asked again that no pod can be asked; the workload's status wakes it up earlier."""
REFUTED = Backoff(first=30, longest=3600)
"""Before pods that answered badly, or could not be reached, are asked again."""
SETTLE = 2.0
"""Seconds between a change of a workload's ready pods and its questions: a rollout brings several at once."""

log = logging.getLogger(__name__)

ListPods = Callable[[Workload, Question], Awaitable[list[Pod]]]
Ask = Callable[[Question, list[Pod]], Awaitable[Proof | NotYet]]


@dataclass(slots=True)
class _Pending:
    """A question that workloads wait for."""

    waiting: dict[WorkloadKey, Question] = field(default_factory=dict)
    """The workloads that wait, and the question with the container's name in each of them."""
    fresh: bool = True
    """Whether the question has not been asked yet."""
    times: int = 0
    """How often in a row it was asked without success."""


@dataclass(slots=True)
class _Namespace:
    """What is being asked in a namespace."""

    asking: int = 0
    """Questions that are being asked."""
    slow: bool = False
    """Whether the last question was slow."""
    postponed: deque[str] = field(default_factory=deque)
    """Questions that wait for the namespace's share of questions asked at once."""
    unreached: set[WorkloadKey] = field(default_factory=set)
    """Workloads whose pods could not be reached since any pod was reached."""


class Prover:
    """Asks pods, and puts their answers into `World.answers`.

    Parameters
    ----------
    store
        Has the workloads; gets the answers.
    enqueue
        Queues workloads for reconciliation.
    list_pods
        Lists the pods that a question can be asked of.
    ask
        Asks the first few of them.
    observe
        As for `WorkQueue`.

    Attributes
    ----------
    queue
        The ids of the questions to ask.
    """

    def __init__(
        self,
        store: Store,
        *,
        enqueue: Callable[[Iterable[WorkloadKey]], None],
        list_pods: ListPods,
        ask: Ask,
        observe: Callable[[float, float, bool], None] | None = None,
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._list_pods = list_pods
        self._ask = ask
        self._pending: dict[str, _Pending] = {}
        self._read_by: defaultdict[str, set[WorkloadKey]] = defaultdict(set)
        self._reads: dict[WorkloadKey, tuple[frozenset[str], str]] = {}
        self._generations: dict[WorkloadKey, object] = {}
        self._namespaces: defaultdict[str, _Namespace] = defaultdict(_Namespace)
        self._warned = False
        self.queue: WorkQueue[str] = WorkQueue(self._work_on, workers=AT_ONCE, expected=(KubeError,), observe=observe)

    def consider(self, workload: Workload, decided: Plan) -> bool:
        """Queue the questions of a plan.

        Parameters
        ----------
        workload, decided
            The workload, and its plan.

        Returns
        -------
        bool
            Whether the plan should wait for a first answer.
        """
        key = workload.key
        previewed = decided.preview.questions if decided.preview is not None else ()
        open_ = {question.id: question for question in decided.questions}
        later = {question.id: question for question in previewed if question.id not in open_}
        again = {question.id: question for question, proof in decided.proofs if proof.verdict is not Verdict.VERIFIED}
        again = again if depends_on_pods(decided) else {}
        read = frozenset((*open_, *later, *(question.id for question, _ in decided.proofs)))
        self._set_reads(key, read, workload.template_key)
        for id_ in read - open_.keys() - later.keys() - again.keys():
            self._stop_waiting(id_, key)
        changed = bool(open_ or later or again) and self._has_changed(workload, decided)
        for id_, question in (open_ | later).items():
            self._wait_for(id_, question, key, at_once=changed, after=0)
        for id_, question in again.items():
            self._wait_for(id_, question, key, at_once=changed, after=REFUTED.after(1) * random.uniform(1, 2))  # noqa: S311 -- to spread load
        return any(self._pending[id_].fresh for id_ in open_)

    def pods_changed(self, keys: Iterable[WorkloadKey]) -> None:
        """Ask the questions of workloads soon, because other pods of theirs are ready now."""
        for key in keys:
            for id_ in self._reads.get(key, (frozenset[str](), ""))[0]:
                if (pending := self._pending.get(id_)) is not None and key in pending.waiting and not pending.fresh:
                    self.queue.add(id_, after=SETTLE)

    def forget(self, key: WorkloadKey) -> None:
        """Forget a workload that is gone, or that no rule selects."""
        self._set_reads(key, frozenset(), "")
        self._generations.pop(key, None)
        if key.namespace in self._namespaces:
            self._namespaces[key.namespace].unreached.discard(key)
            self._resume([key.namespace])

    def reset(self) -> None:
        """Forget all questions and answers: another replica leads, and its HealthPlans have the answers."""
        self._pending.clear()
        self._read_by.clear()
        self._reads.clear()
        self._generations.clear()
        self._store.world.answers.clear()

    def tidy(self) -> None:
        """Forget the answers that no plan reads: those of HealthPlans whose workload is gone or has changed."""
        self._store.world.keep_answers(self._read_by.keys())

    def _has_changed(self, workload: Workload, decided: Plan) -> bool:
        """Return whether the workload or one of its rules has changed since the last plan."""
        now = (
            workload.uid,
            workload.generation,
            tuple((rule, self._store.generations.get(rule)) for rule in decided.rules),
        )
        before = self._generations.get(workload.key)
        self._generations[workload.key] = now
        return before is not None and before != now

    def _wait_for(self, id_: str, question: Question, key: WorkloadKey, *, at_once: bool, after: float) -> None:
        if (pending := self._pending.get(id_)) is None:
            pending = self._pending[id_] = _Pending(fresh=after == 0)
            self.queue.add(id_, after=after)
        elif not pending.waiting:
            self.queue.add(id_, after=after)
        elif at_once and not pending.fresh:
            pending.times = 0
            self.queue.add(id_)
        pending.waiting[key] = question

    def _set_reads(self, key: WorkloadKey, ids: frozenset[str], template: str) -> None:
        """Store which answers a workload's plan reads, and forget those that no plan reads any more."""
        before, of = self._reads.pop(key, (frozenset[str](), ""))
        if ids:
            self._reads[key] = (ids, template)
        for id_ in ids - before:
            self._read_by[id_].add(key)
        for id_ in before - ids:
            self._read_by[id_].discard(key)
            self._stop_waiting(id_, key)
            if not self._read_by[id_]:
                del self._read_by[id_]
                self._pending.pop(id_, None)
                self._store.world.drop_answer(of, id_)

    def _stop_waiting(self, id_: str, key: WorkloadKey) -> None:
        if (pending := self._pending.get(id_)) is not None:
            pending.waiting.pop(key, None)

    async def _work_on(self, id_: str) -> float | None:
        """Ask a question; returns the seconds after which to ask it again, or None."""
        pending = self._pending.get(id_)
        if pending is None or not pending.waiting:
            self._resume(list(self._namespaces))
            return None
        workload = self._choose(pending)
        if workload is None:
            # The plans do without pods, and are made again when there are some.
            self._first_answer(pending)
            del self._pending[id_]
            self._resume(list(self._namespaces))
            return None
        where = self._namespaces[workload.namespace]
        question = pending.waiting[workload.key]
        if pending.fresh and len(where.unreached) >= UNREACHED:
            answer = f"not asked: pods of {len(where.unreached)} other workloads of the namespace can't be reached"
            return self._take(id_, pending, question, workload, Proof(verdict=Verdict.UNREACHABLE, answer=answer))
        if where.asking >= self._share(where):
            where.postponed.append(id_)
            return None
        came = await self._ask_in(where, question, workload)
        return self._take(id_, pending, question, workload, came) if self._pending.get(id_) is pending else None

    async def _ask_in(self, where: _Namespace, question: Question, workload: Workload) -> Proof | NotYet | None:
        """Ask a question within the namespace's share."""
        started = asyncio.get_running_loop().time()
        where.asking += 1
        try:
            came = await self._find_out(question, workload)
        finally:
            where.asking -= 1
            limit = SLOW_SURVEY if isinstance(question.handler, Survey) else SLOW
            where.slow = asyncio.get_running_loop().time() - started > limit
            self._resume([workload.namespace])
        self._note_reach(where, workload, came)
        return came

    def _share(self, where: _Namespace) -> int:
        """Return how many questions a namespace may ask at once."""
        others = sum(1 for other in self._namespaces.values() if other.asking or other.postponed)
        return 1 if where.slow else max(1, min(IN_A_NAMESPACE, AT_ONCE // max(1, others)))

    def _resume(self, namespaces: Iterable[str]) -> None:
        """Queue the questions that the namespaces' shares had postponed."""
        for name in namespaces:
            where = self._namespaces[name]
            if where.postponed and where.asking < self._share(where):
                self.queue.add(where.postponed.popleft())
            elif not (where.postponed or where.asking or where.unreached or where.slow):
                del self._namespaces[name]

    def _note_reach(self, where: _Namespace, workload: Workload, came: Proof | NotYet | None) -> None:
        """Store whether pods of a workload could be reached."""
        if came is None:
            return
        if isinstance(came, Proof) and came.verdict is Verdict.UNREACHABLE:
            self._namespaces[workload.namespace].unreached.add(workload.key)
            return
        where.unreached.clear()

    def _choose(self, pending: _Pending) -> Workload | None:
        """Choose the workload whose pods are asked: another one each time, because one may never have any."""
        workloads = (self._store.world.workloads.get(key) for key in sorted(pending.waiting))
        found = [one for one in workloads if one is not None and one.ready and not one.host_network]
        return found[pending.times % len(found)] if found else None

    async def _find_out(self, question: Question, workload: Workload) -> Proof | NotYet | None:
        """Return the answer of the workload's pods; None if there are none to ask."""
        try:
            for _ in range(ROUNDS):
                if not (pods := await self._list_pods(workload, question)):
                    return None
                slowest = max(pod.start for pod in pods)
                self._store.world.learn_start(workload.key, question.container, slowest)
                came = await self._ask(question, pods)
                if isinstance(came, NotYet) or came.verdict is Verdict.VERIFIED:
                    return came
                there = {pod.uid for pod in await self._list_pods(workload, question)}
                if all(pod.uid in there for pod in pods[:PODS]):
                    return came
        except ForbiddenError as error:
            return Proof(verdict=Verdict.UNREACHABLE, answer=f"pods can't be listed: {error.message}"[:200])
        return None

    def _take(
        self, id_: str, pending: _Pending, question: Question, workload: Workload, came: Proof | NotYet | None
    ) -> float | None:
        """Store an answer; returns the seconds after which to ask again, or None."""
        log.debug("%s (%s): %s", question, question.image, came)
        pending.times += 1
        if not isinstance(came, Proof):
            self._first_answer(pending)
            return (NO_PODS if came is None else STARTING).after(pending.times)
        before = self._store.world.answers_of(workload).get(id_)
        if before is None or before.verdict is not came.verdict:
            self._store.world.put_answer(question, came)
            pending.fresh = False
            self._enqueue(frozenset(self._read_by.get(id_, ())))
        if came.verdict is Verdict.VERIFIED:
            del self._pending[id_]
            return None
        if came.verdict is Verdict.UNREACHABLE and not self._warned:
            self._warned = True
            log.warning(
                "can't try probes on pods from here: %s; %s. What rules say is written all the same, and nothing is "
                "derived. Let the operator reach the pods, or set spec.verification: Skip (logged once)",
                question,
                came.answer,
            )
        return REFUTED.after(pending.times)

    def _first_answer(self, pending: _Pending) -> None:
        """Requeue the workloads that wait for a first answer: the pods gave none."""
        if pending.fresh:
            pending.fresh = False
            self._enqueue(frozenset(pending.waiting))
