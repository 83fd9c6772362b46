"""Asking running pods in the background what plans want to know, and remembering what they said.

Each question is asked once for all workloads that it concerns. What came of it goes into `World.answers`, and whoever
waited is looked at again. What may have another answer later is asked again with back-off, as long as anybody waits for
a better one; what nobody looks at any more is forgotten.
"""

from __future__ import annotations

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
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan
from apphealth.probing.asker import PODS, NotYet
from apphealth.store.store import Store

AT_ONCE = 32
"""Questions that are asked at once."""
IN_A_NAMESPACE = 4
"""Of these, in one namespace: applications have their work to do."""
ROUNDS = 3
"""How often other pods are asked because the first ones have gone meanwhile."""
STARTING = Backoff(first=2, longest=60)
"""Before pods that are still starting are asked again."""
REFUTED = Backoff(first=30, longest=3600)
"""Before pods that answered badly, or could not be reached, are asked again."""

log = logging.getLogger(__name__)

ListPods = Callable[[Workload, Question], Awaitable[list[Pod]]]
Ask = Callable[[Question, list[Pod]], Awaitable[Proof | NotYet]]


@dataclass(slots=True)
class _Matter:
    """A question that somebody waits for."""

    waiting: dict[WorkloadKey, Question] = field(default_factory=dict)
    """Who waits, and how it is asked of its pods: by the name that the container has there."""
    fresh: bool = True
    """Not asked yet."""
    times: int = 0
    """How often in a row it was asked to no avail."""


