"""A user who applies manifests with kubectl, the operator's patches, and the admission policy, there or not."""

import copy
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from localcluster import Cluster

ADMISSION = Path(__file__).parents[3] / "deploy/operator/admission"
BINDING = "mutatingadmissionpolicybinding/newest-handler-wins.apphealth.dev"
HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")
MODES = {
    "client-side": [],
    "server-side": ["--server-side"],
    "server-side-force": ["--server-side", "--force-conflicts"],
}
OURS = {
    "httpGet": {"path": "/z/health/liveness", "port": 8080, "scheme": "HTTP"},
    "initialDelaySeconds": 30,
    "timeoutSeconds": 5,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}


def workload(kind: str, name: str, containers: list[dict[str, Any]], inits: list[dict[str, Any]]) -> dict[str, Any]:
    labels = {"app": name}
    pod: dict[str, Any] = {"containers": containers} | ({"initContainers": inits} if inits else {})
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    if kind != "DaemonSet":
        spec["replicas"] = 0
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


class Shop:
    """One workload with a container `main`; its user and the operator take turns."""

    def __init__(self, cluster: Cluster, api: Any, namespace: str, mode: str, kind: str) -> None:
        self.cluster, self.api, self.namespace, self.mode, self.kind = cluster, api, namespace, mode, kind
        self.name = f"web-{uuid.uuid4().hex[:8]}"
        self.address = f"{kind}/{self.name}"
        self.path = f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s/{self.name}"

    def manifest(self, *containers: dict[str, Any], inits: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
        """Return the user's manifest; a container is given by what it has beside its image."""
        chosen = containers or ({"name": "main"},)
        return workload(
            self.kind, self.name, [{"image": "web:1"} | c for c in chosen], [{"image": "x"} | i for i in inits]
        )

    def apply(self, manifest: dict[str, Any], mode: str = "", *, check: bool = True) -> CompletedProcess[str]:
        """Apply as the user does."""
        arguments = MODES[mode or self.mode]
        return self.kubectl("apply", *arguments, "-f", "-", text=json.dumps(manifest), check=check)

    def replace(self, manifest: dict[str, Any], tries: int = 5) -> CompletedProcess[str]:
        """Replace as the user does; it reads, then writes, and asks to be tried again if a controller wrote between."""
        done = self.kubectl("replace", "-f", "-", text=json.dumps(manifest), check=tries == 1)
        again = done.returncode and "the object has been modified" in done.stderr
        return self.replace(manifest, tries - 1) if again else done

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True) -> CompletedProcess[str]:
        return self.cluster.kubectl(*arguments, "-n", self.namespace, input=text, check=check)

    def patch(
        self,
        probe: dict[str, Any] | None,
        container: str = "main",
        *,
        field: str = "livenessProbe",
        section: str = "containers",
        check: bool = True,
    ) -> tuple[int, str]:
        """Set a probe as the operator does: strategic merge, complete, the other handlers cleared."""
        value = None if probe is None else dict.fromkeys(HANDLERS) | probe
        return self.patch_pod({section: [{"name": container, field: value}]}, check=check)

    def patch_pod(self, pod: dict[str, Any], *, check: bool = True, **metadata: str) -> tuple[int, str]:
        """Patch as the operator does, without kubectl; returns status and body of the answer."""
        body = {"metadata": metadata, "spec": {"template": {"spec": pod}}}
        kind = "application/strategic-merge-patch+json"
        status, text = self.api.send("PATCH", f"{self.path}?fieldManager=apphealth", body, kind)
        assert status == 200 or not check, text
        return status, text.decode()

    def object(self) -> dict[str, Any]:
        return self.api.request("GET", self.path)

    def pod(self) -> dict[str, Any]:
        return self.object()["spec"]["template"]["spec"]

    def probe(self, container: str = "main", field: str = "livenessProbe", section: str = "containers") -> Any:
        """Return a probe as it is now, or None."""
        return next((c for c in self.pod()[section] if c["name"] == container), {}).get(field)

    def owned(self, manager: str, container: str = "main", field: str = "livenessProbe") -> set[str]:
        """Return the leaves of a probe that a manager owns, as managedFields tells."""
        found: set[str] = set()
        for entry in self.object()["metadata"]["managedFields"]:
            pod = entry["fieldsV1"].get("f:spec", {}).get("f:template", {}).get("f:spec", {})
            named = pod.get("f:containers", {}).get(f'k:{{"name":"{container}"}}', {})
            if entry["manager"] == manager:
                found |= set(_leaves(named.get(f"f:{field}", {})))
        return found


def _leaves(fields: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, inner in fields.items():
        if name.startswith("f:"):
            where = f"{path}.{name[2:]}".lstrip(".")
            yield from _leaves(inner, where) if set(inner) - {"."} else [where]


@pytest.fixture(scope="module")
def policy(control_plane: Cluster) -> Iterator[None]:
    """Have the policy in force."""
    with_binding = _is_bound(control_plane)
    control_plane.kubectl("apply", "-k", str(ADMISSION))
    _await(control_plane, in_force=True)
    yield
    if not with_binding:
        control_plane.kubectl("delete", "-k", str(ADMISSION))


@pytest.fixture(scope="module")
def no_policy(control_plane: Cluster) -> Iterator[None]:
    """Have the policy out of force, and put it back if it was there."""
    with_binding = _is_bound(control_plane)
    control_plane.kubectl("delete", "--ignore-not-found", BINDING)
    _await(control_plane, in_force=False)
    yield
    if with_binding:
        control_plane.kubectl("apply", "-k", str(ADMISSION))
        _await(control_plane, in_force=True)


def _is_bound(cluster: Cluster) -> bool:
    return cluster.kubectl("get", BINDING, check=False).returncode == 0


def _await(cluster: Cluster, *, in_force: bool) -> None:
    """The API server takes a second or so to notice policies: ask, without changing anything, until it has."""
    before = workload("Deployment", "policy-canary", [{"name": "a", "image": "a", "livenessProbe": OURS}], [])
    after = copy.deepcopy(before)
    after["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["tcpSocket"] = {"port": 1}
    cluster.kubectl("apply", "-n", "default", "-f", "-", input=json.dumps(before))
    deadline = time.monotonic() + 30
    while True:
        asked = cluster.kubectl(
            *("replace", "-n", "default", "--dry-run=server", "-f", "-"), input=json.dumps(after), check=False
        )
        if (asked.returncode == 0) == in_force:
            break
        assert time.monotonic() < deadline, asked.stderr
        time.sleep(0.2)
    cluster.kubectl("delete", "deployment", "policy-canary", "-n", "default")


@pytest.fixture(scope="module")
def market(control_plane: Cluster) -> Iterator[str]:
    """Make a namespace for all workloads of a module."""
    name = f"market-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(params=["Deployment"])
def kind(request: pytest.FixtureRequest) -> str:
    """Provide the kind of the workload."""
    return request.param


@pytest.fixture(params=list(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    """Provide the user's way to apply."""
    return request.param


@pytest.fixture
def shop(control_plane: Cluster, api: Any, market: str, mode: str, kind: str) -> Shop:
    """Provide a user, an operator, and no workload yet."""
    return Shop(control_plane, api, market, mode, kind)
