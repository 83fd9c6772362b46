"""Whose a probe is where the API server has forgotten it: what we wrote stays ours, and originals are put back."""

import json
import time

import pytest

pytestmark = pytest.mark.usefixtures("operator")
APPS = "/apis/apps/v1"
THEIRS = {
    "httpGet": {"path": f"/theirs?{'x' * 12_000}", "port": 8080, "scheme": "HTTP"},
    "initialDelaySeconds": 3,
    "timeoutSeconds": 2,
    "periodSeconds": 7,
    "successThreshold": 1,
    "failureThreshold": 4,
    "terminationGracePeriodSeconds": 9,
}
MAIN = {"name": "main", "image": "example/web:1", "ports": [{"name": "http", "containerPort": 8080}]}


def strip(shop):
    """Empty managedFields, as of an object from before Kubernetes 1.18: updates of it are not tracked any more."""
    shop.api.patch(shop.path(APPS, "deployments", "web"), {"metadata": {"managedFields": [{}]}})


def nothing(shop):
    pass


def many_managers(shop):
    """Let the API server merge our entry into `ancient-changes`: it keeps ten entries of updates."""
    for number in range(12):
        body = {"metadata": {"annotations": {f"example/{number}": "x"}}}
        shop.api.patch(shop.path(APPS, "deployments", "web"), body, manager=f"manager-{number}")


def first_apply(shop):
    """Strip and apply server-side: all that was there before gets one entry."""
    strip(shop)
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"applied": "yes"}},
    }
    path = f"{shop.path(APPS, 'deployments', 'web')}?fieldManager=argocd"
    status, text = shop.api.send("PATCH", path, body, "application/apply-patch+yaml")
    assert status == 200, text


@pytest.mark.parametrize(
    ("before", "after", "forgotten"),
    [
        pytest.param(strip, nothing, set(), id="empty-before-our-write"),
        pytest.param(nothing, strip, set(), id="emptied-after-our-write"),
        pytest.param(nothing, many_managers, {"ancient-changes"}, id="ancient-changes"),
        pytest.param(nothing, first_apply, {"before-first-apply"}, id="before-first-apply"),
    ],
)
def test_what_we_wrote_is_changed_removed_and_given_back(shop, before, after, forgotten):
    """Before: ours were taken for somebody's, never changed nor removed, and the original was lost."""
    shop.deployment("web", MAIN | {"livenessProbe": THEIRS})
    before(shop)
    shop.rule(existingProbes="Replace")
    shop.until_applied()

    after(shop)
    time.sleep(1.5)
    managers = shop.managers() if shop.get()["metadata"].get("managedFields") else set()
    assert forgotten <= managers
    assert "apphealth" not in managers

    shop.change_rule(probes={"liveness": {"path": "/live2"}})
    shop.until_applied(liveness="/live2", readiness="/ready")
    original = shop.plan()["status"]["originals"][0]["original"]
    assert original == THEIRS
    shop.delete_rule()
    shop.until(lambda: shop.plan() is None, "the HealthPlan is gone")
    assert json.dumps(shop.probes()) == json.dumps({"livenessProbe": THEIRS})
