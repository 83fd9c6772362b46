"""Asking in the background: each question once, bounded, again with back-off, and forgotten when nobody looks."""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace

import pytest

from apphealth.api.healthplan import State, VerificationState
from apphealth.controller import prover as module
from apphealth.controller.prover import Prover
from apphealth.controller.queue import Backoff
from apphealth.kube.errors import ForbiddenError, ServerError
from apphealth.model.pod import Pod
from apphealth.model.probe import HttpGet, ProbeKind
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.workload import Workload
from apphealth.plan.result import Action, ContainerPlan, Plan, ProbePlan
from apphealth.probing.tries import NotYet
from apphealth.store.store import Store
from apphealth.store.world import Recalled

GOOD = Proof(verdict=Verdict.VERIFIED, answer="200 in 3 ms from 1 pod", slowest=0.003)
BAD = Proof(verdict=Verdict.REFUTED, answer="404 from web-1")
AWAY = Proof(verdict=Verdict.UNREACHABLE, answer="no connection within 1 s from web-1")
SOON = Backoff(first=0.01, longest=0.02)
NEVER = Backoff(first=1000, longest=1000)


def question(path="/healthz", namespace="shop"):
    return Question(
        template=f"{namespace}/",
        container="main",
        image="web:1",
        handler=HttpGet(port=8080, path=path),
        timeout=1,
        accept=Accept.SUCCESS,
    )


def pod(name="web-1"):
    return Pod(name=name, uid=f"uid-{name}", ip="10.0.0.1", age=1000)


class Bench:
    """A prover in a world of workloads, and pods that answer as the test says."""

    def __init__(self):
        self.store = Store()
        self.enqueued = []
        self.asked = []
        self.answers = defaultdict(lambda: GOOD)
        self.pods = defaultdict(lambda: [pod()])
        self.under_way = defaultdict(int)
        self.most = defaultdict(int)
        self.gate = asyncio.Event()
        self.gate.set()
        self.prover = Prover(self.store, enqueue=self.enqueued.extend, list_pods=self.list_pods, ask=self.ask)

    def workload(self, name="web", namespace="shop", *, ready=True, generation=1):
        workload = Workload(
            kind="Deployment",
            api_version="apps/v1",
            namespace=namespace,
            name=name,
            uid=name,
            ready=ready,
            generation=generation,
        )
        self.store.world.put_workload(workload)
        return workload

    def consider(self, workload, *questions, verification=None):
        """Plan as `plan` does: what isn't known is asked."""
        proofs = self.store.world.answers_of(workload)
        known = tuple((one, proofs[one.id]) for one in questions if one.id in proofs)
        if verification is None and any(proof.verdict is not Verdict.VERIFIED for _, proof in known):
            verification = VerificationState.REFUTED
        probe = ProbePlan(kind=ProbeKind.LIVENESS, action=Action.NONE, reason="", verification=verification)
        return self.prover.consider(
            workload,
            Plan(
                workload=workload.key,
                state=State.APPLIED,
                message="",
                containers=(ContainerPlan(name="main", probes=(probe,)),),
                questions=tuple(one for one in questions if one.id not in proofs),
                proofs=known,
            ),
        )

    @property
    def proofs(self):
        """All answers, by the question's id."""
        return {id_: proof for answers in self.store.world.answers.values() for id_, proof in answers.items()}

    async def list_pods(self, workload, question):
        pods = self.pods[workload.name]
        return pods.pop(0) if pods and isinstance(pods[0], list) else pods

    async def ask(self, question, pods):
        namespace = question.template
        self.asked.append(question)
        for counted in ("", namespace):
            self.under_way[counted] += 1
            self.most[counted] = max(self.most[counted], self.under_way[counted])
        await self.gate.wait()
        for counted in ("", namespace):
            self.under_way[counted] -= 1
        answer = self.answers[question.handler.path]
        if isinstance(answer, Exception):
            raise answer
        return (
            answer.pop(0)
            if isinstance(answer, list) and len(answer) > 1
            else answer[0]
            if isinstance(answer, list)
            else answer
        )

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- many things are waited for
                await asyncio.sleep(0.002)


@pytest.fixture
async def bench(monkeypatch):
    monkeypatch.setattr(module, "STARTING", NEVER)
    monkeypatch.setattr(module, "REFUTED", NEVER)
    bench = Bench()
    task = asyncio.create_task(bench.prover.queue.run())
    bench.prover.queue.resume()
    yield bench
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_an_answer_becomes_a_proof_and_whoever_waited_is_looked_at(bench):
    web = bench.workload()
    assert bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    assert bench.proofs == {question().id: GOOD}
    assert bench.enqueued == [web.key]
    assert not bench.consider(web, question())


