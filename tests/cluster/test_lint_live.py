"""`apphealth lint --cluster`: on a real API server the same is found as in the manifests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROGRAM = Path(sys.executable).parent / "apphealth"
LABELS = {"app": "web"}
WEB = {
    "name": "web",
    "image": "registry.example.com/web:1",
    "ports": [{"name": "http", "containerPort": 8080}],
    "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}, "failureThreshold": 1},
}
POD = {"metadata": {"labels": LABELS}, "spec": {"containers": [WEB]}}
MANIFESTS = yaml.safe_dump_all(
    [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": POD},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    ]
)


def found(*arguments: str, text: str | None = None) -> tuple[int, set[tuple[str, str, str]]]:
    """Run lint, and return its exit code and what it found."""
    command = [str(PROGRAM), "lint", *arguments, "-o", "json"]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    listed = json.loads(ended.stdout)["findings"]
    return ended.returncode, {(one["id"], one["severity"], one["message"]) for one in listed}


@pytest.mark.usefixtures("installed")
def test_a_cluster_is_judged_as_its_manifests_are(control_plane, namespace):
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=MANIFESTS)
    live = found("--cluster", "-n", namespace, "--kubeconfig", str(control_plane.kubeconfig))
    assert live == found("-f", "-", "-n", namespace, text=MANIFESTS)
    assert {id_ for id_, _, _ in live[1]} == {"readiness-missing", "liveness-aggressive"}
    assert live[0] == 1
