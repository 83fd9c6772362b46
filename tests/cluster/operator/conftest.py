"""A namespace of one's own with Deployments, Services and rules in it, and what the operator made of them."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

APPS, CORE, OURS = "/apis/apps/v1", "/api/v1", "/apis/apphealth.dev/v1alpha1"
MAIN = {"name": "main", "image": "example/web:1", "ports": [{"name": "http", "containerPort": 8080}]}
PROBES = {"liveness": {"path": "/live"}, "readiness": {"path": "/ready"}, "startup": {"enabled": False}}
FIELDS = ("livenessProbe", "readinessProbe", "startupProbe")


def wait_until(holds: Callable[[], Any], what: str, timeout: float = 60) -> Any:
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not after {timeout:g} s: {what}"
        time.sleep(0.1)
    return found


class Shop:
    """A namespace, and what is in it."""

    def __init__(self, api: Any, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def path(self, group: str, plural: str, name: str = "") -> str:
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def deployment(self, name: str = "web", *containers: dict[str, Any], app: str = "") -> dict[str, Any]:
        labels = {"app": app or name}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": list(containers) or [MAIN]}},
            },
        }
        return self.api.create(self.path(APPS, "deployments"), body)

    def service(self, name: str = "web", *, target: Any = "http", **spec: Any) -> dict[str, Any]:
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": target}]} | spec,
        }
        return self.api.create(self.path(CORE, "services"), body)

    def rule(self, name: str = "all", **spec: Any) -> dict[str, Any]:
        body = {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "AppHealth",
            "metadata": {"name": name},
            "spec": {"verification": "Skip", "probes": PROBES}
            | ({} if "targetRef" in spec else {"selector": {}})
            | spec,
        }
        return self.api.create(self.path(OURS, "apphealths"), body)

    def change_rule(self, name: str = "all", **spec: Any) -> None:
        self.api.patch(self.path(OURS, "apphealths", name), {"spec": spec})

    def delete_rule(self, name: str = "all") -> None:
        self.api.delete(self.path(OURS, "apphealths", name))

    def get(self, name: str = "web") -> dict[str, Any]:
        return self.api.get(self.path(APPS, "deployments", name))

    def label(self, name: str, **labels: str | None) -> None:
        self.api.patch(self.path(APPS, "deployments", name), {"metadata": {"labels": labels}})

    def patch_container(self, fields: dict[str, Any], name: str = "web", container: str = "main") -> None:
        body = {"spec": {"template": {"spec": {"containers": [{"name": container} | fields]}}}}
        self.api.patch(self.path(APPS, "deployments", name), body, "strategic")

    def probes(self, name: str = "web", container: str = "main") -> dict[str, Any]:
        """Return the probes of a container by field, as they are now."""
        containers = self.get(name)["spec"]["template"]["spec"]["containers"]
        chosen = next(item for item in containers if item["name"] == container)
        return {field: chosen[field] for field in FIELDS if field in chosen}

    def paths(self, name: str = "web", container: str = "main") -> dict[str, str]:
        """Return the HTTP paths of a container's probes: `{"liveness": "/live"}`."""
        found = self.probes(name, container)
        return {f.removesuffix("Probe"): p["httpGet"]["path"] for f, p in found.items() if "httpGet" in p}

    def plan(self, name: str = "web") -> dict[str, Any] | None:
        return self.api.get(self.path(OURS, "healthplans", f"deployment-{name}"))

    def state(self, name: str = "web") -> str | None:
        found = self.plan(name)
        return found["status"]["state"] if found else None

    def findings(self, name: str = "web") -> dict[str, str]:
        """Return the findings of a plan: message by id."""
        found = self.plan(name) or {"status": {}}
        return {item["id"]: item["message"] for item in found["status"].get("findings", [])}

    def status(self, name: str = "all") -> dict[str, Any]:
        return self.api.get(self.path(OURS, "apphealths", name)).get("status") or {}

    def condition(self, kind: str, name: str = "all") -> tuple[str, str] | None:
        """Return status and reason of a rule's condition."""
        found = [c for c in self.status(name).get("conditions", ()) if c["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else None

    def generation(self, name: str = "web") -> int:
        return self.get(name)["metadata"]["generation"]

    def managers(self, name: str = "web") -> set[str]:
        return {entry["manager"] for entry in self.get(name)["metadata"]["managedFields"]}

    def leftovers(self) -> list[str]:
        """Return what is ours in the namespace beside rules."""
        plans = self.api.get(self.path(OURS, "healthplans"))["items"]
        maps = self.api.get(self.path(CORE, "configmaps"))["items"]
        ours = [item for item in maps if "managed-by" in str(item["metadata"].get("labels"))]
        return [item["metadata"]["name"] for item in (*plans, *ours)]

    def until(self, holds: Callable[[], Any], what: str, timeout: float = 60) -> Any:
        """Wait until something holds."""
        return wait_until(holds, what, timeout)

    def until_applied(self, name: str = "web", **paths: str) -> None:
        """Wait until a workload has these probes, and its HealthPlan says so."""
        wanted = paths or {"liveness": "/live", "readiness": "/ready"}
        self.until(lambda: self.paths(name) == wanted, f"{name} has {wanted}, not {self.paths(name)}")
        self.until(lambda: self.state(name) == "Applied", f"{name} is Applied, not {self.state(name)}")

    def until_clean(self, name: str = "web") -> None:
        """Wait until nothing of ours is left on and beside a workload."""
        self.until(lambda: not self.probes(name), f"{name} has no probes")
        self.until(lambda: self.plan(name) is None, f"{name} has no HealthPlan")


@pytest.fixture
def new_shop(api: Any, installed: object) -> Iterator[Callable[[], Shop]]:
    """Provide a way to get empty namespaces."""
    made: list[str] = []

    def make() -> Shop:
        made.append(f"test-{uuid.uuid4().hex[:10]}")
        api.create("/api/v1/namespaces", {"metadata": {"name": made[-1], "labels": {"apphealth-test": "yes"}}})
        return Shop(api, made[-1])

    yield make
    for name in made:
        api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def shop(new_shop: Callable[[], Shop]) -> Shop:
    """Provide an empty namespace."""
    return new_shop()