async def test_a_question_is_asked_once_for_a_thousand_workloads(bench):
    bench.gate.clear()
    workloads = [bench.workload(f"web-{number}") for number in range(1000)]
    assert all(bench.consider(one, question()) for one in workloads)
    bench.gate.set()
    await bench.until(lambda: bench.enqueued)
    assert (len(bench.asked), set(bench.enqueued)) == (1, {one.key for one in workloads})


async def test_no_more_than_a_few_are_asked_at_once(bench):
    bench.gate.clear()
    for namespace in range(20):
        workload = bench.workload("web", f"shop-{namespace}")
        bench.consider(workload, *(question(f"/{number}", f"shop-{namespace}") for number in range(30)))
    await bench.until(lambda: bench.under_way[""] == module.AT_ONCE)
    bench.gate.set()
    await bench.until(lambda: len(bench.proofs) == 600)
    assert bench.most.pop("") == module.AT_ONCE
    assert max(bench.most.values()) == module.IN_A_NAMESPACE


async def test_those_turned_away_get_their_turn_when_others_lose_interest(bench):
    bench.gate.clear()
    workloads = [bench.workload(f"web-{number}") for number in range(12)]
    for number, workload in enumerate(workloads):
        bench.consider(workload, question(f"/{number}"))
    await bench.until(lambda: bench.under_way[""] == module.IN_A_NAMESPACE)
    await bench.until(lambda: not any(bench.prover.queue.busy(question(f"/{n}").id) for n in range(4, 12)))
    for workload in workloads[4:11]:
        bench.prover.forget(workload.key)
    bench.gate.set()
    await bench.until(lambda: question("/11").id in bench.proofs)


async def test_pods_that_start_are_asked_again_and_nobody_waits_for_them(bench, monkeypatch):
    monkeypatch.setattr(module, "STARTING", SOON)
    bench.answers["/healthz"] = [NotYet("503"), NotYet("503"), NotYet("503"), GOOD]
    web = bench.workload()
    assert bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    assert not bench.consider(web, question())
    await bench.until(lambda: bench.proofs)
    assert (len(bench.asked), bench.enqueued) == (4, [web.key, web.key])


async def test_what_was_refuted_is_asked_again_until_it_is_not(bench, monkeypatch):
    monkeypatch.setattr(module, "REFUTED", SOON)
    bench.answers["/healthz"] = [BAD, replace(BAD, answer="404 from web-2"), GOOD]
    web = bench.workload()
    bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    assert bench.proofs[question().id] == BAD
    assert not bench.consider(web, question())
    await bench.until(lambda: len(bench.enqueued) == 2)
    assert (bench.proofs[question().id], len(bench.asked)) == (GOOD, 3)


async def test_what_was_refuted_is_left_at_that_where_something_else_was_found(bench, monkeypatch):
    monkeypatch.setattr(module, "REFUTED", Backoff(first=0.2, longest=0.2))
    bench.answers["/healthz"] = BAD
    web = bench.workload()
    bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    bench.consider(web, question(), question("/livez"), verification=VerificationState.VERIFIED)
    await bench.until(lambda: question("/livez").id in bench.proofs)
    await bench.until(lambda: not bench.prover.queue._due)
    assert [one.handler.path for one in bench.asked].count("/healthz") == 1


async def test_what_an_earlier_operator_saw_refuted_is_asked_again_later(bench, monkeypatch):
    monkeypatch.setattr(module, "REFUTED", SOON)
    bench.store.world.put_answer(question(), BAD)
    assert not bench.consider(bench.workload(), question())
    await bench.until(lambda: bench.proofs[question().id] is GOOD)


async def test_a_change_of_the_workload_asks_at_once(bench):
    bench.answers["/healthz"] = [BAD, GOOD]
    bench.consider(bench.workload(), question())
    await bench.until(lambda: bench.enqueued)
    bench.consider(bench.workload(), question())
    assert len(bench.asked) == 1
    bench.consider(bench.workload(generation=2), question())
    await bench.until(lambda: bench.proofs[question().id] is GOOD)


