"""Waves on a real API server with its controllers. A kubelet of the test's own makes pods ready; the budget is counted
from what the API server's watch says, in the order in which it happened."""

import json
import threading
from contextlib import suppress

import pytest
from urllib3.exceptions import ProtocolError

from apphealth.model.progress import parse_progress

APPS, CORE = "/apis/apps/v1", "/api/v1"
ALONE = {"maxConcurrent": 4, "canaries": 0, "soakSeconds": 0}


class Kubelet(threading.Thread):
    """Makes the pods of a namespace ready, except those of workloads that `fails` names if they have a probe."""

    def __init__(self, shop, fails=()):
        super().__init__(daemon=True)
        self.shop, self.fails, self.ended = shop, set(fails), threading.Event()

    def run(self):
        while not self.ended.wait(0.1):
            for pod in self.shop.api.get(self.shop.path(CORE, "pods"))["items"]:
                conditions = pod["status"].get("conditions", ())
                ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
                probed = "livenessProbe" in pod["spec"]["containers"][0]
                app = pod["metadata"]["labels"]["app"]
                if not ready and "deletionTimestamp" not in pod["metadata"] and not (probed and app in self.fails):
                    self.make_ready(pod["metadata"]["name"])

    def make_ready(self, name):
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        path = self.shop.path(CORE, "pods", name) + "/status?fieldManager=kubelet"
        kind = "application/strategic-merge-patch+json"
        self.shop.api.send("PATCH", path, {"status": status}, kind)  # 404: it was deleted meanwhile

    def stop(self):
        self.ended.set()
        self.join(30)


class Recorder(threading.Thread):
    """Follows the Deployments of a namespace: most rollouts under way at once, and the order of the first writes."""

    def __init__(self, shop):
        super().__init__(daemon=True)
        self.shop, self.most, self.order = shop, 0, []
        self.changing, self.version = set(), self.listed()["metadata"]["resourceVersion"]

    def listed(self):
        return self.shop.api.get(self.shop.path(APPS, "deployments"))

    def run(self):
        path = f"{self.shop.path(APPS, 'deployments')}?watch=1&timeoutSeconds=280&resourceVersion={self.version}"
        api = self.shop.api
        headers = {"Accept": "application/json"}
        api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        answer = api.call_api("GET", api.configuration.host + path, headers, None, _request_timeout=300)
        with suppress(ProtocolError):  # the cluster ends
            for line in answer.response:
                self.note(json.loads(line)["object"])

    def note(self, deployment):
        name = deployment["metadata"]["name"]
        if parse_progress(deployment).settled:
            self.changing.discard(name)
        else:
            if name not in self.changing:
                self.order.append(name)
            self.changing.add(name)
        self.most = max(self.most, len(self.changing))


@pytest.fixture
def fleet(shop):
    """Provide a way to get Deployments with a ready pod each, watched and kept."""
    kubelets = []

    def make(*names, fails=()):
        kubelets.append(Kubelet(shop, fails))
        kubelets[-1].start()
        for name in names:
            shop.deployment(name)
            shop.api.patch(shop.path(APPS, "deployments", name), {"spec": {"replicas": 1}})
        shop.until(lambda: all(settled(shop, name) for name in names), "all pods are ready", timeout=120)
        recorder = Recorder(shop)
        recorder.start()
        return recorder

    yield make
    for kubelet in kubelets:
        kubelet.stop()


def settled(shop, name):
    return parse_progress(shop.get(name)).settled


def has_probe(shop, name):
    return "livenessProbe" in shop.probes(name)


def rollout(shop):
    return shop.status().get("rollout") or {}


def test_a_fleet_changes_within_its_budget_whatever_happens_to_the_operator(shop, fleet, run_operator):
    """Thirty workloads, two kills, then the rule is deleted: at most four rollouts at once, there and back."""
    names = [f"w{number:02}" for number in range(30)]
    watched = fleet(*names)
    operator = run_operator()
    shop.rule(rollout=ALONE)
    for share in (8, 20):
        shop.until(lambda share=share: len(watched.order) >= share, f"{share} were changed", timeout=120)
        operator.kill()
        operator.start()
    shop.until(lambda: shop.condition("RolledOut") == ("True", "RolledOut"), "all are rolled out", timeout=180)
    assert 1 < watched.most <= 4
    assert len(watched.order) == 30, "each was changed once"
    done = {"planned": 30, "waiting": 0, "inFlight": 0, "done": 30, "rolledBack": 0, "halted": False, "message": ""}
    assert rollout(shop) == done

    shop.delete_rule()
    shop.until(lambda: len(watched.order) >= 40, "ten were put back", timeout=120)
    operator.kill()
    operator.start()
    shop.until(lambda: not any(has_probe(shop, name) for name in names), "all are put back", timeout=180)
    shop.until(lambda: shop.leftovers() == [], f"nothing is left: {shop.leftovers()}", timeout=60)
    assert watched.most <= 4
    assert len(watched.order) == 60


def test_the_canary_alone_and_halted_when_it_stands_still(shop, fleet, run_operator):
    """A new pod that never becomes ready: Kubernetes gives up after progressDeadlineSeconds, and the rule halts."""
    watched = fleet("a", "b", "c", fails={"a", "b", "c"})
    shop.api.patch(shop.path(APPS, "deployments", "a"), {"spec": {"progressDeadlineSeconds": 3}})
    shop.until(lambda: settled(shop, "a"), "its new generation is observed")
    run_operator()
    shop.rule(rollout={"maxFailures": 0, "soakSeconds": 0})
    shop.until(lambda: shop.condition("RolledOut") == ("False", "Halted"), "the rule is halted", timeout=60)
    assert [has_probe(shop, name) for name in "abc"] == [True, False, False]
    assert [shop.state(name) for name in "bc"] == ["Waiting", "Waiting"]
    assert shop.condition("Ready") == ("False", "Halted")
    assert set(watched.order) == {"a"}


def test_the_brake_stops_all_writes_and_every_status_says_so(shop, fleet, run_operator):
    """The operator of one namespace looks for the brake there."""
    fleet("a", "b")
    run_operator(f"--namespace={shop.namespace}")
    shop.api.create(
        shop.path(CORE, "configmaps"),
        {"metadata": {"name": "apphealth-brake", "annotations": {"apphealth.dev/reason": "incident 42"}}},
    )
    shop.rule(rollout={"maxConcurrent": "100%", "canaries": 0, "soakSeconds": 0})
    shop.until(lambda: shop.condition("RolledOut") == ("False", "Paused"), "the status says so")
    assert "incident 42" in rollout(shop)["message"]
    assert [has_probe(shop, name) for name in "ab"] == [False, False]
    shop.until(lambda: shop.state("a") == "Waiting", "so does the HealthPlan")
    shop.api.delete(shop.path(CORE, "configmaps", "apphealth-brake"))
    shop.until(lambda: shop.condition("RolledOut") == ("True", "RolledOut"), "it goes on", timeout=60)
    assert [has_probe(shop, name) for name in "ab"] == [True, True]


def test_a_disruption_budget_that_allows_nothing_is_respected(shop, fleet, run_operator):
    fleet("a")
    shop.api.patch(
        shop.path(APPS, "deployments", "a"),
        {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}},
    )
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    shop.api.create(shop.path("/apis/policy/v1", "poddisruptionbudgets"), {"metadata": {"name": "one"}, "spec": budget})
    run_operator()
    shop.rule(rollout={"soakSeconds": 0})
    shop.until(lambda: shop.state("a") == "Waiting" and "PodDisruptionBudget one" in str(shop.plan("a")), "it waits")
    assert not has_probe(shop, "a")
