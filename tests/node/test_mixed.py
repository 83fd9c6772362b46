"""A namespace of applications that nobody has described, and one ClusterAppHealth over it: `preset: auto`.

Each gets the probes that its running pods have shown to work, or a finding that says why not. Meanwhile a client asks
through every Service without a pause: no request fails, and no container restarts.
"""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

IMAGE = "localhost/apphealth/test-apps:1"
PORT = 8000
TCP = f"tcp {PORT}"
FLASK = ["gunicorn", f"--bind=:{PORT}", "--threads=4", "--no-control-socket"]
RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "ClusterAppHealth",
    "metadata": {"name": "mixed"},
    "spec": {
        "mode": "Enforce",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "mixed"}},
        "selector": {},
        "preset": "auto",
        "rollout": {"maxConcurrent": "30%", "canaries": 0, "soakSeconds": 0},
    },
}


def http(path: str) -> str:
    return f"http {PORT} {path}"


def library(prefix: str) -> dict[str, str]:
    return {kind: http(f"{prefix}/health/{kind}") for kind in ("liveness", "readiness", "startup")}


@dataclass(frozen=True)
class App:
    """An application, what it should get, and what should be said about it."""

    name: str
    command: list[str]
    probes: dict[str, str] = field(default_factory=dict)
    findings: frozenset[str] = frozenset()
    state: str = "Applied"
    kind: str = "Deployment"
    port: dict[str, Any] = field(default_factory=lambda: {"containerPort": PORT})
    env: dict[str, str] = field(default_factory=dict)
    speaks: str = "http"
    """How the client asks: `http`, `tcp`, or not at all."""
    pod: dict[str, Any] = field(default_factory=dict)
    """More of the pod's spec."""


def odd(kind: str) -> list[str]:
    return ["python", "odd.py", kind]


KUBERNETES = {"liveness": http("/livez"), "readiness": http("/readyz"), "startup": http("/livez")}
SIDECAR = {
    "name": "helper",
    "image": IMAGE,
    "command": ["python", "-m", "http.server", "9000"],
    "restartPolicy": "Always",
    "ports": [{"containerPort": 9000}],
}
APPS = [
    App("flask-z", [*FLASK, "mixed:at_z()"], library("/z")),
    App("flask-admin", [*FLASK, "mixed:at_admin()"], library("/admin"), env={"APPHEALTH_PREFIX": "/admin"}),
    App("flask-plain", [*FLASK, "mixed:kubernetes_style()"], KUBERNETES),
    App(
        "grpc-health",
        odd("grpc"),
        dict.fromkeys(("liveness", "readiness", "startup"), f"grpc {PORT}"),
        port={"containerPort": PORT, "name": "grpc"},
        speaks="tcp",
    ),
    App(
        "grpc-plain",
        odd("grpc-without-health"),
        {"readiness": TCP},
        frozenset({"endpoint-not-found"}),
        port={"containerPort": PORT, "name": "grpc"},
        speaks="tcp",
    ),
    App("echo", odd("echo"), {"readiness": TCP}, frozenset({"endpoint-not-found"}), speaks="tcp"),
    App("always", odd("always"), {"readiness": TCP}, frozenset({"endpoint-not-found"})),
    App("login", odd("login"), {"readiness": TCP}, frozenset({"endpoint-not-found"})),
    App("page", odd("page"), {"readiness": http("/api/health")}, frozenset({"readiness-broad"})),
    App("wrong-port", odd("healthy"), KUBERNETES, port={"containerPort": 8080}),
    App("slow", odd("slow"), KUBERNETES),
    App("worker", odd("worker"), {}, frozenset({"container-unreachable"}), "Skipped", port={}, speaks=""),
    App(
        "beside",
        [*FLASK, "mixed:at_z()"],
        library("/z"),
        frozenset({"container-unserved"}),
        pod={"initContainers": [SIDECAR]},
    ),
    App("at-once", [*FLASK, "mixed:at_z()"], library("/z"), kind="StatefulSet"),
    App(
        "in-order",
        [*FLASK, "mixed:at_z()"],
        {kind: probe for kind, probe in library("/z").items() if kind != "readiness"},
        frozenset({"readiness-ordered"}),
        kind="StatefulSet",
        speaks="",
    ),
    App("everywhere", [*FLASK, "mixed:at_z()"], library("/z"), kind="DaemonSet"),
    App(
        "on-the-host",
        odd("healthy"),
        {},
        frozenset({"awaiting-pods"}),
        "AwaitingPods",
        pod={"hostNetwork": True},
        speaks="",
    ),
]
NAMES = {app.name: app for app in APPS}