async def test_pods_out_of_reach_are_said_once(bench, caplog):
    for path in ("/a", "/b", "/c"):
        bench.answers[path] = AWAY
        bench.consider(bench.workload(path.strip("/")), question(path))
    with caplog.at_level(logging.WARNING):
        await bench.until(lambda: len(bench.proofs) == 3)
    assert len([one for one in caplog.messages if one.startswith("can't try probes on pods from here")]) == 1
    assert {proof.verdict for proof in bench.proofs.values()} == {Verdict.UNREACHABLE}


async def test_without_the_right_to_list_pods_they_are_out_of_reach(bench, monkeypatch):
    async def forbidden(*_):
        raise ForbiddenError('User "x" cannot list resource "pods"', status=403)

    monkeypatch.setattr(bench.prover, "_list_pods", forbidden)
    bench.consider(bench.workload(), question())
    await bench.until(lambda: bench.proofs)
    (proof,) = bench.proofs.values()
    assert (proof.verdict, proof.answer.startswith("pods can't be listed: User")) == (Verdict.UNREACHABLE, True)


async def test_an_api_server_in_trouble_is_waited_for(bench, monkeypatch):
    replies = [ServerError("not now", status=500), [pod()]]

    async def list_pods(*_):
        if isinstance(reply := replies.pop(0), Exception):
            raise reply
        return reply

    monkeypatch.setattr(bench.prover, "_list_pods", list_pods)
    bench.consider(bench.workload(), question())
    await bench.until(lambda: bench.proofs)
    assert bench.proofs[question().id] is GOOD


async def test_a_pod_that_vanished_meanwhile_is_replaced_by_another(bench):
    bench.answers["/healthz"] = [BAD, GOOD]
    bench.pods["web"] = [[pod("old")], [pod("new")], [pod("new")]]
    bench.consider(bench.workload(), question())
    await bench.until(lambda: bench.proofs)
    assert bench.proofs[question().id] is GOOD


async def test_pods_that_come_and_go_are_asked_later(bench):
    bench.answers["/healthz"] = BAD
    bench.pods["web"] = [[pod(str(number))] for number in range(100)]
    web = bench.workload()
    bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    assert bench.proofs == {}


async def test_a_workload_without_a_pod_of_that_image_waits(bench):
    bench.pods["web"] = []
    web = bench.workload()
    assert bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    assert (bench.asked, bench.consider(web, question())) == ([], False)


async def test_another_workload_is_asked_where_the_first_has_no_such_pods(bench, monkeypatch):
    monkeypatch.setattr(module, "STARTING", SOON)
    bench.pods["api"] = []
    bench.consider(bench.workload("api"), question())
    bench.consider(bench.workload("web"), question())
    await bench.until(lambda: bench.proofs)
    assert len(bench.asked) == 1


async def test_a_workload_that_is_no_longer_ready_is_planned_anew(bench):
    web = bench.workload()
    bench.prover.queue.pause()
    assert bench.consider(web, question())
    bench.workload(ready=False)
    bench.prover.queue.resume()
    await bench.until(lambda: bench.enqueued)
    assert bench.asked == []


async def test_what_nobody_looks_at_any_more_is_forgotten(bench):
    web, api = bench.workload(), bench.workload("api")
    for workload in (web, api):
        bench.consider(workload, question())
    await bench.until(lambda: bench.enqueued)
    bench.prover.forget(web.key)
    assert question().id in bench.proofs
    bench.consider(api, question("/other"))
    await bench.until(lambda: question("/other").id in bench.proofs)
    assert set(bench.proofs) == {question("/other").id}
    bench.prover.forget(api.key)
    assert bench.proofs == {}
    assert not bench.prover._pending
    assert not bench.prover._read_by
    assert not bench.prover._namespaces


async def test_proofs_of_healthplans_that_nobody_looks_at_are_tidied_away(bench):
    web, gone = bench.workload(), bench.workload("gone")
    for workload in (web, gone):
        found = Recalled(workload.uid, {question().id: GOOD, "of-another-time": GOOD})
        bench.store.world.recall(workload.key, found)
    bench.consider(web, question())
    bench.prover.tidy()
    assert set(bench.store.world.answers_of(web)) == {question().id}
    assert bench.store.world.recalled.keys() == {web.key, gone.key}
    bench.prover.forget(web.key)
    bench.prover.tidy()
    assert bench.store.world.recalled == {}


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped(bench):
    bench.gate.clear()
    web = bench.workload()
    bench.consider(web, question())
    await bench.until(lambda: bench.under_way[""])
    bench.prover.forget(web.key)
    bench.gate.set()
    await bench.until(lambda: not bench.under_way[""])
    await bench.prover.queue.quiet()
    assert bench.proofs == {}


