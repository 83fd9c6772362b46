"""Who depends on a workload is planned anew when that workload's readiness changes, and only then."""

import asyncio
import json
from contextlib import suppress

import pytest

from apphealth.controller.prover import Prover
from apphealth.controller.queue import WorkQueue
from apphealth.controller.reconcile import Reconciler
from apphealth.controller.watcher import Watcher
from apphealth.kube.resources import Resource
from apphealth.store.store import Store

PORTS = [{"name": "http", "containerPort": 8080}]


class Api:
    """Takes HealthPlans, and keeps the newest of each name."""

    def __init__(self):
        self.plans = {}
        self.writes = 0
        self.meanwhile = lambda: None

    async def request(self, method, path, *, body=None, **_):
        assert "healthplans" in path, f"{method} {path}"
        status = body["status"] if method == "POST" else next(one["value"] for one in body if one["path"] == "/status")
        name = body["metadata"]["name"] if method == "POST" else path.rpartition("/")[2]
        self.plans[name] = status
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.writes += 1
        metadata = {"name": name, "namespace": "shop", "resourceVersion": str(100_000 + self.writes)}
        return json.dumps({"metadata": metadata}).encode()


class Shop:
    """`web` depends on `api`, in mode Audit: HealthPlans are all that is written."""

    def __init__(self, make):
        self.make, self.api, self.store = make, Api(), Store()
        self.queue = WorkQueue(
            Reconciler(
                self.api,
                self.store,
                None,
                enqueue=self.enqueue,
                dirty=lambda _: None,
                prover=Prover(self.store, enqueue=self.enqueue, list_pods=None, ask=None),
                watcher=Watcher(self.store, enqueue=self.enqueue, pods=None, clock=lambda: 0.0),
                gate=make.gate(self.store, self.enqueue),
                clock=lambda: 0.0,
            )
        )
        self.queue.resume()
        self.reads = {
            "web": {"name": "main", "ports": PORTS, "env": [{"name": "API_URL", "value": "http://api"}]},
            "api": {"name": "main", "ports": PORTS},
        }
        self.rules = {name: make.rule(name, **self.spec(name, "/a")) for name in self.reads}
        for name, container in self.reads.items():
            self.put(Resource.DEPLOYMENTS, make.deployment(name, containers=[container]))
            self.put(Resource.SERVICES, self.service(name))
            self.put(Resource.RULES, self.rules[name])

    def service(self, name, namespace="shop"):
        return self.make.newer(self.make.service(name, namespace), ports=[{"port": 80, "targetPort": "http"}])

    def spec(self, name, path):
        target = {"kind": "Deployment", "name": name}
        return {
            "targetRef": target,
            "mode": "Audit",
            "verification": "Skip",
            "probes": {"readiness": {"path": path}, "liveness": {"path": "/live"}},
        }

    def enqueue(self, keys):
        self.queue.add_all(keys)

    def put(self, resource, obj):
        self.enqueue(self.store.put(resource, obj).workloads)

    async def settled(self):
        async with asyncio.timeout(20):
            await self.queue.drained()

    def url(self):
        return self.dependencies("web")[0].url

    def dependencies(self, name):
        return self.api.plans[f"deployment-{name}"].dependencies


@pytest.fixture
async def shop(make):
    shop = Shop(make)
    task = asyncio.create_task(shop.queue.run())
    await shop.settled()
    yield shop
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_new_readiness_reaches_the_dependants(shop, make):
    assert shop.url() == "http://api.shop.svc:80/a"
    shop.put(Resource.RULES, make.newer(shop.rules["api"], **shop.spec("api", "/b")))
    await shop.settled()
    assert shop.url() == "http://api.shop.svc:80/b"


async def test_other_changes_leave_the_dependants_alone(shop, make):
    spec = shop.spec("api", "/a")
    spec["probes"]["liveness"] = {"path": "/other"}
    before = shop.api.writes
    shop.put(Resource.RULES, make.newer(shop.rules["api"], **spec))
    await shop.settled()
    assert shop.api.writes == before + 1, "the HealthPlan of api itself"


def add_new(shop, make):
    """Add a workload that names the Service `late`, with its rule."""
    container = {"name": "main", "ports": PORTS, "env": [{"name": "LATE_URL", "value": "http://late"}]}
    rule = make.rule("new", **shop.spec("new", "/a"))
    shop.put(Resource.RULES, rule)
    shop.put(Resource.DEPLOYMENTS, make.deployment("new", containers=[container]))
    return rule


async def test_a_service_that_comes_while_the_first_plan_is_written_is_not_missed(shop, make):
    shop.api.meanwhile = lambda: shop.put(Resource.SERVICES, shop.service("late"))
    add_new(shop, make)
    await shop.settled()
    assert [one.name for one in shop.dependencies("new")] == ["late"]


async def test_a_rule_deleted_while_the_first_plan_is_written_is_not_missed(shop, make):
    deleted = []

    def delete():
        deleted.append(shop.store.drop(Resource.RULES, make.rule("new")).workloads)

    shop.api.meanwhile = delete
    add_new(shop, make)
    await shop.settled()
    assert [{key.name for key in keys} for keys in deleted] == [{"new"}]


async def test_a_namespace_that_shares_its_paths_tells_dependants_elsewhere(shop, make):
    api = make.deployment("api", "market", containers=[shop.reads["api"]])
    rule = make.rule("api", "market", **shop.spec("api", "/a"))
    web = {**shop.reads["web"], "env": [{"name": "API_URL", "value": "http://api.market"}]}
    shop.put(Resource.NAMESPACES, make.namespace("market"))
    for resource, obj in (
        (Resource.DEPLOYMENTS, api),
        (Resource.SERVICES, shop.service("api", "market")),
        (Resource.RULES, rule),
        (Resource.DEPLOYMENTS, make.deployment("web", containers=[web])),
    ):
        shop.put(resource, obj)
    await shop.settled()
    assert shop.url() == "tcp://api.market.svc:80"
    market = make.namespace("market")
    market["metadata"]["annotations"] = {"apphealth.dev/share-health-paths": "true"}
    shop.put(Resource.NAMESPACES, market)
    await shop.settled()
    assert shop.url() == "http://api.market.svc:80/a"
