"""Watching rollouts: when pods are looked at, what follows, and when it ends. Pods are values that the test gives."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from apphealth.controller import watcher as watcher_module
from apphealth.controller.watcher import Pods, Watcher
from apphealth.kube.errors import ForbiddenError
from apphealth.kube.resources import Resource
from apphealth.model.pod import ContainerState, KubeletNote, PodState, Reply
from apphealth.model.probe import ProbeKind, parse_probe
from apphealth.model.proof import Proof, Verdict
from apphealth.model.withheld import WithheldReason
from apphealth.model.workload import WorkloadKey, WrittenProbe
from apphealth.plan.record import withheld_by
from apphealth.store.facts import plan_of
from apphealth.store.store import Store

WEB = WorkloadKey("Deployment", "shop", "web")
LIVENESS = {"httpGet": {"path": "/livez", "port": "http"}, "periodSeconds": 10}
READINESS = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5}
DONE = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1) | {
    "observedGeneration": 9
}
HANGS = DONE | {"availableReplicas": 0, "readyReplicas": 0}
NOT_FOUND = Reply(detail="404", gone=True)


def fields(value):
    return {f"f:{name}": fields(item) if isinstance(item, dict) else {} for name, item in value.items()}


def owned(probes):
    item = {'k:{"name":"main"}': {f"f:{name}": fields(value) for name, value in probes.items()}}
    spec = {"f:spec": {"f:template": {"f:spec": {"f:containers": item}}}}
    return [{"manager": "apphealth", "operation": "Update", "time": "2026-01-31T12:00:00Z", "fieldsV1": spec}]


class Shop:
    """A Deployment with probes of ours, its pod, and the watcher."""

    def __init__(self, make):
        self.make, self.store, self.now = make, Store(), 0.0
        self.looks, self.asked, self.queued = 0, [], []
        self.notes, self.reply, self.proofs = (), None, {}
        self.pod_ready, self.forbidden = False, False
        self.watcher = Watcher(
            self.store,
            enqueue=self.queued.extend,
            pods=Pods(self.list, self.list_notes, self.ask_one, self.ask),
            clock=lambda: self.now,
        )
        self.store.put(Resource.RULES, make.rule(preset="auto"))
        self.store.put(Resource.SERVICES, make.service())
        self.deployment = make.deployment()
        self.put({"livenessProbe": LIVENESS, "readinessProbe": READINESS}, HANGS)

    def put(self, probes, status, **container):
        main = {"name": "main", "ports": [{"containerPort": 8080, "name": "http"}]} | container
        made = self.make.newer(self.deployment, replicas=1)
        made["metadata"]["managedFields"] = owned(probes)
        made["spec"]["template"] = {
            "metadata": made["spec"]["template"]["metadata"],
            "spec": {"containers": [main | probes]},
        }
        made["status"] = status
        self.probes, self.deployment = probes, made
        concerned = self.store.put(Resource.DEPLOYMENTS, made)
        written = [
            WrittenProbe("main", kind, parse_probe(probes[kind.field])) for kind in ProbeKind if kind.field in probes
        ]
        self.store.world.written.setdefault(WEB, tuple(written))
        self.watcher.changed(concerned.rollouts)
        return concerned

    @property
    def workload(self):
        return self.store.world.workloads[WEB]

    async def list(self, workload):
        self.looks += 1
        self.now += 3.0
        probes = {kind: parse_probe(self.probes[kind.field]) for kind in ProbeKind if kind.field in self.probes}
        state = ContainerState(name="main", probes=probes, running=60.0)
        return [PodState(name="web-1", uid="1", ip="10.0.0.1", age=60.0, ready=self.pod_ready, containers=(state,))]

    async def list_notes(self, namespace, pod):
        if self.forbidden:
            raise ForbiddenError("no right", status=403)
        return self.notes

    async def ask_one(self, question, pod):
        return self.reply

    async def ask(self, question, pods):
        self.asked.append(str(question))
        path = getattr(question.handler, "path", "")
        verdict = self.proofs.get(path, Verdict.REFUTED)
        return Proof(verdict=verdict, answer="200" if verdict is Verdict.VERIFIED else "404")

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- many things are waited for
                await asyncio.sleep(0.002)

    @property
    def withheld(self):
        return {one.kind: one for one in self.store.world.withheld.get(WEB, ())}


@pytest.fixture
async def shop(make, monkeypatch):
    monkeypatch.setattr(watcher_module, "SOON", 0.001)
    shop = Shop(make)
    shop.watcher.queue.resume()
    task = asyncio.create_task(shop.watcher.queue.run())
    yield shop
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_rollout_is_looked_at_until_it_is_complete(shop):
    await shop.until(lambda: shop.looks > 2)
    shop.pod_ready = True
    concerned = shop.put(shop.probes, DONE)
    assert concerned.rollouts == {WEB}
    assert concerned.workloads == frozenset()  # a status alone makes no plan
    await shop.until(lambda: not shop.watcher.queue.busy(WEB) and shop.watcher.queue.depth == 0)
    looks = shop.looks
    assert shop.put(shop.probes, dict(DONE)).rollouts == frozenset()
    await asyncio.sleep(0.05)
    assert shop.looks == looks
    assert shop.withheld == {}


async def test_an_endpoint_that_is_gone_is_taken_out(shop):
    shop.reply = NOT_FOUND
    await shop.until(lambda: shop.withheld and shop.queued)
    assert shop.withheld.keys() == {ProbeKind.LIVENESS, ProbeKind.READINESS}
    assert {one.reason for one in shop.withheld.values()} == {WithheldReason.REFUTED}
    assert shop.asked  # where else the new pods answer
    plan = plan_of(shop.workload, shop.store.world)
    (container,) = plan.patches[0].body["spec"]["template"]["spec"]["containers"]
    assert {container["livenessProbe"], container["readinessProbe"]} == {None}


async def test_a_derived_probe_moves_in_one_rollout(shop):
    env = [{"name": "SPRING_PROFILES_ACTIVE", "value": "production"}]
    shop.put(shop.probes, HANGS, env=env)
    shop.proofs = dict.fromkeys(("/actuator/health/liveness", "/actuator/health/readiness"), Verdict.VERIFIED)
    shop.reply = NOT_FOUND
    await shop.until(lambda: shop.withheld and shop.queued)
    plan = plan_of(shop.workload, shop.store.world)
    (container,) = plan.patches[0].body["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/actuator/health/readiness"
    assert plan.urgent
    shop.put({name: container[name] for name in shop.probes}, DONE, env=env)
    assert withheld_by(plan_of(shop.workload, shop.store.world).record) == ()


async def test_a_restart_by_our_liveness_probe_is_rolled_back(shop):
    shop.notes = (
        KubeletNote("main", "Killing", "Container main failed liveness probe, will be restarted"),
        KubeletNote("main", "Unhealthy", "Liveness probe failed: timeout"),
    )
    await shop.until(lambda: shop.withheld)
    assert shop.withheld.keys() == {ProbeKind.LIVENESS}
    assert "Liveness probe failed: timeout" in shop.withheld[ProbeKind.LIVENESS].evidence
    assert shop.asked == []


async def test_what_a_write_replaced_comes_back(shop):
    before = replace(shop.workload)
    slower = LIVENESS | {"periodSeconds": 20}
    shop.put({"livenessProbe": slower, "readinessProbe": READINESS}, HANGS)
    shop.watcher.wrote(before, shop.workload)
    shop.notes = (KubeletNote("main", "Killing", "Container main failed liveness probe, will be restarted"),)
    await shop.until(lambda: shop.withheld)
    assert shop.withheld[ProbeKind.LIVENESS].instead == parse_probe(LIVENESS)
    harmful, earlier = replace(shop.workload), shop.store.world.earlier[WEB]
    assert plan_of(shop.workload, shop.store.world).record.status.earlier
    assert [(one.kind, one.probe) for one in earlier] == [(ProbeKind.LIVENESS, parse_probe(LIVENESS))]
    shop.put({"livenessProbe": LIVENESS, "readinessProbe": READINESS}, HANGS)
    shop.watcher.wrote(harmful, shop.workload)
    assert WEB not in shop.store.world.earlier  # what did harm never comes back


async def test_a_missing_right_is_said_once(shop, caplog):
    shop.forbidden = True
    await shop.until(lambda: shop.looks > 3)
    assert [record.message for record in caplog.records].count(
        "can't read what the kubelet says about pods (said once): no right"
    ) == 1


async def test_pods_that_fail_are_said_until_they_are_ready(shop):
    shop.reply = Reply(detail="503")
    await shop.until(lambda: shop.store.world.failing)
    assert shop.store.world.failing[WEB] == "web-1 fails the liveness probe of main: 503"
    assert shop.queued == [WEB]
    assert plan_of(shop.workload, shop.store.world).record.status.failing
    shop.pod_ready = True
    shop.put(shop.probes, DONE)
    await shop.until(lambda: not shop.store.world.failing)
    assert shop.queued == [WEB, WEB]


async def test_what_is_taken_out_in_trouble_is_not_written_again(shop):
    """`kubectl rollout undo`: the template without our probes is back, while the new pods aren't ready."""
    shop.reply = Reply(detail="503")
    await shop.until(lambda: shop.store.world.failing)
    shop.watcher.respect(shop.workload)  # each plan asks, also while the probes are still there
    assert shop.withheld == {}
    shop.put({}, HANGS)
    shop.watcher.respect(shop.workload)
    assert shop.withheld.keys() == {ProbeKind.LIVENESS, ProbeKind.READINESS}
    assert {one.reason for one in shop.withheld.values()} == {WithheldReason.ROLLED_BACK}