def manifests(app: App) -> list[dict[str, Any]]:
    """Write an application's objects. It leaves rotation before it stops, as everybody should."""
    main = {
        "name": "main",
        "image": IMAGE,
        "command": app.command,
        # Pods of one image and settings are asked once for all of them: here each is asked for itself.
        "env": [{"name": name, "value": value} for name, value in {"APP": app.name, **app.env}.items()],
        "ports": [app.port] if app.port else [],
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
    }
    labels = {"app": app.name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main]} | app.pod},
    }
    if app.kind == "StatefulSet":
        policy = "OrderedReady" if "readiness-ordered" in app.findings else "Parallel"
        spec |= {"serviceName": app.name, "replicas": 2, "podManagementPolicy": policy}
    if app.kind == "DaemonSet":
        spec["updateStrategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    workload = {"apiVersion": "apps/v1", "kind": app.kind, "metadata": {"name": app.name}, "spec": spec}
    if not app.speaks:
        return [workload]
    ports = [{"port": 80, "targetPort": PORT}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": app.name}}
    return [workload, service | {"spec": {"selector": labels, "ports": ports}}]


class Client(threading.Thread):
    """Asks through a Service until it is stopped, each time by a new connection."""

    def __init__(self, app: App, host: str) -> None:
        super().__init__(name=app.name, daemon=True)
        self.app, self.host = app, host
        self.answers = 0
        self.failures: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.1):
            try:
                self.ask()
                self.answers += 1
            except OSError as error:
                self.failures.append(f"{time.strftime('%X')} {error!r}")

    def answers_at_all(self) -> bool:
        try:
            self.ask()
        except OSError:
            return False
        return True

    def ask(self) -> None:
        if self.app.speaks == "tcp":
            socket.create_connection((self.host, 80), timeout=30).close()
            return
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.host}/", timeout=30) as answer:
            answer.read()


@pytest.fixture(scope="module")
def mixed(operator: None, apps: None, place: Callable[[str], Any]) -> Any:
    """Deploy all applications."""
    mixed = place("mixed")
    mixed.cluster.kubectl("create", "namespace", "mixed")
    objects = [item for app in APPS for item in manifests(app)]
    mixed.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))
    return mixed


@pytest.fixture(scope="module")
def clients(mixed: Any, eventually: Callable[..., Any]) -> Iterator[dict[str, Client]]:
    """Ask through every Service, from before the rule is there until all tests are over."""
    hosts = {item["metadata"]["name"]: item["spec"]["clusterIP"] for item in mixed.items("services")}
    clients = {name: Client(NAMES[name], host) for name, host in hosts.items()}
    for name, client in clients.items():
        eventually(client.answers_at_all, f"{name} answers", 120)
    for client in clients.values():
        client.start()
    yield clients
    for client in clients.values():
        client.stopped.set()
    for client in clients.values():
        client.join()