async def test_pods_that_become_ready_wake_a_question_up_that_had_none_to_ask(bench, monkeypatch):
    """Before: it was asked every minute for ever, three lists each time."""
    monkeypatch.setattr(module, "NO_PODS", NEVER)
    monkeypatch.setattr(module, "SETTLE", 0.01)
    web = bench.workload()
    bench.pods["web"] = []
    bench.consider(web, question())
    await bench.until(lambda: bench.enqueued)
    await asyncio.sleep(0.05)
    assert bench.asked == []
    bench.pods["web"] = [pod()]
    bench.prover.pods_changed([web.key])
    await bench.until(lambda: bench.proofs)


def test_a_question_without_pods_waits_up_to_an_hour():
    assert [module.NO_PODS.after(times) for times in (1, 5, 12, 99)] == [2, 32, 3600, 3600]


async def test_a_namespace_out_of_reach_is_recognised_by_a_few_of_its_workloads(bench):
    """Before: each question waited for its own timeout, 67 s for 200 workloads."""
    for path in range(200):
        bench.answers[f"/{path}"] = AWAY
    for number in range(200):
        bench.consider(bench.workload(f"web-{number}"), question(f"/{number}"))
    await bench.until(lambda: len(bench.proofs) == 200)
    assert len(bench.asked) <= module.IN_A_NAMESPACE + module.UNREACHED
    told = {proof.answer for proof in bench.proofs.values() if proof.answer != AWAY.answer}
    assert all("other workloads of the namespace can't be reached" in answer for answer in told)


async def test_one_workload_out_of_reach_says_nothing_of_its_namespace(bench):
    bench.answers["/db"] = AWAY
    bench.consider(bench.workload("db"), question("/db"))
    await bench.until(lambda: bench.proofs)
    for number in range(9):
        bench.consider(bench.workload(f"web-{number}"), question(f"/{number}"))
    await bench.until(lambda: len(bench.proofs) == 10)
    assert [proof.verdict for proof in bench.proofs.values()].count(Verdict.VERIFIED) == 9


async def test_a_namespace_is_within_reach_again_when_one_pod_is_reached(bench, monkeypatch):
    monkeypatch.setattr(module, "REFUTED", SOON)
    away = [bench.workload(f"away-{number}") for number in range(4)]
    for workload in away:
        bench.answers[f"/{workload.name}"] = [AWAY, AWAY, GOOD]
        bench.consider(workload, question(f"/{workload.name}"))
    await bench.until(lambda: [p.verdict for p in bench.proofs.values()] == [Verdict.VERIFIED] * 4)
    asked = len(bench.asked)
    bench.consider(bench.workload("new"), question("/new"))
    await bench.until(lambda: question("/new").id in bench.proofs)
    assert (len(bench.asked), bench.proofs[question("/new").id].verdict) == (asked + 1, Verdict.VERIFIED)


async def test_tenants_whose_pods_keep_questions_waiting_do_not_hold_up_another(bench, monkeypatch):
    """Before: 8 namespaces with 4 such workloads each held all 32 places."""
    monkeypatch.setattr(module, "SLOW", 0.01)
    for tenant in range(8):
        for number in range(4):
            name = f"hostile-{number}"
            bench.answers[f"/{tenant}/{number}"] = BAD
            bench.consider(
                bench.workload(name, f"tenant-{tenant}"), question(f"/{tenant}/{number}", f"tenant-{tenant}")
            )
    bench.gate.clear()
    await bench.until(lambda: len(bench.asked) == 32)
    await asyncio.sleep(0.05)
    bench.gate.set()
    await bench.until(lambda: len(bench.proofs) == 32)
    bench.gate.clear()
    for tenant in range(8):
        for number in range(4, 8):
            bench.consider(
                bench.workload(f"hostile-{number}", f"tenant-{tenant}"),
                question(f"/{tenant}/{number}", f"tenant-{tenant}"),
            )
    await asyncio.sleep(0.05)
    held = sum(bench.under_way[f"tenant-{tenant}/"] for tenant in range(8))
    assert held == 8, "one place each, now that they are known to be slow"
    bench.consider(bench.workload("web", "shop"), question("/web"))
    await bench.until(lambda: bench.under_way["shop/"] == 1)
    bench.gate.set()
