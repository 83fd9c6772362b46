"""What is written after pods were asked, and what a real kubelet then makes of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

NAME = "asked"
LABELS = {"app": NAME}
PATHS = {"liveness": {"path": "/readyz"}, "readiness": {"path": "/readyz"}, "startup": {"enabled": False}}


def deployment(serves: str) -> str:
    main = {
        "name": "main",
        "image": "localhost/apphealth/test-apps:1",
        "command": ["python", "odd.py", serves],
        "ports": [{"containerPort": 8000}],
    }
    spec = {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [main], "terminationGracePeriodSeconds": 1},
        },
    }
    return yaml.safe_dump(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "labels": LABELS}, "spec": spec}
    )


def rule() -> str:
    spec = {"selector": {}, "probes": PATHS}
    return json.dumps(
        {"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": {"name": NAME}, "spec": spec}
    )


@pytest.fixture
def asked(node: Any, operator: None, apps: None, place: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    namespace = f"asked-{abs(hash(request.node.name)) % 100_000}"
    node.kubectl("create", "namespace", namespace)
    yield place(namespace)
    node.kubectl("delete", "namespace", namespace, "--wait=false")


def plan(place: Any) -> Any:
    return next((item["status"] for item in place.items("healthplans")), {})


def test_pods_of_the_old_template_prove_nothing_for_the_new_one(asked: Any, eventually: Any) -> None:
    """Before: the old pod said 200, the probe was written, and the new pod was never ready."""
    asked.kubectl("apply", "-f", "-", text=deployment("healthy"))
    eventually(lambda: asked.rolled_out(NAME), "the old template runs", 120)
    asked.kubectl("apply", "-f", "-", text=f"{deployment('grpc')}---\n{rule()}")
    eventually(lambda: plan(asked).get("state") == "Refuted", "the new pod has been asked", 120)
    assert asked.described(NAME) == {}
    eventually(lambda: asked.rolled_out(NAME), "nothing of ours keeps the rollout", 120)


def test_a_redirect_to_a_port_where_nobody_listens_is_no_success(asked: Any, eventually: Any) -> None:
    """Before: 301 was enough, and the kubelet followed it to :443, where the connection was refused."""
    asked.kubectl("apply", "-f", "-", text=deployment("force-ssl"))
    eventually(lambda: asked.rolled_out(NAME), "it runs", 120)
    asked.kubectl("apply", "-f", "-", text=rule())
    eventually(lambda: plan(asked).get("state") == "Refuted", "it has been asked")
    refuted = next(finding for finding in plan(asked)["findings"] if finding["id"] == "probe-refuted")
    assert "after a redirect to https :443/readyz" in refuted["message"]
    assert asked.described(NAME) == {}


def test_a_redirect_within_the_pod_is_followed_by_us_and_by_the_kubelet(asked: Any, eventually: Any) -> None:
    asked.kubectl("apply", "-f", "-", text=deployment("login"))
    eventually(lambda: asked.rolled_out(NAME), "it runs", 120)
    asked.kubectl("apply", "-f", "-", text=rule())
    eventually(lambda: plan(asked).get("state") == "Applied", "its probes are written")
    eventually(lambda: asked.rolled_out(NAME), "the kubelet is content", 120)
    assert any("200 after a redirect to http :8000/login" in proof["answer"] for proof in plan(asked)["proofs"])