@pytest.fixture(scope="module")
def plans(mixed: Any, clients: dict[str, Client], eventually: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Apply the rule, and provide the HealthPlans once everything is settled and rolled out."""
    mixed.cluster.kubectl("apply", "-f", "-", input=json.dumps(RULE))

    def settled() -> dict[str, dict[str, Any]] | None:
        plans = {item["spec"]["workload"]["name"]: item["status"] for item in mixed.items("healthplans")}
        done = all(name in plans and plans[name]["state"] == app.state for name, app in NAMES.items())
        return plans if done and all(rolled_out(mixed, app) for app in APPS) else None

    def told() -> str:
        found = {item["spec"]["workload"]["name"]: item["status"] for item in mixed.items("healthplans")}
        return json.dumps({name: (one["state"], one.get("findings")) for name, one in found.items()}, indent=1)

    try:
        found: dict[str, dict[str, Any]] = eventually(settled, "every plan is carried out", 240)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{told()}") from error
    return found


def rolled_out(mixed: Any, app: App) -> bool:
    item = mixed.get(app.kind.lower(), app.name)
    status, generation = item["status"], item["metadata"]["generation"]
    fields = {"DaemonSet": ("updatedNumberScheduled", "numberReady", "desiredNumberScheduled")}
    updated, ready, all_ = fields.get(app.kind, ("updatedReplicas", "readyReplicas", "replicas"))
    wanted = item["spec"].get("replicas", status.get(all_, 0))
    counts = {status.get(name, 0) for name in (updated, ready)}
    return status.get("observedGeneration") == generation and counts == {wanted} == {len(mixed.pods(app.name))}


def short(probe: dict[str, Any]) -> str:
    if "httpGet" in probe:
        return f"http {probe['httpGet']['port']} {probe['httpGet']['path']}"
    if "grpc" in probe:
        return f"grpc {probe['grpc']['port']}"
    return f"tcp {probe['tcpSocket']['port']}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_each_has_what_it_should_or_a_finding_that_says_why_not(mixed, plans, name):
    app = NAMES[name]
    item = mixed.get(app.kind.lower(), name)
    (main,) = item["spec"]["template"]["spec"]["containers"]
    kinds = ("liveness", "readiness", "startup")
    probes = {kind: short(main[f"{kind}Probe"]) for kind in kinds if f"{kind}Probe" in main}
    named = {kind: text.replace("grpc grpc", f"grpc {PORT}").replace("tcp grpc", TCP) for kind, text in probes.items()}
    assert named == app.probes, plans[name]
    assert {finding["id"] for finding in plans[name].get("findings", [])} >= app.findings
    records = [probe for container in plans[name].get("containers", []) for probe in container.get("probes", [])]
    written = [probe for probe in records if probe["action"] == "Apply"]
    assert {probe.get("verification") for probe in written} <= {"Verified"}, written


@pytest.mark.timeout(600)
def test_no_container_has_restarted(mixed, plans):
    restarts = {
        pod["metadata"]["name"]: status["restartCount"]
        for pod in mixed.items("pods")
        for status in pod["status"].get("containerStatuses", [])
    }
    assert {name: count for name, count in restarts.items() if count} == {}


@pytest.mark.timeout(600)
def test_no_request_has_failed(clients, plans):
    assert {name: client.failures for name, client in clients.items() if client.failures} == {}
    assert all(client.answers > 10 for client in clients.values())


@pytest.mark.timeout(600)
def test_a_pod_on_the_hosts_network_was_not_asked(mixed, plans):
    assert "asked" not in mixed.kubectl("logs", "deployment/on-the-host")


@pytest.mark.timeout(600)
def test_what_came_back_is_told(plans):
    told = {name: json.dumps(plans[name]["findings"]) for name in ("grpc-plain", "always", "login")}
    assert "UNIMPLEMENTED" in told["grpc-plain"]
    assert "at a path that nobody serves" in told["always"]
    assert "302 to /login" in told["login"]
    assert "secret" not in told["login"]


@pytest.mark.timeout(600)
def test_the_rule_tells_how_many_are_verified(mixed, plans, eventually):
    def condition() -> Any:
        rule = json.loads(mixed.cluster.kubectl("get", "cah", "mixed", "-o", "json").stdout)
        found = {one["type"]: one for one in rule.get("status", {}).get("conditions", [])}
        return found.get("Verified") if found.get("Verified", {}).get("reason") == "AwaitingPods" else None

    found = eventually(condition, "the condition Verified")
    assert (found["status"], "15 Verified, 1 AwaitingPods" in found["message"]) == ("Unknown", True), found


@pytest.mark.timeout(600)
def test_applications_were_asked_a_bounded_number_of_times(mixed, plans):
    asked = [line for line in mixed.kubectl("logs", "-l", "app=always", "--tail=-1").splitlines() if line != "asked /"]
    assert len(asked) < 60
