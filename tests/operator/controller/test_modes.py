"""Reconciling by rules of both modes: Audit takes back what is ours, holds up nothing, and is shown."""

import asyncio
import json
from contextlib import suppress

import pytest

from apphealth.api.healthplan import State
from apphealth.api.status import Reason
from apphealth.controller.prover import Prover
from apphealth.controller.queue import WorkQueue
from apphealth.controller.reconcile import Reconciler
from apphealth.controller.watcher import Watcher
from apphealth.kube.resources import Resource
from apphealth.model.pod import Pod
from apphealth.model.proof import Proof, Verdict
from apphealth.model.workload import WorkloadKey
from apphealth.store.store import Store

WEB = WorkloadKey("Deployment", "shop", "web")
OURS = {
    "httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
PORTS = [{"name": "http", "containerPort": 8080}]


def fields(value):
    """A value's FieldsV1."""
    return {f"f:{name}": fields(item) for name, item in value.items()} if isinstance(value, dict) else {}


def without_nulls(value):
    """A value as it is after a patch."""
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(item) for name, item in value.items() if item is not None}


def owned(container):
    """managedFields by which a container's probes are ours; none where there are none."""
    probes = {f"f:{name}": fields(value) for name, value in container.items() if name.endswith("Probe") and value}
    if not probes:
        return []
    spec = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': probes}}}}}
    return [{"manager": "apphealth", "operation": "Update", "fieldsV1": spec}]


class Api:
    """Takes HealthPlans, and patches of the Deployment: what they set to null goes."""

    def __init__(self):
        self.rewrites = {}
        self.plans, self.patches, self.deployment, self.version = [], [], {}, 100_000

    async def request(self, method, path, *, body=None, **_):
        self.version += 1
        if "healthplans" in path:
            status = body["status"] if method == "POST" else next(o["value"] for o in body if o["path"] == "/status")
            self.plans.append(status)
            metadata = {"name": "deployment-web", "namespace": "shop", "resourceVersion": str(self.version)}
            return json.dumps({"metadata": metadata}).encode()
        assert (method, path.rpartition("/")[2]) == ("PATCH", "web"), f"{method} {path}"
        self.patches.append(body)
        (change,) = body["spec"]["template"]["spec"]["containers"]
        pod = self.deployment["spec"]["template"]["spec"]
        main = without_nulls(pod["containers"][0] | change)
        main.get("livenessProbe", {}).update(self.rewrites)
        spec = {"template": self.deployment["spec"]["template"] | {"spec": pod | {"containers": [main]}}}
        generation = {"generation": self.deployment["metadata"]["generation"] + 1}
        owners = {"managedFields": owned(main)} | generation
        metadata = self.deployment["metadata"] | owners | {"resourceVersion": str(self.version)}
        self.deployment = self.deployment | {"metadata": metadata, "spec": spec}
        return json.dumps(self.deployment).encode()


class Events:
    """Keeps Events."""

    def __init__(self):
        self.posted = []

    def post(self, workload, event):
        self.posted.append(event)
        return True


class Shop:
    """A Deployment and its rules, with pods that answer once the gate is open."""

    def __init__(self, make):
        self.make, self.api, self.store, self.events = make, Api(), Store(), Events()
        self.gate, self.asked = asyncio.Event(), []
        self.prover = Prover(self.store, enqueue=self.enqueue, list_pods=self.list_pods, ask=self.ask)
        self.turns = make.gate(self.store, self.enqueue)
        self.turns.know()
        self.reconcile = Reconciler(
            self.api,
            self.store,
            self.events,
            enqueue=self.enqueue,
            dirty=lambda _: None,
            prover=self.prover,
            watcher=Watcher(self.store, enqueue=self.enqueue, pods=None, clock=lambda: 0.0),
            gate=self.turns,
            clock=lambda: 0.0,
        )
        self.queue = WorkQueue(self.reconcile)
        for queue in (self.queue, self.prover.queue):
            queue.resume()

    def enqueue(self, keys):
        self.queue.add_all(keys)

    def begin(self, *rules, probe=None, ready=0, **metadata):
        for rule in rules:
            resource = Resource.CLUSTER_RULES if rule["kind"] == "ClusterAppHealth" else Resource.RULES
            self.store.put(resource, rule)
        container = {"name": "main", "ports": PORTS} | ({"livenessProbe": probe} if probe else {})
        self.api.deployment = self.make.deployment(containers=[container], managedFields=owned(container), **metadata)
        self.api.deployment["status"] = {
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), ready),
            "observedGeneration": 1,
        }
        self.enqueue(self.store.put(Resource.DEPLOYMENTS, self.api.deployment).workloads)

    def put(self, status):
        """Let the Deployment's status change."""
        self.api.version += 1
        metadata = self.api.deployment["metadata"] | {"resourceVersion": str(self.api.version)}
        self.api.deployment = self.api.deployment | {"metadata": metadata, "status": status}
        concerned = self.store.put(Resource.DEPLOYMENTS, self.api.deployment)
        self.enqueue(concerned.workloads)
        self.turns.moved(concerned.moved)

    async def list_pods(self, workload, question):
        return [Pod(name="web-1", uid="1", ip="10.0.0.1", age=1000)]

    async def ask(self, question, pods):
        self.asked.append(str(question))
        await self.gate.wait()
        return Proof(verdict=Verdict.VERIFIED, answer="200 from web-1")

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- many things are waited for
                await asyncio.sleep(0.002)

    async def settled(self):
        await self.until(lambda: not self.queue.busy(WEB) and WEB not in self.reconcile.awaited)


@pytest.fixture
async def shop(make):
    shop = Shop(make)
    tasks = [asyncio.create_task(part.run()) for part in (shop.queue, shop.prover.queue, shop.turns)]
    yield shop
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)


