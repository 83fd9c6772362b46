"""Who takes our probes out again and again wins, and the workload comes to rest: on the real API server."""

import threading
import time
from contextlib import contextmanager, suppress

from kubernetes.client.exceptions import ApiException

from apphealth.model.probe import KINDS

APPS, CORE = "/apis/apps/v1", "/api/v1"
FIELDS = [kind.field for kind in KINDS]


@contextmanager
def putting(shop, name, kubeconfig, pause=0.1):
    """Put a Deployment back without probes whenever it has some, as controllers do that write whole objects."""
    over, api = threading.Event(), type(shop.api)(kubeconfig)
    path = shop.path(APPS, "deployments", name)

    def put():
        while not over.wait(pause):
            found = api.get(path)
            main = found["spec"]["template"]["spec"]["containers"][0]
            if [main.pop(field) for field in FIELDS if field in main]:
                with suppress(ApiException):  # 409: the operator was faster
                    api.request("PUT", f"{path}?fieldManager=acme-operator", found)

    thread = threading.Thread(target=put)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)
        api.close()


def test_a_controller_that_puts_whole_objects_wins(shop, operator, control_plane):
    """Before: generation 1, 110, 230, 366 in 34 s, and on for ever."""
    shop.deployment()
    shop.rule()
    with putting(shop, "web", control_plane.kubeconfig):
        shop.until(lambda: shop.state() == "Contested", "it is said in the HealthPlan")
        shop.until(lambda: not shop.probes(), "the probes are gone")
        before = shop.generation()
        assert before <= 7
        time.sleep(4)
        assert (shop.generation(), shop.state()) == (before, "Contested")
        assert "taken out twice within an hour" in shop.findings()["probe-contested"]
        shop.until(lambda: shop.status()["workloads"]["keptByOwner"] == 1, "the rule counts it")

        operator.kill()
        operator.start()
        time.sleep(3)
        assert (shop.generation(), shop.state()) == (before, "Contested")
    shop.api.patch(shop.path(APPS, "deployments", "web"), {"metadata": {"annotations": {"apphealth.dev/retry": "now"}}})
    shop.until_applied()


def test_a_workload_with_a_controller_is_left_to_it_unless_a_rule_names_it(shop, operator):
    owner = shop.api.create(shop.path(CORE, "configmaps"), {"metadata": {"name": "acme"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "acme", "uid": owner["metadata"]["uid"]}
    shop.deployment()
    shop.api.patch(
        shop.path(APPS, "deployments", "web"),
        {"metadata": {"ownerReferences": [reference | {"controller": True}]}},
    )
    shop.rule()
    shop.until(lambda: "ConfigMap/acme" in shop.findings().get("controlled", ""), "it says to whom it is left")
    assert (shop.generation(), shop.state()) == (1, "Preview")
    shop.rule("named", targetRef={"kind": "Deployment", "name": "web"})
    shop.until_applied()
    shop.delete_rule("named")
    shop.until(lambda: not shop.probes(), "the probes are gone")


def test_what_the_operator_takes_out_itself_is_no_contest(shop, operator):
    shop.deployment()
    for _ in range(3):
        shop.rule()
        shop.until_applied()
        shop.delete_rule()
        shop.until_clean()
