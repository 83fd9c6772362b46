"""A pod that the network keeps the operator from, and what happens when it no longer does."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

NAME = "hidden"
RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "AppHealth",
    "metadata": {"name": NAME},
    "spec": {"targetRef": {"kind": "Deployment", "name": NAME}, "preset": "auto"},
}
LABELS = {"app": NAME}
MAIN = {
    "name": "main",
    "image": "localhost/apphealth/test-apps:1",
    "command": ["python", "odd.py", "healthy"],
    "ports": [{"containerPort": 8000}],
    "env": [{"name": "APP", "value": NAME}],  # pods of one image and settings are asked once for all
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": NAME},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [MAIN]}},
    },
}


@pytest.fixture
def hidden(node: Any, operator: None, apps: None, place: Any, eventually: Any) -> Iterator[Any]:
    """Deploy an application whose pod can't be reached from the host; provides how to let it be reached again."""
    hidden = place(NAME)
    node.kubectl("create", "namespace", NAME)
    hidden.kubectl("apply", "-f", "-", text=yaml.safe_dump(DEPLOYMENT))
    eventually(lambda: hidden.get("deployment", NAME)["status"].get("readyReplicas"), "its pod is ready", 120)
    (pod,) = hidden.pods(NAME)
    route = ["unreachable", pod["status"]["podIP"]]
    subprocess.run(["ip", "route", "add", *route], check=True)
    yield hidden, lambda: subprocess.run(["ip", "route", "del", *route], check=False)
    subprocess.run(["ip", "route", "del", *route], check=False, capture_output=True)


def test_what_cannot_be_asked_waits_and_goes_on_as_soon_as_the_rule_is_touched(hidden, eventually):
    place, reveal = hidden
    place.kubectl("apply", "-f", "-", text=json.dumps(RULE))

    def plan() -> Any:
        return next((item["status"] for item in place.items("healthplans")), {})

    eventually(lambda: "pods-unreachable" in {one["id"] for one in plan().get("findings", [])}, "no pod is reached")
    assert plan()["state"] == "AwaitingPods"
    assert place.described(NAME) == {}
    reveal()
    changed = RULE["spec"] | {"probes": {"liveness": {"periodSeconds": 20}}}
    place.kubectl("apply", "-f", "-", text=json.dumps(RULE | {"spec": changed}))
    eventually(lambda: plan().get("state") == "Applied", "its probes are written")
    eventually(lambda: place.rolled_out(NAME), "it is rolled out", 120)
    assert "/readyz" in place.described(NAME)["Readiness"]
