"""Whatever goes wrong between the operator and the API server, the end state is what the rules say."""

import itertools
import threading
import time

import pytest

GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
REPLACED = {"tcpSocket": {"port": 9999}, "periodSeconds": 7}
ONLY_LIVENESS = {"liveness": {"path": "/live"}, "readiness": {"enabled": False}, "startup": {"enabled": False}}


def settle(shop, proxy, seconds=2.0):
    """Wait until the rule says that all is done, and nothing has been written for some time."""
    shop.until(lambda: shop.condition("Ready") == ("True", "AllManaged"), "the rule is ready")
    while True:
        before = len(proxy.writes())
        time.sleep(seconds)
        if len(proxy.writes()) == before:
            return


def about(request, namespace):
    return f"/namespaces/{namespace}/" in request.path


def once_each(applies, wrong):
    """Go wrong with the first request to each path among those that this applies to."""
    seen = set()

    def choose(request):
        if not applies(request) or request.path in seen:
            return None
        seen.add(request.path)
        return wrong

    return choose


def test_a_settled_cluster_is_left_alone(shop, proxy, proxied, run_operator):
    for number in range(3):
        shop.deployment(f"web-{number}")
    shop.rule()
    run_operator(kubeconfig=proxied)
    for number in range(3):
        shop.until_applied(f"web-{number}")
    settle(shop, proxy)
    proxy.seen.clear()
    time.sleep(8)
    # What an earlier test has left in its namespace may still be removed.
    assert [one for one in proxy.seen if "/namespaces/" not in one.path or about(one, shop.namespace)] == []


def test_a_restart_writes_nothing(shop, proxy, proxied, run_operator):
    shop.deployment()
    shop.service()
    shop.rule()
    first = run_operator(kubeconfig=proxied)
    shop.until_applied()
    settle(shop, proxy)
    first.stop()
    proxy.seen.clear()
    run_operator(kubeconfig=proxied)
    settle(shop, proxy, 3)
    assert [request for request in proxy.writes() if about(request, shop.namespace)] == []


def test_deletions_during_an_expired_watch_are_found(shop, proxy, proxied, run_operator, fault):
    shop.deployment()
    shop.service()
    shop.rule()
    run_operator(kubeconfig=proxied)
    shop.until_applied()
    settle(shop, proxy)
    # The watches are cut, and stay so, while things change; then the API server says that it has forgotten since when.
    proxy.fault = lambda request: fault(0) if request.is_watch else None
    proxy.cut_watches()
    shop.delete_rule()
    shop.api.delete(shop.path("/api/v1", "services", "web"))
    time.sleep(1)
    assert shop.paths() != {}
    proxy.fault = once_each(lambda request: request.is_watch, fault(200, body=GONE))
    shop.until_clean()


def test_a_deletion_of_the_only_object_of_a_kind_is_found(shop, proxy, proxied, run_operator, fault, api):
    name = f"only-{shop.namespace}"
    path = "/apis/apphealth.dev/v1alpha1/clusterapphealths"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}}
    spec = {"mode": "Enforce", "selector": {}, "namespaceSelector": selector, "probes": ONLY_LIVENESS}
    rule = {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": name},
        "spec": spec | {"verification": "Skip"},
    }
    api.create(path, rule)
    shop.deployment()
    run_operator(kubeconfig=proxied)
    shop.until_applied("web", liveness="/live")
    proxy.fault = lambda request: fault(0) if request.is_watch else None
    proxy.cut_watches()
    api.delete(f"{path}/{name}")
    time.sleep(0.5)
    proxy.fault = once_each(lambda request: request.is_watch, fault(200, body=GONE))
    shop.until_clean()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        pytest.param(429, (("Retry-After", "1"),), None, id="429"),
        pytest.param(500, (), {"kind": "Status", "message": "etcd is unhappy"}, id="500"),
        pytest.param(503, (), None, id="503"),
        pytest.param(0, (), None, id="cut"),
    ],
)
def test_failing_writes_are_tried_again(shop, proxy, proxied, run_operator, fault, status, headers, body):
    fails = itertools.count()
    wrong = fault(status, headers=headers, body=body)
    proxy.fault = lambda request: wrong if request.is_write and next(fails) < 6 else None
    for number in range(3):
        shop.deployment(f"web-{number}")
    shop.rule()
    run_operator(kubeconfig=proxied)
    for number in range(3):
        shop.until_applied(f"web-{number}")


