"""Two replicas, of which one is stopped, cut off or stormed: at no time do both write, and the work goes on."""

import datetime as dt
import signal
import time

import pytest

LEASE = "/apis/coordination.k8s.io/v1/namespaces/apphealth/leases/apphealth"
PLANS = "/apis/apphealth.dev/v1alpha1"


@pytest.fixture(autouse=True)
def _no_lease_of_an_earlier_test(api, installed):
    if api.get(LEASE):
        api.delete(LEASE)


def holder(api):
    return (api.get(LEASE) or {"spec": {}})["spec"].get("holderIdentity") or ""


def logged(operator, words):
    """Return when the operator logged these words, as seconds since the epoch."""
    lines = [line for line in operator.log.read_text().splitlines() if words in line]
    return [dt.datetime.fromisoformat(line.split()[0]).timestamp() for line in lines]


def renewals(proxy):
    return len([request for request in proxy.writes() if "/leases" in request.path])


def two(run_operator, api, shop, kubeconfig):
    """Start two replicas; returns the leader, which talks to the API server by this kubeconfig, and the follower."""
    leader = run_operator("--leader-elect", kubeconfig=kubeconfig)
    shop.until(lambda: holder(api), "there is a leader")
    shop.until(lambda: logged(leader, "all workloads have been reconciled"), "it has begun")
    follower = run_operator("--leader-elect")
    return leader, follower


def test_a_leader_that_was_stopped_writes_nothing_when_it_goes_on(shop, proxy, proxied, run_operator, api):
    shop.deployment()
    leader, follower = two(run_operator, api, shop, proxied)
    before = holder(api)
    leader.process.send_signal(signal.SIGSTOP)
    shop.until(lambda: holder(api) not in ("", before), "the other one leads")
    shop.rule()
    shop.until_applied()
    proxy.seen.clear()
    leader.process.send_signal(signal.SIGCONT)
    shop.until(lambda: "lost the Lease" in leader.tail(), "it has noticed")
    time.sleep(4)
    assert [request for request in proxy.writes() if "/leases" not in request.path] == []
    assert follower.is_ready()
    shop.delete_rule()
    shop.until_clean()


def test_a_leader_whose_api_server_hangs_gives_up_before_the_other_one_starts(
    shop, proxy, proxied, run_operator, api, fault
):
    shop.deployment()
    leader, follower = two(run_operator, api, shop, proxied)
    proxy.fault = lambda request: None if request.is_watch else fault(None, delay=60)
    shop.rule()  # the leader begins to write, and its writes hang as well
    shop.until(lambda: logged(follower, "leading: this"), "the other one leads")
    shop.until_applied()
    lost, led = logged(leader, "lost the Lease")[0], logged(follower, "leading: this")[0]
    assert lost <= led, "it gives up 5 s before the other one may begin"
    proxy.seen.clear()
    time.sleep(3)
    assert [request for request in proxy.writes() if "/leases" not in request.path] == []


def test_a_storm_of_429_costs_no_leadership(shop, proxy, proxied, run_operator, api, fault):
    leader, follower = two(run_operator, api, shop, proxied)
    storm = fault(429, headers=(("Retry-After", "30"),))
    proxy.fault = lambda request: None if request.is_watch or "/leases" in request.path else storm
    shop.deployment()
    shop.rule()
    shop.until(lambda: [r for r in proxy.writes() if "/leases" not in r.path], "it has tried to write")
    before = renewals(proxy)
    # As many as the Lease lasts, and more.
    shop.until(lambda: renewals(proxy) >= before + 6, "it renews its Lease all the while")
    assert logged(leader, "lost the Lease") == logged(follower, "leading: this") == []


def test_a_missing_right_to_the_lease_is_logged_and_keeps_it_from_being_ready(
    shop, proxy, proxied, run_operator, fault, api
):
    said = 'leases.coordination.k8s.io "apphealth" is forbidden: User "x" cannot get resource "leases"'
    forbidden = fault(403, body={"kind": "Status", "reason": "Forbidden", "message": said})
    proxy.fault = lambda request: forbidden if "/leases" in request.path else None
    operator = run_operator("--leader-elect", kubeconfig=proxied, wait=False)
    shop.until(lambda: said in operator.tail(), "the log says so")
    time.sleep(2)
    assert not operator.is_ready()
    proxy.fault = lambda request: None
    shop.until(operator.is_ready, "it goes on when it may")
    shop.until(lambda: holder(api), "it leads")


def test_it_stops_within_its_grace_although_the_lease_cannot_be_released(
    shop, proxy, proxied, run_operator, api, fault
):
    leader, follower = two(run_operator, api, shop, proxied)
    proxy.fault = lambda request: None if request.is_watch else fault(None, delay=60)
    leader.stop()
    assert "was not released: no answer within" in leader.tail()
    assert follower.is_ready()


def test_a_health_plan_that_another_replica_has_written_is_not_overwritten(
    shop, proxy, proxied, run_operator, api, fault
):
    """Its watch of HealthPlans is cut, so that it would write over originals that it has never seen."""
    theirs = {"tcpSocket": {"port": 9999}, "periodSeconds": 7}
    only = {"liveness": {"path": "/live"}, "readiness": {"enabled": False}, "startup": {"enabled": False}}
    shop.deployment("web", {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "livenessProbe": theirs})
    run_operator(kubeconfig=proxied)
    proxy.fault = lambda request: fault(0) if request.is_watch and request.path.endswith("/healthplans") else None
    proxy.cut_watches()
    shop.rule(probes=only)
    shop.until(lambda: shop.state() == "Kept", "it has written its HealthPlan")
    plan = shop.plan()
    original = {"container": "main", "type": "liveness", "original": theirs, "written": [], "generation": 1}
    remembered = plan | {"status": plan["status"] | {"originals": [original]}}
    api.request("PUT", shop.path(PLANS, "healthplans", "deployment-web"), remembered)
    shop.change_rule(probes={"readiness": {"enabled": None, "path": "/ready"}})
    shop.until(lambda: shop.paths().get("readiness") == "/ready", "it goes on")
    path = shop.path(PLANS, "healthplans", "deployment-web")
    shop.until(
        lambda: [one for one in proxy.seen if (one.method, one.path) == ("GET", path)],
        "it has read what the other one wrote",
    )
