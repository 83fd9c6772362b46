"""Waves on a real API server with its controllers. A kubelet of the test's own makes pods ready; the budget is counted
from what the API server's watch says, in the order in which it happened."""

import pytest
from tests.rollout.kubelet import Kubelet, Rollouts, Watch

from apphealth.model.progress import parse_progress

APPS, CORE = "/apis/apps/v1", "/api/v1"
ALONE = {"maxConcurrent": 4, "canaries": 0, "soakSeconds": 0}


@pytest.fixture
def fleet(shop):
    """Provide a way to get Deployments with a ready pod each, watched and kept."""
    threads = []

    def make(*names, fails=()):
        threads.append(Kubelet(shop.api, shop.namespace, frozenset(fails)))
        for name in names:
            shop.deployment(name)
            shop.api.patch(shop.path(APPS, "deployments", name), {"spec": {"replicas": 1}})
        shop.until(lambda: all(settled(shop, name) for name in names), "all pods are ready", timeout=120)
        seen = Rollouts()
        threads.append(Watch(shop.api, shop.path(APPS, "deployments"), lambda _, found: seen.note(found)))
        threads[-1].start()
        return seen

    yield make
    for thread in threads:
        thread.stop()


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
    shop.until(lambda: len(watched.order) >= 30, "the watch has come so far")
    assert watched.most <= 4
    assert len(watched.order) == 30, "each was changed once"
    done = {"planned": 30, "waiting": 0, "inFlight": 0, "done": 30, "rolledBack": 0, "halted": False, "message": ""}
    assert rollout(shop) == done

    shop.delete_rule()
    shop.until(lambda: len(watched.order) >= 40, "ten were put back", timeout=120)
    operator.kill()
    operator.start()
    shop.until(lambda: not any(has_probe(shop, name) for name in names), "all are put back", timeout=180)
    shop.until(lambda: shop.leftovers() == [], f"nothing is left: {shop.leftovers()}", timeout=60)
    shop.until(lambda: len(watched.order) >= 60, "the watch has come so far")
    assert watched.most <= 4
    assert len(watched.order) == 60


def test_the_canary_alone_and_halted_when_it_stands_still(shop, fleet, run_operator):
    """A new pod that never becomes ready: Kubernetes gives up after progressDeadlineSeconds, and the rule halts."""
    watched = fleet("a", "b", "c", fails={"a", "b", "c"})
    shop.api.patch(shop.path(APPS, "deployments", "a"), {"spec": {"progressDeadlineSeconds": 3}})
    shop.until(lambda: settled(shop, "a"), "its new generation is observed")
    run_operator()
    shop.rule(rollout={"maxFailures": 0, "soakSeconds": 0})
    shop.until(lambda: shop.condition("RolledOut") == ("False", "Halted"), "the rule is halted")
    assert [has_probe(shop, name) for name in "abc"] == [True, False, False]
    shop.until(lambda: [shop.state(name) for name in "bc"] == ["Waiting", "Waiting"], "the others wait")
    assert shop.condition("Ready") == ("False", "Halted")
    shop.until(lambda: watched.order, "the watch has come so far")
    assert set(watched.order) == {f"{shop.namespace}/a"}


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


def test_what_kills_goes_in_a_second_pass_by_whoever_leads_then(shop, fleet, run_operator):
    """The operator is killed between the passes, and the soak is cut while it is away."""
    watched = fleet("a", "b")
    operator = run_operator()
    shop.rule(rollout=ALONE | {"soakSeconds": 3600, "stages": ["readiness+startup", "liveness"]})
    for name in "ab":
        shop.until(lambda name=name: "next pass" in str(shop.plan(name)), "it waits for its next pass", timeout=120)
        assert set(shop.paths(name)) == {"readiness"}
    shop.until(lambda: shop.condition("RolledOut") == ("False", "InProgress"), "the status says so")
    operator.kill()
    shop.change_rule(rollout={"soakSeconds": 0})
    operator.start()
    shop.until(lambda: shop.condition("RolledOut") == ("True", "RolledOut"), "both passes are done", timeout=120)
    assert [set(shop.paths(name)) for name in "ab"] == [{"readiness", "liveness"}] * 2
    assert len(watched.order) == 4, "two rollouts each"
