"""Two operators with the same workloads in their reach, on the real API server: they never undo each other."""

import time
import urllib.error
import urllib.request

import pytest
import yaml

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/apphealth"
RULES = "/apis/apphealth.dev/v1alpha1/clusterapphealths"


@pytest.fixture
def standard(api, shop):
    """Provide a ClusterAppHealth for the shop alone, made when the test asks for it."""
    name = f"standard-{shop.namespace}"

    def make():
        spec = {
            "mode": "Enforce",
            "selector": {},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}},
            "verification": "Skip",
            "probes": {"liveness": {"path": "/standard"}},
        }
        kind = {"apiVersion": "apphealth.dev/v1alpha1", "kind": "ClusterAppHealth"}
        api.create(RULES, kind | {"metadata": {"name": name}, "spec": spec})
        return f"{RULES}/{name}"

    yield make
    if api.get(f"{RULES}/{name}"):
        api.delete(f"{RULES}/{name}")


@pytest.fixture
def account_of_the_namespace(control_plane, shop, tmp_path):
    """Provide a kubeconfig with the rights that deploy/operator/namespaced gives."""
    text = control_plane.kubectl("kustomize", "deploy/operator/namespaced").stdout
    objects = [item for item in yaml.safe_load_all(text) if item["kind"] != "Deployment"]
    for item in objects:
        item["metadata"]["namespace"] = shop.namespace
        for subject in item.get("subjects", ()):
            subject["namespace"] = shop.namespace
    control_plane.apply(yaml.safe_dump_all(objects))
    return control_plane.service_account_kubeconfig(shop.namespace, "apphealth")


def readyz(operator):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/readyz", timeout=2) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def rests(shop, seconds=2):
    """Return whether a workload keeps its generation and its record for a while."""
    before = shop.generation(), shop.plan()["metadata"]["resourceVersion"]
    time.sleep(seconds)
    return (shop.generation(), shop.plan()["metadata"]["resourceVersion"]) == before


def test_an_operator_for_one_namespace_and_one_for_the_cluster_never_undo_each_other(
    shop, standard, account_of_the_namespace, run_operator, api
):
    """Before: the one for the namespace removed the probes of ClusterAppHealths, 16 times a second, for ever."""
    if api.get(LEASE.format("apphealth")):
        api.delete(LEASE.format("apphealth"))
    only = ("--leader-elect", f"--namespace={shop.namespace}")
    shop.deployment()
    shop.rule(probes={"readiness": {"path": "/own"}, "startup": {"enabled": False}})
    first = run_operator(*only, kubeconfig=account_of_the_namespace)
    shop.until_applied(readiness="/own")
    everywhere = run_operator("--leader-elect")
    rule = standard()
    problem = lambda: {c["type"]: c["reason"] for c in api.get(rule).get("status", {}).get("conditions", ())}  # noqa: E731
    shop.until(lambda: problem().get("Degraded") == "OtherOperator", "the rule says who is there")
    assert "has an operator of its own" in everywhere.tail()
    shop.until(lambda: rests(shop), "it comes to rest")
    first.stop()
    shop.until_applied(liveness="/standard", readiness="/own")

    second = run_operator(*only, kubeconfig=account_of_the_namespace, wait=False)
    shop.until(lambda: "standing by: another operator" in second.tail(), "the second one says so")
    assert "stop one of the two" in readyz(second)
    shop.until(lambda: rests(shop), "it comes to rest")
    second.stop()

    # An operator that doesn't look for others goes by the HealthPlan.
    blind = run_operator(f"--namespace={shop.namespace}", kubeconfig=account_of_the_namespace)
    shop.until(lambda: "left to the operator of the whole cluster" in blind.tail(), "it says why it does nothing")
    shop.until(lambda: rests(shop), "it comes to rest")
    api.delete(rule)
    shop.until(lambda: shop.paths() == {"readiness": "/own"}, "the one for the cluster has cleaned up")


def test_the_second_of_two_operators_for_the_cluster_stands_by(shop, control_plane, run_operator, api):
    """A laptop whose context has another namespace than the operator in the cluster."""
    if api.get(LEASE.format("apphealth")):
        api.delete(LEASE.format("apphealth"))
    first = run_operator("--leader-elect")
    shop.until(lambda: "leading: this" in first.tail(), "the first one leads")
    laptop = run_operator("--leader-elect", kubeconfig=control_plane.kubeconfig, wait=False)
    shop.until(lambda: "standing by: another operator" in laptop.tail(), "the second one says so")
    assert "the Lease apphealth/apphealth" in readyz(laptop)
    shop.deployment()
    shop.rule()
    shop.until_applied()
    shop.until(lambda: rests(shop), "it comes to rest")
    assert shop.generation() == 2
    assert api.get(LEASE.format("default")) is None