def test_a_write_whose_answer_is_lost_is_not_repeated(shop, proxy, proxied, run_operator, fault):
    proxy.fault = once_each(lambda request: request.is_write, fault(0, after=True))
    shop.deployment()
    shop.rule()
    run_operator(kubeconfig=proxied)
    shop.until_applied()
    assert shop.generation() == 2


def test_a_stale_reading_is_read_again(shop, proxy, proxied, run_operator, fault):
    """The watch of Deployments is cut, so that the operator plans on an old reading: 409, GET, and the right patch."""
    shop.deployment()
    run_operator(kubeconfig=proxied)
    proxy.fault = lambda request: fault(0) if request.is_watch and request.path.endswith("/deployments") else None
    time.sleep(0.5)
    proxy.cut_watches()
    shop.patch_container({"image": "example/web:2"})
    shop.rule()
    shop.until(lambda: shop.paths() == {"liveness": "/live", "readiness": "/ready"}, "the probes are there")
    assert shop.get()["spec"]["template"]["spec"]["containers"][0]["image"] == "example/web:2"


def test_nothing_is_taken_away_while_rules_cannot_be_read(shop, proxy, proxied, run_operator, fault):
    shop.deployment()
    shop.rule()
    first = run_operator(kubeconfig=proxied)
    shop.until_applied()
    first.kill()
    forbidden = {"kind": "Status", "reason": "Forbidden", "message": 'User "x" cannot list resource "apphealths"'}
    proxy.fault = lambda request: (
        fault(403, body=forbidden) if request.path.endswith("/apphealths") and request.method == "GET" else None
    )
    proxy.seen.clear()
    again = run_operator(kubeconfig=proxied, wait=False)
    complaint = "no right to list apphealths.apphealth.dev"
    shop.until(lambda: complaint in again.tail(), "the operator says what it may not read")
    time.sleep(3)
    assert proxy.writes() == []
    assert not again.is_ready()
    proxy.fault = lambda request: None
    shop.until(again.is_ready, "the operator goes on when it may")
    shop.until_applied()


def test_a_restarted_api_server_is_found_again(shop, run_operator, control_plane):
    shop.deployment()
    operator = run_operator()
    control_plane.restart("kube-apiserver")
    shop.rule()
    shop.until_applied()
    assert operator.process.poll() is None
    shop.delete_rule()
    shop.until_clean()


def test_a_slow_api_server_is_waited_for(shop, proxy, proxied, run_operator, fault):
    proxy.fault = lambda request: fault(None, delay=0.4) if not request.is_watch else None
    shop.deployment()
    shop.rule()
    run_operator(kubeconfig=proxied)
    shop.until_applied()


@pytest.mark.parametrize("writes", [pytest.param(number, id=f"after-{number}-writes") for number in range(1, 5)])
def test_killed_between_two_writes_it_ends_right_all_the_same(shop, proxy, proxied, run_operator, fault, writes):
    theirs = {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "livenessProbe": REPLACED}
    before = shop.deployment("web", theirs)["spec"]["template"]
    shop.rule(existingProbes="Replace", probes=ONLY_LIVENESS)
    killed = run_operator(kubeconfig=proxied, wait=False)
    done = itertools.count(1)
    end = []

    def stop_at(request):
        if not request.is_write or not about(request, shop.namespace):
            return None
        if end or next(done) > writes:
            end.append(request)
            return fault(0)  # whatever comes after the fatal write never arrives
        return None

    proxy.fault = stop_at
    shop.until(lambda: end or shop.state() == "Applied", "the operator has written something")
    killed.kill()
    proxy.fault = lambda request: None
    second = run_operator(kubeconfig=proxied)
    shop.until_applied("web", liveness="/live")
    assert shop.plan()["status"]["originals"][0]["original"]["tcpSocket"] == {"port": 9999}
    second.kill()
    shop.delete_rule()
    third_writes = itertools.count(1)
    cut = []

    def stop_restoring(request):
        if not request.is_write or not about(request, shop.namespace):
            return None
        if cut or next(third_writes) > writes:
            cut.append(request)
            return fault(0)
        return None

    proxy.fault = stop_restoring
    third = run_operator(kubeconfig=proxied)
    shop.until(lambda: cut or shop.plan() is None, "the operator has put something back")
    third.kill()
    proxy.fault = lambda request: None
    run_operator(kubeconfig=proxied)
    shop.until(lambda: shop.get()["spec"]["template"] == before, "the original is back")
    shop.until(lambda: shop.leftovers() == [], "nothing is left")


