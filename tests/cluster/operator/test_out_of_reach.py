"""Pods that are there and can't be asked: it is said once, nothing is guessed, and what rules say is written.

The operator has no right to list pods here, which comes to the same as a network that lets nothing through.
"""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import Cluster

ROOT = Path(__file__).parents[3]
EXPLICIT = {"liveness": {"path": "/live", "port": "http"}}


def deployment(name: str, image: str) -> dict[str, Any]:
    labels = {"app": name}
    main = {"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [main]}},
        },
    }


def rule(name: str, **spec: Any) -> dict[str, Any]:
    target = {"targetRef": {"kind": "Deployment", "name": name}}
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "AppHealth",
        "metadata": {"name": name},
        "spec": target | spec,
    }


class Place:
    """A namespace on simulated nodes."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace

    def apply(self, *objects: dict[str, Any]) -> None:
        self.cluster.kubectl("apply", "-n", self.namespace, "-f", "-", input=yaml.safe_dump_all(objects))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.cluster.kubectl("get", kind, "-n", self.namespace, "--ignore-not-found", name, "-o", "json").stdout
        return json.loads(found) if found.strip() else {}

    def plan(self, name: str) -> dict[str, Any]:
        return self.get("healthplan", f"deployment-{name}").get("status", {})

    def probes(self, name: str) -> set[str]:
        (main,) = self.get("deployment", name)["spec"]["template"]["spec"]["containers"]
        return {key for key in main if key.endswith("Probe")}

    def until(self, holds: Any, what: str) -> Any:
        deadline = time.monotonic() + 60
        while not (found := holds()):
            assert time.monotonic() < deadline, what
            time.sleep(0.2)
        return found


@pytest.fixture(scope="module")
def without_pods(simulated: Cluster) -> Path:
    """Install everything but the operator itself, and without the right to list pods; provides its kubeconfig."""
    objects = list(yaml.safe_load_all(simulated.kubectl("kustomize", str(ROOT / "deploy/operator")).stdout))
    for item in objects:
        if item["kind"] == "ClusterRole":
            item["rules"] = [one for one in item["rules"] if "pods" not in one["resources"]]
    simulated.apply(yaml.safe_dump_all([item for item in objects if item["kind"] != "Deployment"]))
    simulated.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    return simulated.service_account_kubeconfig("apphealth", "apphealth")


@pytest.fixture
def place(simulated: Cluster, simulated_namespace: str) -> Place:
    """Provide a namespace with three Deployments whose pods are ready."""
    place = Place(simulated, simulated_namespace)
    # An image of its own: what came of an image in one test is known to the operator of the next.
    image = f"example/{place.namespace}:1"
    place.apply(*(deployment(name, image) for name in ("explicit", "derived", "both")))
    for name in ("explicit", "derived", "both"):
        simulated.kubectl("wait", "-n", place.namespace, "--for=condition=Available", f"deployment/{name}")
    return place


def test_it_is_said_once_and_nothing_is_guessed(place, without_pods, run_operator):
    place.apply(
        rule("explicit", probes=EXPLICIT | {"readiness": {"enabled": False}, "startup": {"enabled": False}}),
        rule("derived"),
        rule("both", probes=EXPLICIT),
    )
    operator = run_operator(kubeconfig=without_pods)
    names = ("explicit", "derived", "both")
    place.until(lambda: all(is_unreachable(place.plan(name)) for name in names), "every workload has its HealthPlan")
    plans = {name: place.plan(name) for name in names}
    assert [plan["state"] for plan in plans.values()] == ["Applied", "AwaitingPods", "Applied"]
    assert [place.probes(name) for name in ("explicit", "derived")] == [{"livenessProbe"}, set()]
    assert "readinessProbe" not in place.probes("both")
    said = [line for line in operator.log.read_text().splitlines() if "can't try probes on pods from here" in line]
    assert len(said) == 1
    assert 'cannot list resource "pods"' in said[0]
    conditions = {one["type"]: one for one in _conditions(place, "derived")}
    assert (conditions["Verified"]["status"], conditions["Verified"]["reason"]) == ("Unknown", "AwaitingPods")
    assert "no pod could be reached" in conditions["Verified"]["message"]


def test_after_a_restart_it_is_not_written_again(place, without_pods, run_operator):
    place.apply(rule("explicit", probes=EXPLICIT | {"readiness": {"enabled": False}}), rule("derived"))
    operator = run_operator(kubeconfig=without_pods)
    place.until(lambda: place.plan("explicit").get("state") == "Applied", "the one has its probe")
    place.until(lambda: is_unreachable(place.plan("derived")), "the pods of the other are out of reach")
    place.until(lambda: _conditions(place, "derived"), "the rule has its status")
    before = _versions(place)
    operator.stop()
    operator.start()
    place.until(
        lambda: "all workloads have been reconciled" in operator.log.read_text().rpartition("stopped")[2], "it is up"
    )
    assert _versions(place) == before


def is_unreachable(plan: dict[str, Any]) -> bool:
    return "pods-unreachable" in {one["id"] for one in plan.get("findings", [])}


def _conditions(place: Place, name: str) -> list[dict[str, Any]]:
    return place.until(lambda: place.get("apphealth", name).get("status", {}).get("conditions"), "a status")


def _versions(place: Place) -> dict[str, str]:
    plans = {name: place.get("healthplan", f"deployment-{name}") for name in ("explicit", "derived")}
    return {name: plan["metadata"]["resourceVersion"] for name, plan in plans.items()}