class Prover:
    """Asks pods, and puts into `World.answers` what they said.

    Parameters
    ----------
    store
        What is known; answers are put there.
    enqueue
        Has workloads looked at again.
    list_pods
        Lists the pods that a question can be asked of.
    ask
        Asks the first few of them.
    """

    def __init__(
        self, store: Store, *, enqueue: Callable[[Iterable[WorkloadKey]], None], list_pods: ListPods, ask: Ask
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._list_pods = list_pods
        self._ask = ask
        self._matters: dict[str, _Matter] = {}
        self._looked_at: dict[WorkloadKey, tuple[frozenset[str], str]] = {}
        self._lookers: defaultdict[str, set[WorkloadKey]] = defaultdict(set)
        self._generations: dict[WorkloadKey, object] = {}
        self._asking: defaultdict[str, int] = defaultdict(int)
        self._turned_away: defaultdict[str, deque[str]] = defaultdict(deque)
        self._out_of_reach = False
        self.queue: WorkQueue[str] = WorkQueue(self._look_into, workers=AT_ONCE, expected=(KubeError,))

    def consider(self, workload: Workload, decided: Plan) -> bool:
        """Have asked what a plan wants to know.

        Returns
        -------
        bool
            Whether an answer is on its way that the plan should wait for: something is asked for the first time.
        """
        key = workload.key
        previewed = decided.preview.questions if decided.preview is not None else ()
        open_ = {question.id: question for question in decided.questions}
        later = {question.id: question for question in previewed if question.id not in open_}
        again = {question.id: question for question, proof in decided.proofs if proof.verdict is not Verdict.VERIFIED}
        again = again if depends_on_pods(decided) else {}
        seen = frozenset((*open_, *later, *(question.id for question, _ in decided.proofs)))
        self._look_at(key, seen, workload.template_key)
        for id_ in seen - open_.keys() - later.keys() - again.keys():
            self._no_longer_waiting(id_, key)
        changed = bool(open_ or later or again) and self._has_changed(workload, decided)
        for id_, question in (open_ | later).items():
            self._wait_for(id_, question, key, at_once=changed, after=0)
        for id_, question in again.items():
            self._wait_for(id_, question, key, at_once=changed, after=REFUTED.after(1) * random.uniform(1, 2))  # noqa: S311 -- to spread load
        return any(self._matters[id_].fresh for id_ in open_)

    def forget(self, key: WorkloadKey) -> None:
        """Forget a workload that has gone, or that no rule selects."""
        self._look_at(key, frozenset(), "")
        self._generations.pop(key, None)

    def tidy(self) -> None:
        """Forget proofs that nobody has looked at: of HealthPlans whose workload has gone or changed."""
        self._store.world.keep_answers(self._lookers.keys())

    def _has_changed(self, workload: Workload, decided: Plan) -> bool:
        """Whether the workload or a rule over it has changed since it was last considered."""
        now = (
            workload.uid,
            workload.generation,
            tuple((rule, self._store.generations.get(rule)) for rule in decided.rules),
        )
        before = self._generations.get(workload.key)
        self._generations[workload.key] = now
        return before is not None and before != now

    def _wait_for(self, id_: str, question: Question, key: WorkloadKey, *, at_once: bool, after: float) -> None:
        if (matter := self._matters.get(id_)) is None:
            matter = self._matters[id_] = _Matter(fresh=after == 0)
            self.queue.add(id_, after=after)
        elif not matter.waiting:
            self.queue.add(id_, after=after)
        elif at_once and not matter.fresh:
            matter.times = 0
            self.queue.add(id_)
        matter.waiting[key] = question

    def _look_at(self, key: WorkloadKey, ids: frozenset[str], template: str) -> None:
        """Take note of what a workload's plan looks at, and forget what nobody does any more."""
        before, of = self._looked_at.pop(key, (frozenset[str](), ""))
        if ids:
            self._looked_at[key] = (ids, template)
        for id_ in ids - before:
            self._lookers[id_].add(key)
        for id_ in before - ids:
            self._lookers[id_].discard(key)
            self._no_longer_waiting(id_, key)
            if not self._lookers[id_]:
                del self._lookers[id_]
                self._matters.pop(id_, None)
                self._store.world.drop_answer(of, id_)

    def _no_longer_waiting(self, id_: str, key: WorkloadKey) -> None:
        if (matter := self._matters.get(id_)) is not None:
            matter.waiting.pop(key, None)

    async def _look_into(self, id_: str) -> float | None:
        """Ask a question; returns the seconds after which to ask again, if at all."""
        matter = self._matters.get(id_)
        if matter is None or not matter.waiting:
            self._go_on(list(self._asking))
            return None
        workload = self._whom_to_ask(matter)
        if workload is None:
            # Their plans do without pods, and are made anew when there are some.
            self._answered(matter)
            del self._matters[id_]
            self._go_on(list(self._asking))
            return None
        if self._asking[workload.namespace] >= IN_A_NAMESPACE:
            self._turned_away[workload.namespace].append(id_)
            return None
        self._asking[workload.namespace] += 1
        try:
            question = matter.waiting[workload.key]
            came = await self._find_out(question, workload)
        finally:
            self._asking[workload.namespace] -= 1
            self._go_on([workload.namespace])
        return self._take(id_, matter, question, workload, came) if self._matters.get(id_) is matter else None

    def _go_on(self, namespaces: Iterable[str]) -> None:
        """Let those have their turn who were turned away, where there is room again."""
        for namespace in namespaces:
            turned_away = self._turned_away[namespace]
            if turned_away and self._asking[namespace] < IN_A_NAMESPACE:
                self.queue.add(turned_away.popleft())
            elif not turned_away and not self._asking[namespace]:
                del self._asking[namespace], self._turned_away[namespace]

    def _whom_to_ask(self, matter: _Matter) -> Workload | None:
        """Choose whose pods are asked: each time another's, for those of one may never be there."""
        workloads = (self._store.world.workloads.get(key) for key in sorted(matter.waiting))
        found = [one for one in workloads if one is not None and one.ready and not one.host_network]
        return found[matter.times % len(found)] if found else None

    async def _find_out(self, question: Question, workload: Workload) -> Proof | NotYet:
        try:
            for _ in range(ROUNDS):
                if not (pods := await self._list_pods(workload, question)):
                    return NotYet("no ready pod runs it yet")
                came = await self._ask(question, pods)
                if isinstance(came, NotYet) or came.verdict is Verdict.VERIFIED:
                    return came
                there = {pod.uid for pod in await self._list_pods(workload, question)}
                if all(pod.uid in there for pod in pods[:PODS]):
                    return came
        except ForbiddenError as error:
            return Proof(verdict=Verdict.UNREACHABLE, answer=f"pods can't be listed: {error.message}"[:200])
        return NotYet("its pods come and go")

    def _take(
        self, id_: str, matter: _Matter, question: Question, workload: Workload, came: Proof | NotYet
    ) -> float | None:
        log.debug("%s (%s): %s", question, question.image, came)
        matter.times += 1
        if isinstance(came, NotYet):
            self._answered(matter)
            return STARTING.after(matter.times)
        before = self._store.world.answers_of(workload).get(id_)
        if before is None or before.verdict is not came.verdict:
            self._store.world.put_answer(question, came)
            matter.fresh = False
            self._enqueue(frozenset(self._lookers.get(id_, ())))
        if came.verdict is Verdict.VERIFIED:
            del self._matters[id_]
            return None
        if came.verdict is Verdict.UNREACHABLE and not self._out_of_reach:
            self._out_of_reach = True
            log.warning(
                "can't try probes on pods from here: %s; %s. What rules say is written all the same, and nothing is "
                "derived. Let the operator reach the pods, or set spec.verification: Skip (said once)",
                question,
                came.answer,
            )
        return REFUTED.after(matter.times)

    def _answered(self, matter: _Matter) -> None:
        """Have those looked at who waited for the first answer, which is that there is none."""
        if matter.fresh:
            matter.fresh = False
            self._enqueue(frozenset(matter.waiting))