def test_rules_deleted_while_the_operator_is_down_are_noticed(shop, run_operator):
    shop.deployment()
    shop.rule()
    first = run_operator()
    shop.until_applied()
    first.stop()
    shop.delete_rule()
    run_operator()
    shop.until_clean()


def test_a_workload_deleted_while_the_operator_is_down_leaves_nothing(shop, run_operator):
    shop.deployment()
    shop.rule()
    first = run_operator()
    shop.until_applied()
    first.stop()
    shop.api.delete(shop.path("/apis/apps/v1", "deployments", "web") + "?propagationPolicy=Orphan")
    run_operator()
    shop.until(lambda: shop.leftovers() == [], "nothing is left")


def held_back(applies, fault, shop, then, seconds=1.5):
    """Hold back the answer to the first request that this applies to, and do something meanwhile."""
    seen = []

    def meanwhile():
        then()
        shop.api.close()  # connections belong to their thread

    def choose(request):
        if seen or not applies(request):
            return None
        seen.append(request)
        threading.Timer(seconds / 3, meanwhile).start()
        return fault(None, delay=seconds, after=True)

    return choose


def patches(request):
    return request.method == "PATCH" and request.path.endswith("/deployments/web")


def test_a_workload_deleted_before_our_patch_is_answered_leaves_nothing(shop, proxy, proxied, run_operator, fault):
    """Before: its DELETED event came before the answer, which brought it back: 14 HealthPlans a second, for ever."""
    shop.deployment()
    run_operator(kubeconfig=proxied)
    proxy.fault = held_back(
        patches, fault, shop, lambda: shop.api.delete(shop.path("/apis/apps/v1", "deployments", "web"))
    )
    shop.rule()
    shop.until(lambda: shop.api.get(shop.path("/apis/apps/v1", "deployments", "web")) is None, "it is deleted")
    time.sleep(4)
    created = [request for request in proxy.writes() if about(request, shop.namespace) and request.method == "POST"]
    assert len([request for request in created if "/healthplans" in request.path]) <= 1
    shop.until(lambda: shop.leftovers() == [], "nothing is left")
    shop.until(lambda: shop.status().get("workloads", {}).get("selected") == 0, "the rule counts it no more")


def test_a_change_between_our_patch_and_giving_up_our_claim_is_planned_for(
    shop, proxy, proxied, run_operator, fault, control_plane
):
    """Before: the change came back as the result of our own write, and its event as one that was known already."""
    shop.deployment()
    shop.rule()
    run_operator(kubeconfig=proxied)
    shop.until_applied()
    renamed = {"name": "web", "containerPort": 8080, "protocol": "TCP"}
    rename = {"ports": [{"$patch": "replace"}, renamed]}
    proxy.fault = held_back(patches, fault, shop, lambda: shop.patch_container(rename))
    shop.patch_container({"livenessProbe": {"httpGet": {"path": "/mine"}, "periodSeconds": 3}})
    shop.until(lambda: shop.paths().get("liveness") == "/mine", "the probe of the user is there")
    # An admission policy drops the probe with its port, and it comes back with the new one.
    shop.until(
        lambda: "readinessProbe" in (found := shop.probes()) and found["readinessProbe"]["httpGet"]["port"] == "web",
        "ours asks the renamed port",
    )
