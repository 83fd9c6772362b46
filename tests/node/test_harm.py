"""What was written is looked at again: probes of ours that harm new pods are taken back by the operator, in seconds.

One namespace, and all workloads side by side: the waits overlap.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.timeout(600)  # a busy machine takes long to start what the first test waits for
NAMESPACE = "harm"
SERVES = ["python", "odd.py", "healthy"]
"""Serves /livez and /readyz."""
LOST = ["python", "-m", "http.server", "8000"]
"""Answers 404 to both."""
SAID = {"liveness": {"path": "/livez"}, "readiness": {"path": "/readyz"}, "startup": {"enabled": False}}
WRONG = {"liveness": {"path": "/nope"}, "readiness": {"path": "/nope"}, "startup": {"enabled": False}}
KILLS = {
    "liveness": {"path": "/nope", "periodSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 1},
    "readiness": {"enabled": False},
    "startup": {"enabled": False},
}
WORKLOADS = {
    "web": "Deployment",
    "db": "StatefulSet",
    "agent": "DaemonSet",
    "skipped": "Deployment",
    "killed": "Deployment",
}
RELEASED = ("web", "db", "agent")
"""Those that get a new template under probes that were proven on the old one."""
LIMIT = 30.0
"""Seconds from a failing new pod to our probes gone, at best: a busy machine takes longer over some."""
STATES = dict.fromkeys(("web", "db", "agent", "skipped"), "Refuted") | {"killed": "RolledBack"}
"""What becomes of each."""


def workload(name: str, command: list[str], port: str = "http") -> dict[str, Any]:
    labels, kind = {"app": name}, WORKLOADS[name]
    main = {
        "name": "main",
        "image": "localhost/apphealth/test-apps:1",
        "command": command,
        "ports": [{"containerPort": 8000, "name": port}],
    }
    spec = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [main], "terminationGracePeriodSeconds": 1},
        },
    }
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec}


def rule(name: str, probes: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "AppHealth",
        "metadata": {"name": name},
        "spec": {"targetRef": {"kind": WORKLOADS[name], "name": name}, "probes": probes} | spec,
    }


def probes(item: dict[str, Any]) -> dict[str, Any]:
    """Return the probes of a workload or a pod."""
    pod = item["spec"].get("template", item)["spec"]
    return {key: value for key, value in pod["containers"][0].items() if key.endswith("Probe")}


class Watch:
    """When a new pod first ran with probes of ours and wasn't ready, and when the template was without them."""

    def __init__(self, place: Any, old: set[str]) -> None:
        self._place = place
        self._old = old
        self.failing: dict[str, float] = {}
        self.gone: dict[str, float] = {}
        self.plans: dict[str, dict[str, Any]] = {}

    def look(self) -> None:
        now = time.monotonic()
        for pod in self._place.items("pods"):
            status = pod["status"].get("containerStatuses", [{}])[0]
            runs = "running" in status.get("state", {}) or status.get("restartCount", 0)
            if pod["metadata"]["uid"] not in self._old and probes(pod) and runs and not status.get("ready"):
                self.failing.setdefault(pod["metadata"]["labels"]["app"], now)
        for item in self._place.items("deployments,statefulsets,daemonsets"):
            name = item["metadata"]["name"]
            if name in self.failing and not probes(item):
                self.gone.setdefault(name, now)

    def seconds(self, name: str) -> float:
        return self.gone[name] - self.failing[name]


def plans(place: Any) -> dict[str, dict[str, Any]]:
    found = place.items("healthplans")
    return {item["spec"]["workload"]["name"]: item["status"] for item in found}


def conditions(place: Any, name: str) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in place.get("apphealth", name)["status"]["conditions"]}


