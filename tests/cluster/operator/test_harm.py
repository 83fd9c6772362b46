"""What the operator makes of pods in trouble, with its own rights on a real API server; the test plays the kubelet.

The pods have no address: nothing is asked, and the kubelet's Events alone count.
"""

from datetime import UTC, datetime, timedelta

import pytest

APPS, CORE, EVENTS = "/apis/apps/v1", "/api/v1", "/apis/events.k8s.io/v1"
KILLING = ("Killing", "Container main failed liveness probe, will be restarted")
LIVE = ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
BUSY = ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
RETRY = "apphealth.dev/retry"


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def web(shop):
    """A Deployment with one pod, which is ready."""
    shop.deployment()
    shop.api.patch(shop.path(APPS, "deployments", "web"), {"spec": {"replicas": 1, "minReadySeconds": 0}})
    report(shop, newest(shop), ready=True)
    return shop


def newest(shop, *before):
    """Return the name of a pod that is none of those before."""

    def found():
        pods = shop.api.get(shop.path(CORE, "pods"))["items"]
        names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return next((name for name in names if name not in before), None)

    return shop.until(found, "there is a new pod")


def report(shop, name, *notes, ready=False):
    """Report a pod as its kubelet would."""
    container = {"name": "main", "image": "a", "imageID": "a", "ready": ready, "restartCount": 0 if ready else 1}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": ago(60)}],
        "containerStatuses": [container | {"state": {"running": {"startedAt": ago(61)}}}],
    }
    path = shop.path(CORE, "pods", name)
    uid = shop.api.get(path)["metadata"]["uid"]
    for number, (reason, text) in enumerate(notes):
        regarding = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": shop.namespace,
            "name": name,
            "uid": uid,
            "fieldPath": "spec.containers{main}",
        }
        event = {
            "metadata": {"name": f"{name}.{number}"},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "action": "Probing",
            "type": "Warning",
            "reason": reason,
            "note": text,
            "regarding": regarding,
            "reportingController": "kubelet",
            "reportingInstance": "node",
        }
        shop.api.create(shop.path(EVENTS, "events"), event)
    shop.api.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")


def withheld(shop):
    return {one["type"]: one for one in shop.plan()["status"].get("withheld", [])}


def test_a_restart_by_our_probe_is_rolled_back_and_remembered(web, operator):
    before = newest(web)
    web.rule()
    web.until_applied()
    report(web, newest(web, before), LIVE, KILLING)
    web.until(lambda: web.paths() == {"readiness": "/ready"}, f"liveness is taken back: {operator.tail()}")
    web.until(lambda: web.condition("Ready") == ("False", "SomeFailed"), "the rule isn't ready")
    assert web.condition("Degraded") == ("True", "ProbesRolledBack")
    assert web.state() == "RolledBack"
    entry = withheld(web)["liveness"]
    assert entry["evidence"].endswith("because liveness failed: " + LIVE[1])

    def is_told():
        events = web.api.get(web.path(EVENTS, "events"))["items"]
        return any(event["reason"] == "ProbesRolledBack" and entry["evidence"] in event["note"] for event in events)

    web.until(is_told, "an Event says so")
    operator.kill()
    before = operator.log.read_text()
    operator.start()
    said = lambda: operator.log.read_text().removeprefix(before)  # noqa: E731
    web.until(lambda: "initial sync done" in said(), "another operator has looked at it")
    assert web.paths() == {"readiness": "/ready"}
    assert withheld(web) == {"liveness": entry}
    web.api.patch(web.path(APPS, "deployments", "web"), {"metadata": {"annotations": {RETRY: "once"}}})
    web.until(lambda: web.paths() == {"liveness": "/live", "readiness": "/ready"}, "it is tried again")


def test_what_the_operator_replaced_comes_back(web, operator):
    """The HealthPlan remembers it: another operator takes the new one back."""
    before = newest(web)
    web.rule()
    web.until_applied()
    first = newest(web, before)
    report(web, first, ready=True)
    web.change_rule(probes={"liveness": {"path": "/better"}})
    web.until_applied(liveness="/better", readiness="/ready")
    web.until(lambda: web.plan()["status"].get("earlier"), "the HealthPlan remembers the one before")
    operator.kill()
    operator.start()
    report(web, newest(web, before, first), LIVE, KILLING)
    web.until(lambda: web.paths() == {"liveness": "/live", "readiness": "/ready"}, f"back: {operator.tail()}")
    web.until(lambda: web.state() == "RolledBack", "the state")
    assert withheld(web)["liveness"]["instead"]["httpGet"]["path"] == "/live"


def test_putting_back_names_the_pods_that_kubernetes_does_not_replace(shop, operator):
    """A StatefulSet replaces no pod that isn't ready, also if its template no longer has the probe that it fails."""
    labels = {"app": "db"}
    pod = {
        "containers": [{"name": "main", "image": "example/db:1", "ports": [{"containerPort": 8080, "name": "http"}]}]
    }
    spec = {
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    sets = shop.path(APPS, "statefulsets")
    shop.api.create(sets, {"metadata": {"name": "db", "labels": labels}, "spec": spec})
    before = shop.api.get(shop.path(CORE, "pods", newest(shop)))["metadata"]["uid"]
    report(shop, "db-0", ready=True)
    shop.rule()
    path = shop.path(CORE, "pods", "db-0")
    shop.until(lambda: (shop.api.get(path) or {"metadata": {"uid": before}})["metadata"]["uid"] != before, "a new pod")
    report(shop, "db-0", BUSY)
    shop.until(lambda: shop.condition("Ready") == ("False", "PodsFailing"), f"it is said: {operator.tail()}")
    shop.delete_rule()

    def notes():
        events = shop.api.get(shop.path(EVENTS, "events"))["items"]
        return [event["note"] for event in events if event["reason"] == "ProbesRestored"]

    shop.until(notes, f"it is put back: {operator.tail()}")
    assert notes()[0].endswith(f"kubectl -n {shop.namespace} delete pod db-0")


def test_a_pod_that_says_it_is_busy_is_the_applications_own(web, operator, control_plane):
    """It is said, and nothing is changed; then `kubectl rollout undo` takes our probes out, and they stay out."""
    before = newest(web)
    web.rule()
    web.until_applied()
    report(web, newest(web, before), BUSY)
    web.until(lambda: web.condition("Ready") == ("False", "PodsFailing"), f"it is said: {operator.tail()}")
    assert "503" in web.findings()["probe-failing"]
    assert web.paths() == {"liveness": "/live", "readiness": "/ready"}
    control_plane.kubectl("rollout", "undo", "deployment/web", "-n", web.namespace)
    web.until(lambda: web.state() == "RolledBack", f"it is respected: {operator.tail()}")
    assert web.paths() == {}
    assert withheld(web).keys() == {"liveness", "readiness"}
    web.until(lambda: "probe-failing" not in web.findings(), "nothing fails any more")
    assert web.paths() == {}
