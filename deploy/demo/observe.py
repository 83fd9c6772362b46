"""The observed state of the shop's namespace: Deployments, their pods and probes, and the pods in rotation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.demo.errors import DemoError
from deploy.demo.kubectl import Kubectl

PROBE_KEYS = ("livenessProbe", "readinessProbe", "startupProbe")
CONTROLLERS = ("kube-controller-manager",)
"""Field managers that write a Deployment's status and revision, and nothing of its desired state."""

_NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
_IMAGE_ADVICE = (
    "write it with `make demo ARGS='--save-image shop.tar'`, load it into every node (kind load image-archive, minikube"
    " image load, ctr -n k8s.io images import) or push it, and name it with --shop-image"
)
_PROBE_LINES = re.compile(r"^Name:|Liveness:|Readiness:|Startup:")


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the shop."""

    name: str
    app: str
    ready: bool
    readiness: str
    """The path or the port of its readiness probe; empty without one."""
    restarts: int
    leaving: bool
    missing_image: str
    """The image that the node can't get; empty if it has it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The spec of a Deployment, and its field managers."""

    spec: dict[str, Any]
    managers: frozenset[str]

    def __str__(self) -> str:
        return ", ".join(sorted(self.managers))


class Shop:
    """Reads the shop's namespace.

    Parameters
    ----------
    kubectl
        The cluster.
    namespace
        The namespace of the shop.
    """

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self.namespace = namespace

    def pods(self) -> list[Pod]:
        """Return the pods, by name."""
        return [_pod(item) for item in self._kubectl.items("pods", "-n", self.namespace)]

    def settled(self) -> bool:
        """Whether every rollout is complete, and no pod is terminating.

        Raises
        ------
        DemoError
            A pod can't start, because its node can't get the image.
        """
        deployments = self._kubectl.items("deployments", "-n", self.namespace)
        pods = self.pods()
        if missing := next((pod.missing_image for pod in pods if pod.missing_image), ""):
            raise DemoError(f"the cluster can't get the image {missing}", _IMAGE_ADVICE)
        return all(map(_rolled_out, deployments)) and not any(pod.leaving for pod in pods)

    def described_probes(self) -> str:
        """Return the lines of ``kubectl describe`` with names and probes of the Deployments."""
        lines = self._kubectl.run("describe", "deployments", "-n", self.namespace).splitlines()
        return "\n".join(line.rstrip() for line in lines if _PROBE_LINES.search(line))

    def audited(self) -> bool:
        """Whether each Deployment has a HealthPlan that says what would be written."""
        plans = self._plans()
        deployments = self._kubectl.items("deployments", "-n", self.namespace)
        return len(plans) == len(deployments) and all(plan["state"] == "Preview" for plan in plans.values())

    def applied(self) -> bool:
        """Whether every HealthPlan is as it is in the end."""
        return all(plan["state"] == "Applied" for plan in self._plans().values())

    def rollouts(self) -> list[list[str]]:
        """Return each Deployment with the state of its HealthPlan and of its rollout."""
        plans = self._plans()
        return [
            [
                (name := item["metadata"]["name"]),
                plans.get(name, {}).get("state", ""),
                "done" if _count_probes(item) and _rolled_out(item) else "under way" if _count_probes(item) else "",
            ]
            for item in self._kubectl.items("deployments", "-n", self.namespace)
        ]

    def withheld(self, deployment: str) -> dict[str, str]:
        """Return the probes of a Deployment that did harm and were taken back, with the evidence."""
        found = self._plans().get(deployment, {}).get("withheld") or ()
        return {one["type"]: one["evidence"] for one in found}

    def _plans(self) -> dict[str, Any]:
        """Return the status of each HealthPlan, by the name of its Deployment."""
        items = self._kubectl.items("healthplans", "-n", self.namespace)
        return {item["spec"]["workload"]["name"]: item.get("status", {}) for item in items}

    def unprobed(self) -> bool:
        """Whether no Deployment has a probe."""
        deployments = self._kubectl.items("deployments", "-n", self.namespace)
        return not any(_count_probes(item) for item in deployments)

    def count_probes(self) -> int:
        """Return the number of probes of all Deployments."""
        return sum(map(_count_probes, self._kubectl.items("deployments", "-n", self.namespace)))

    def in_rotation(self) -> frozenset[str]:
        """Return the names of the pods that Services send requests to."""
        slices = self._kubectl.items("endpointslices", "-n", self.namespace)
        endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
        return frozenset(endpoint["targetRef"]["name"] for endpoint in endpoints if endpoint["conditions"]["ready"])

    def snapshots(self) -> dict[str, Snapshot]:
        """Return the spec and the field managers of each Deployment."""
        items = self._kubectl.items("deployments", "-n", self.namespace, "--show-managed-fields")
        return {item["metadata"]["name"]: _snapshot(item) for item in items}

    def leftovers(self) -> list[str]:
        """Return the names of the operator's objects that still exist."""
        found = self._kubectl.run("get", "configmaps,healthplans", "-n", self.namespace, "-o", "name").split()
        return [name for name in found if name.startswith("healthplan") or name.endswith("-apphealth")]


def first_pod(pods: Sequence[Pod], app: str) -> str:
    """Return the name of an app's first pod."""
    return next(pod.name for pod in pods if pod.app == app)


def _pod(item: dict[str, Any]) -> Pod:
    statuses = item["status"].get("containerStatuses") or []
    return Pod(
        name=item["metadata"]["name"],
        app=item["metadata"]["labels"]["app"],
        ready=bool(statuses) and all(status["ready"] for status in statuses),
        readiness=_readiness(item["spec"]["containers"][0]),
        restarts=sum(status["restartCount"] for status in statuses),
        leaving="deletionTimestamp" in item["metadata"],
        missing_image=next((status["image"] for status in statuses if _lacks_image(status)), ""),
    )


def _readiness(container: dict[str, Any]) -> str:
    probe = container.get("readinessProbe", {})
    return str(probe.get("httpGet", {}).get("path") or probe.get("tcpSocket", {}).get("port", ""))


def _lacks_image(status: dict[str, Any]) -> bool:
    reason: str = status["state"].get("waiting", {}).get("reason", "")
    return reason in _NO_IMAGE


def _rolled_out(deployment: dict[str, Any]) -> bool:
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    seen: bool = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return seen and counts == [wanted] * 3


def _count_probes(deployment: dict[str, Any]) -> int:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return sum(key in container for container in containers for key in PROBE_KEYS)


def _snapshot(deployment: dict[str, Any]) -> Snapshot:
    entries = deployment["metadata"].get("managedFields", [])
    managers = (entry["manager"] for entry in entries)
    return Snapshot(deployment["spec"], frozenset(name for name in managers if name not in CONTROLLERS))
