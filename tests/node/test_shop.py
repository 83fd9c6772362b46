"""The shop: what its apps know of each other without anybody having configured it."""

import json


def test_the_frontend_learns_of_a_new_dependency_without_a_restart(shop, ask, address, eventually):
    pods = shop.pods("frontend")
    url = f"{address(pods[0], 8000)}/z/health"
    eventually(lambda: _components(ask(url)) == {"users-api": "UP"}, "it knows of users-api alone")
    rule = {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "AppHealth",
        "metadata": {"name": "frontend"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "frontend"},
            "dependencies": {"services": [{"name": "store"}]},
        },
    }
    shop.kubectl("apply", "-f", "-", text=json.dumps(rule))
    # A kubelet brings a changed ConfigMap into its pods with its next look at them.
    eventually(lambda: "store" in _components(ask(url)), "the frontend knows of the store", 150)
    assert set(_components(ask(url))) == {"users-api", "store"}
    assert {pod["metadata"]["uid"]: _restarts(pod) for pod in shop.pods("frontend")} == {
        pod["metadata"]["uid"]: 0 for pod in pods
    }


def test_orders_sees_the_store_go_and_come_back_and_stays_in_rotation(shop, ask, address, eventually):
    (pod,) = shop.pods("orders")
    url = address(pod, 8000)
    eventually(lambda: _components(ask(f"{url}/z/health")) == {"users-api": "UP", "store": "UP"}, "both are UP")
    shop.kubectl("scale", "deployment", "store", "--replicas=0")
    try:
        eventually(lambda: _components(ask(f"{url}/z/health")) == {"users-api": "UP", "store": "DOWN"}, "store is DOWN")
        answer = ask(f"{url}/z/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "DEGRADED")
        assert ask(f"{url}/z/health/readiness").status_code == 200
        eventually(lambda: shop.ready_endpoints("orders") == {pod["metadata"]["name"]}, "orders is in rotation")
    finally:
        shop.kubectl("scale", "deployment", "store", "--replicas=1")
    eventually(lambda: _components(ask(f"{url}/z/health"))["store"] == "UP", "the store is back")


def test_orders_keeps_an_order_in_the_store(shop, ask, address, eventually):
    (pod,) = shop.pods("orders")
    url = f"{address(pod, 8000)}/orders/ada"
    eventually(lambda: ask(f"{url}/tea", "POST").status_code == 200, "the store takes an order")
    assert ask(url).json() == {"user": "ada", "order": "tea"}


def test_every_healthplan_names_its_workload(shop, eventually):
    def plans():
        return {plan["status"]["summary"]["workload"]: plan["status"]["state"] for plan in shop.items("healthplans")}

    wanted = {f"Deployment/{name}": "Applied" for name in ("frontend", "orders", "users-api", "store")}
    eventually(lambda: plans() == wanted, "each has its HealthPlan")


def test_probes_and_dependencies_cost_one_rollout_in_all(shop):
    revisions = {
        item["metadata"]["name"]: int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
        for item in shop.items("deployments")
    }
    # One, where the operator came before the first ReplicaSet.
    assert all(revision in (1, 2) for revision in revisions.values()), revisions


def _components(answer):
    return {name: component["status"] for name, component in answer.json()["components"].items()}


def _restarts(pod):
    return pod["status"]["containerStatuses"][0]["restartCount"]