@pytest.fixture(scope="module")
def harmed(node: Any, operator: None, apps: None, place: Any, eventually: Any) -> Iterator[tuple[Any, Watch]]:
    """Release a version without the endpoints under probes of ours, and write wrong ones under `verification: Skip`."""
    node.kubectl("create", "namespace", NAMESPACE)
    here = place(NAMESPACE)

    def apply(*objects: dict[str, Any]) -> None:
        here.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))

    apply(*(workload(name, SERVES) for name in WORKLOADS), *(rule(name, SAID) for name in RELEASED))
    eventually(lambda: all(plans(here).get(name, {}).get("state") == "Applied" for name in RELEASED), "probes", 120)
    eventually(lambda: all(is_settled(item) for item in here.items("deployments,statefulsets,daemonsets")), "pods", 120)
    watch = Watch(here, {pod["metadata"]["uid"] for pod in here.items("pods")})
    apply(
        *(workload(name, LOST) for name in RELEASED),
        rule("skipped", WRONG, verification="Skip"),
        rule("killed", KILLS, verification="Skip"),
    )
    deadline = time.monotonic() + 200
    while len(watch.gone) < len(WORKLOADS) and time.monotonic() < deadline:
        watch.look()
        time.sleep(0.25)
    print({name: round(watch.seconds(name), 1) for name in watch.gone})  # noqa: T201 -- the figures of this machine
    eventually(lambda: {name: one["state"] for name, one in plans(here).items()} == STATES, "the plans say so")
    watch.plans = plans(here)
    yield here, watch
    node.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def is_settled(item: dict[str, Any]) -> bool:
    status, wanted = item["status"], item["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    if item["kind"] == "DaemonSet":
        return status.get("updatedNumberScheduled", 0) == wanted == status.get("numberAvailable", 0)
    return wanted == status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == status.get("replicas", 0)


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_harms_new_pods_is_gone(harmed: Any, name: str) -> None:
    _, watch = harmed
    assert name in watch.gone, f"the probes of {name} are still there; failing since {watch.failing}"


def test_it_takes_seconds(harmed: Any) -> None:
    _, watch = harmed
    assert min(watch.seconds(name) for name in watch.gone) <= LIMIT


@pytest.mark.parametrize("name", ["web", "agent", "skipped", "killed"])
def test_the_rollout_goes_on(harmed: Any, eventually: Any, name: str) -> None:
    here, _ = harmed
    eventually(lambda: is_settled(here.get(WORKLOADS[name], name)), f"the rollout of {name} is complete", 120)


def test_the_evidence_is_said(harmed: Any, eventually: Any) -> None:
    here, watch = harmed
    found = watch.plans
    (killed,) = found["killed"]["withheld"]
    assert killed["evidence"].startswith("the kubelet restarted main in killed-")
    assert "because liveness failed: Liveness probe failed: " in killed["evidence"]
    assert all("404" in one["evidence"] for one in found["web"]["withheld"])
    assert {one["type"] for one in found["web"]["withheld"]} == {"liveness", "readiness"}

    def reasons() -> set[str]:
        return {event["reason"] for event in here.items("events.events.k8s.io")}

    eventually(lambda: {"ProbesRolledBack", "ProbesTakenOut"} <= reasons(), "the Events say so")
    for name, reason in (("killed", "ProbesRolledBack"), ("web", "ProbesRefuted")):
        eventually(lambda name=name: conditions(here, name)["Ready"]["status"] == "False", f"{name} isn't Ready")
        assert conditions(here, name)["Degraded"]["reason"] == reason


def test_a_pod_that_kubernetes_does_not_replace_is_named(harmed: Any, eventually: Any) -> None:
    here, watch = harmed
    (entry, *_) = watch.plans["db"]["withheld"]
    assert entry["evidence"].endswith(f"kubectl -n {NAMESPACE} delete pod db-0")
    here.kubectl("delete", "pod", "db-0")
    eventually(lambda: is_settled(here.get("StatefulSet", "db")), "the new pod has no probe of ours", 60)


def test_a_retry_tries_again(harmed: Any, eventually: Any) -> None:
    """Then the pods are believed about it, who still answer 404."""
    here, _ = harmed
    eventually(lambda: is_settled(here.get("Deployment", "web")), "its rollout is complete", 120)
    here.kubectl("annotate", "deployment/web", "apphealth.dev/retry=once")
    eventually(lambda: plans(here)["web"].get("retried") == "once", "the annotation has had its effect")
    assert plans(here)["web"].get("withheld", []) == []
    eventually(lambda: json.dumps(plans(here)["web"]["findings"]).count("probe-refuted") == 1, "the pods have said no")
    assert probes(here.get("Deployment", "web")) == {}