async def test_what_is_taken_out_in_quiet_times_is_no_harm(shop):
    shop.pod_ready = True
    shop.put(shop.probes, DONE)
    await shop.until(lambda: shop.looks and not shop.watcher.queue.busy(WEB) and shop.watcher.queue.depth == 0)
    shop.put({}, DONE)
    shop.watcher.respect(shop.workload)
    assert shop.withheld == {}


async def test_nothing_is_looked_at_without_probes_of_ours(shop):
    shop.store.world.written.pop(WEB)
    shop.put({}, HANGS)
    looks = shop.looks
    await asyncio.sleep(0.05)
    assert shop.looks <= looks + 1


async def test_nothing_is_looked_at_before_its_controller_has_seen_the_workload(shop):
    shop.put(shop.probes, {"observedGeneration": 0} | dict.fromkeys(("replicas", "updatedReplicas"), 1))
    await shop.until(lambda: not shop.watcher.queue.busy(WEB) and shop.watcher.queue.depth == 0)
    looks = shop.looks
    await asyncio.sleep(0.05)
    assert shop.looks == looks
    shop.put(shop.probes, HANGS)
    await shop.until(lambda: shop.looks > looks)


async def test_a_leader_begins_with_what_is_under_way(shop):
    shop.watcher.reset()
    looks = shop.looks
    shop.watcher.begin()
    await shop.until(lambda: shop.looks > looks)