async def test_where_only_audit_rules_select_what_is_ours_is_taken_back_unasked(shop, make):
    shop.begin(make.rule(mode="Audit", probes={"liveness": {"path": "/live"}}), probe=OURS, ready=1)
    await shop.until(lambda: shop.api.patches)
    (change,) = shop.api.patches[0]["spec"]["template"]["spec"]["containers"]
    assert change["livenessProbe"] is None
    shop.gate.set()
    await shop.until(lambda: shop.asked)
    await shop.settled()
    assert [event.reason for event in shop.events.posted] == ["ProbesRestored"]
    assert len(shop.api.patches) == 1
    assert (shop.api.plans[-1].state, shop.api.plans[-1].mode) == (State.PREVIEW, "Audit")
    assert shop.api.plans[-1].summary.liveness == "http-get http://:http/live"


async def test_a_preview_holds_up_nothing_and_is_shown_once_the_pods_have_answered(shop, make):
    off = {"enabled": False}
    enforced = make.cluster_rule(
        mode="Enforce",
        verification="Skip",
        probes={"liveness": {"path": "/live"}, "readiness": off, "startup": off},
    )
    audited = make.rule(mode="Audit", verification="Required", probes={"readiness": {"enabled": True, "path": "/up"}})
    shop.begin(enforced, audited, ready=1)
    await shop.until(lambda: shop.api.patches)
    await shop.until(lambda: shop.asked)
    await shop.settled()
    status = shop.api.plans[-1]
    assert (status.state, status.summary.readiness) == (State.APPLIED, "")
    assert status.summary.liveness == "http-get http://:http/live"
    assert status.preview.containers[0].probes[1].verification == "AwaitingPods"
    shop.gate.set()
    await shop.until(lambda: shop.api.plans[-1].preview.summary.readiness)
    assert shop.api.plans[-1].preview.summary.readiness == "http-get http://:http/up"
    assert len(shop.api.patches) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"mode": "Audit"}, id="only previewed"),
        pytest.param(
            {
                "mode": "Enforce",
                "verification": "Skip",
                "probes": {"liveness": {"path": "/other"}, "readiness": {"enabled": False}},
            },
            id="another rule enforces another probe",
        ),
    ],
)
async def test_a_workload_is_left_as_it_is_while_a_rule_in_reach_cannot_be_read(shop, make, other):
    broken = make.rule("broken", preset=7)
    shop.begin(make.cluster_rule(**other), broken, probe=OURS)
    await shop.settled()
    assert (shop.api.patches, shop.api.plans) == ([], [])
    outcome = shop.store.outcomes.get(WEB)
    assert (outcome.problem, "AppHealth/shop/broken" in outcome.message) == (Reason.RULE_UNREADABLE, True)
    shop.enqueue(shop.store.drop(Resource.RULES, broken).workloads)
    await shop.until(lambda: shop.api.plans)
    assert shop.api.patches
    assert shop.store.outcomes.get(WEB).problem is None


async def test_a_workload_that_has_opted_out_is_cleaned_whatever_cannot_be_read(shop, make):
    shop.begin(make.rule("broken", preset=7), probe=OURS, annotations={"apphealth.dev/ignore": "by hand"})
    await shop.until(lambda: shop.api.patches)
    await shop.settled()
    assert [event.reason for event in shop.events.posted] == ["ProbesRestored"]


async def test_a_number_that_the_api_server_rewrites_is_reported_and_not_written_at_each_look(shop, make):
    shop.api.rewrites = {"failureThreshold": 9}
    off = {"enabled": False}
    shop.begin(make.rule(verification="Skip", probes={"liveness": {"path": "/live"}, "readiness": off, "startup": off}))
    await shop.until(lambda: shop.api.plans and shop.api.plans[-1].findings)
    (finding,) = [one for one in shop.api.plans[-1].findings if one.id == "rewritten"]
    assert "liveness of main has failureThreshold 9, not 3" in finding.message
    for _ in range(3):
        shop.enqueue([WEB])
        await shop.settled()
    assert len(shop.api.patches) == 1
    assert shop.store.outcomes.get(WEB).problem is Reason.WRITES_REJECTED


async def test_a_second_pass_follows_the_first_when_that_is_over(shop, make):
    """Each pass is one patch; between them the HealthPlan is Waiting, and knows what is written."""
    rollout = {"maxConcurrent": "100%", "canaries": 0, "soakSeconds": 0, "stages": ["readiness+startup", "liveness"]}
    probes = {"liveness": {"path": "/live"}, "readiness": {"path": "/up"}, "startup": {"enabled": False}}
    shop.begin(make.rule(verification="Skip", probes=probes, rollout=rollout), ready=1)
    status = shop.api.deployment["status"]
    await shop.until(lambda: shop.api.plans and shop.api.plans[-1].state is State.WAITING)
    assert [set(changed(patch)) for patch in shop.api.patches] == [{"readinessProbe"}]
    plan = shop.api.plans[-1]
    assert [one.type for one in plan.containers[0].probes if one.pending] == ["liveness"]
    assert "readiness must go well for 0 s first" in plan.message
    assert shop.turns.in_flight(WEB)

    shop.put(status | {"observedGeneration": 2})
    await shop.until(lambda: len(shop.api.patches) == 2)
    assert set(changed(shop.api.patches[1])) == {"livenessProbe"}
    await shop.until(lambda: shop.api.plans[-1].state is State.APPLIED)
    assert not any(one.pending for one in shop.api.plans[-1].containers[0].probes)
    await shop.settled()
    shop.put(status | {"observedGeneration": 3})
    await shop.settled()
    assert len(shop.api.patches) == 2


def changed(patch):
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    return {name: value for name, value in container.items() if name != "name"}
