"""Reconciling with the proof on pods: what is written when, and what is told."""

import asyncio
import json
from contextlib import suppress
from types import SimpleNamespace

import pytest

from apphealth.api.healthplan import State, VerificationState
from apphealth.controller import prover as prover_module
from apphealth.controller.prover import Prover
from apphealth.controller.queue import Backoff, WorkQueue
from apphealth.controller.reconcile import Reconciler
from apphealth.controller.verification import verification_reason
from apphealth.controller.watcher import Watcher
from apphealth.kube.resources import Resource
from apphealth.model.pod import Pod
from apphealth.model.proof import Proof, Verdict
from apphealth.model.workload import WorkloadKey
from apphealth.plan.findings import PROBE_REFUTED
from apphealth.probing.tries import NotYet
from apphealth.store.store import NOBODY, Store

WEB = WorkloadKey("Deployment", "shop", "web")
BAD = Proof(verdict=Verdict.REFUTED, answer="404 from web-1")
CONTAINER = {"name": "main", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}


class Api:
    """Takes HealthPlans, and nothing else."""

    def __init__(self):
        self.written = []

    async def request(self, method, path, *, body=None, **_):
        assert "healthplans" in path, f"{method} {path}"
        status = body["status"] if method == "POST" else next(one["value"] for one in body if one["path"] == "/status")
        self.written.append(status)
        version = str(100_000 + len(self.written))
        return json.dumps(
            {"metadata": {"name": "deployment-web", "namespace": "shop", "resourceVersion": version}}
        ).encode()


class Box:
    """Keeps Events."""

    def __init__(self):
        self.posted = []

    def post(self, workload, event):
        self.posted.append(event)
        return True


class Shop:
    """A workload, an operator's parts around it, and pods that answer as the test says."""

    def __init__(self, make):
        self.make = make
        self.store, self.api, self.events = Store(), Api(), Box()
        self.asked, self.answer = 0, BAD
        self.gate = asyncio.Event()
        self.gate.set()
        self.prover = Prover(self.store, enqueue=self.enqueue, list_pods=self.list_pods, ask=self.ask)
        self.reconcile = Reconciler(
            self.api,
            self.store,
            self.events,
            enqueue=self.enqueue,
            dirty=lambda _: None,
            prover=self.prover,
            watcher=Watcher(self.store, enqueue=self.enqueue, pods=None, clock=lambda: 0.0),
            gate=make.gate(self.store, self.enqueue),
            clock=lambda: 0.0,
        )
        self.queue = WorkQueue(self.reconcile)
        for queue in (self.queue, self.prover.queue):
            queue.resume()
        self.deployment = make.deployment("web", containers=[CONTAINER])
        self.put(make.rule(probes={"liveness": {"path": "/live"}, "readiness": {"enabled": False}}), Resource.RULES)

    def enqueue(self, keys):
        self.queue.add_all(keys)

    def put(self, obj, resource=Resource.DEPLOYMENTS):
        concerned = self.store.put(resource, obj)
        self.enqueue(concerned.workloads)
        return concerned

    def pods(self, ready):
        self.deployment = self.make.newer(self.deployment) | {"status": {"readyReplicas": ready}}
        return self.put(self.deployment)

    async def list_pods(self, workload, question):
        return [Pod(name="web-1", uid="1", ip="10.0.0.1", age=1000)]

    async def ask(self, question, pods):
        self.asked += 1
        await self.gate.wait()
        return self.answer

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- many things are waited for
                await asyncio.sleep(0.002)

    async def settled(self):
        await self.until(lambda: WEB not in self.reconcile.awaited and not self.queue.busy(WEB))


@pytest.fixture
async def shop(make, monkeypatch):
    monkeypatch.setattr(prover_module, "STARTING", Backoff(first=1000, longest=1000))
    shop = Shop(make)
    tasks = [asyncio.create_task(queue.run()) for queue in (shop.queue, shop.prover.queue)]
    yield shop
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)


async def test_nothing_is_written_before_the_pods_have_answered(shop):
    shop.gate.clear()
    shop.pods(ready=1)
    await shop.until(lambda: shop.asked)
    assert (shop.api.written, shop.store.outcomes.get(WEB)) == ([], None)
    assert WEB in shop.reconcile.awaited
    shop.gate.set()
    await shop.until(lambda: shop.api.written)
    await shop.settled()
    assert [status.state for status in shop.api.written] == [State.REFUTED]


async def test_what_was_refuted_is_told_once(shop):
    shop.pods(ready=1)
    await shop.until(lambda: shop.api.written)
    await shop.settled()
    shop.enqueue([WEB])
    await shop.settled()
    (event,) = shop.events.posted
    assert (event.type, event.reason, "404 from web-1" in event.note) == ("Warning", "ProbeRefuted", True)
    outcome = shop.store.outcomes.get(WEB)
    assert (outcome.verification, outcome.waiting, "404 from web-1" in outcome.proof) == (
        VerificationState.REFUTED,
        True,
        True,
    )


async def test_pods_that_are_still_starting_are_said_once(shop):
    shop.answer = NotYet("connection refused from web-1")
    shop.pods(ready=1)
    await shop.until(lambda: shop.api.written)
    await shop.settled()
    shop.enqueue([WEB])
    await shop.settled()
    (status,) = shop.api.written
    assert status.state is State.AWAITING_PODS
    assert "the running pods are still starting: GET http :8080/live" in status.findings[-1].message
    assert status.message == "nothing is written before running pods have answered"
    assert "application-unknown" not in [finding.id for finding in status.findings]
    assert shop.store.outcomes.get(WEB).waiting


def test_what_was_refuted_is_told_before_what_is_still_asked():
    decided = SimpleNamespace(
        questions=("GET http :9999/",),
        findings=(PROBE_REFUTED.worded("404 from web-1"),),
        containers=(SimpleNamespace(probes=(SimpleNamespace(verification=VerificationState.REFUTED),)),),
    )
    assert verification_reason(decided) == "404 from web-1"


async def test_a_workload_without_pods_is_looked_at_again_when_one_is_ready(make, shop):
    shop.put(make.rule(preset="auto"), Resource.RULES)
    shop.pods(ready=0)
    await shop.until(lambda: shop.api.written)
    await shop.settled()
    assert (shop.api.written[-1].state, shop.asked) == (State.AWAITING_PODS, 0)
    assert shop.pods(ready=1).workloads == {WEB}
    await shop.until(lambda: shop.asked)
    await shop.settled()
    assert shop.pods(ready=1) is NOBODY


async def test_a_workload_that_has_gone_is_forgotten(shop):
    shop.gate.clear()
    shop.pods(ready=1)
    await shop.until(lambda: shop.asked)
    shop.enqueue(shop.store.drop(Resource.DEPLOYMENTS, shop.deployment).workloads)
    await shop.until(lambda: WEB not in shop.reconcile.awaited)
    shop.gate.set()
    await shop.prover.queue.quiet()
    assert (shop.store.world.answers, shop.api.written) == ({}, [])
