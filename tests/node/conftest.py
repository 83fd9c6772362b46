"""What the node tests share: a real node, the operator with its real rights, and all apps deployed at once.

Kubelets work while tests wait, so everything is deployed before the first test.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import pytest
import requests
import yaml

from localcluster import Cluster, ClusterNotFoundError, attach, images

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
DOCKERFILES = ROOT / "deploy/docker"
LOCK = ROOT / "requirements.lock"
IMAGE_FIXTURES = {"apps", "places", "demo_runs"}
"""Fixtures that need images."""


def eventually(holds: Callable[[], Any], what: str, timeout: float = 120) -> Any:
    """Wait until something holds, and return what it returned."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not after {timeout:g} s: {what}"
        time.sleep(0.25)
    return found


@dataclass(frozen=True)
class Place:
    """A namespace on the node."""

    cluster: Cluster
    namespace: str

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        return self.cluster.kubectl(*arguments, "-n", self.namespace, input=text).stdout

    def items(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        return json.loads(self.kubectl("get", kind, *arguments, "-o", "json"))["items"]

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields"))

    def pods(self, app: str) -> list[dict[str, Any]]:
        """Return the pods of an app that aren't on their way out."""
        return [pod for pod in self.items("pods", "-l", f"app={app}") if "deletionTimestamp" not in pod["metadata"]]

    def described(self, deployment: str) -> dict[str, str]:
        """Return the probes' lines of ``kubectl describe``, by their first word."""
        lines = (line.strip() for line in self.kubectl("describe", "deployment", deployment).splitlines())
        pairs = (line.partition(":") for line in lines)
        return {word: text.strip() for word, _, text in pairs if word in ("Liveness", "Readiness", "Startup")}

    def rolled_out(self, deployment: str) -> bool:
        """Tell whether all pods are of the newest generation, probed and ready, and no other is left."""
        item = self.get("deployment", deployment)
        status, wanted = item["status"], item["spec"]["replicas"]
        counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
        seen = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
        return (
            seen and counts == [wanted] * 3 and len(self.pods(item["spec"]["selector"]["matchLabels"]["app"])) == wanted
        )

    def settle(self, *deployments: str, timeout: float = 120) -> None:
        """Wait until the operator has written its probes, and the rollouts are over."""
        for name in deployments:
            eventually(lambda name=name: self.described(name), f"probes for {name}")
            eventually(lambda name=name: self.rolled_out(name), f"rollout of {name}", timeout)

    def insist(self, deployment: str, *probes: str) -> None:
        """Settle with these probes: of an app that a busy machine keeps from starting in time they are taken back.

        Then what users are told to do is done, and the operator tries again.
        """
        for number in range(4):
            self.settle(deployment)
            if set(probes) <= set(self.described(deployment)):
                return
            self.kubectl("annotate", "--overwrite", f"deployment/{deployment}", f"apphealth.dev/retry=try-{number}")
            eventually(lambda: set(probes) <= set(self.described(deployment)), f"{probes} for {deployment}")

    def ready_endpoints(self, service: str) -> set[str]:
        """Return the names of the pods that a Service sends requests to."""
        slices = self.items("endpointslices", "-l", f"kubernetes.io/service-name={service}")
        endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
        return {endpoint["targetRef"]["name"] for endpoint in endpoints if endpoint["conditions"]["ready"]}


def ask(url: str, method: str = "GET") -> requests.Response:
    """Send one request, past any proxy, and patient with a machine that is busy starting pods."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=30)


def address(pod: dict[str, Any], port: int) -> str:
    """Return the base URL of a pod, which the host reaches directly."""
    return f"http://{pod['status']['podIP']}:{port}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the images before the first test: a cold build takes longer than any test may."""
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if not session.config.option.collectonly and used & IMAGE_FIXTURES:
        apps_image(), shop_image()


def apps_image() -> Path:
    wheels = images.wheels([ROOT / "library"], ["gunicorn", "flask", "grpcio-health-checking"], lock=LOCK)
    dockerfile = DOCKERFILES / "test-apps.Dockerfile"
    return images.build(Path(__file__).parent / "apps", dockerfile, "localhost/apphealth/test-apps:1", wheels=wheels)


def shop_image() -> Path:
    wheels = images.wheels([ROOT / "library"], ["gunicorn", "requests"], lock=LOCK)
    dockerfile = DOCKERFILES / "shop.Dockerfile"
    return images.build(ROOT / "deploy/demo/shop", dockerfile, "localhost/apphealth/shop:demo", wheels=wheels)


@pytest.fixture(scope="session", name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    """Provide `eventually`."""
    return eventually


@pytest.fixture(scope="session", name="ask")
def ask_fixture() -> Callable[..., requests.Response]:
    """Provide `ask`."""
    return ask


@pytest.fixture(scope="session", name="address")
def address_fixture() -> Callable[..., str]:
    """Provide `address`."""
    return address


@pytest.fixture(scope="session", name="cluster_wide")
def cluster_wide_fixture() -> Callable[[Cluster], set[str]]:
    """Provide `cluster_wide`."""
    return cluster_wide


@pytest.fixture(scope="session")
def place(node: Cluster) -> Callable[[str], Place]:
    """Provide a way to look into a namespace."""
    return lambda namespace: Place(node, namespace)


@pytest.fixture(scope="module")
def bare_place(demo_runs: "DemoRuns") -> Callable[[str], Place]:
    """Provide a way to look into a namespace of the cluster on which nothing of ours is installed."""
    return lambda namespace: Place(demo_runs.cluster, namespace)


@pytest.fixture(scope="session")
def operator(node: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the operator on the host, with the rights of its ServiceAccount."""
    objects = yaml.safe_load_all(node.kubectl("kustomize", str(ROOT / "deploy/operator/with-admission")).stdout)
    node.apply(yaml.safe_dump_all([item for item in objects if item["kind"] != "Deployment"]))
    node.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    kubeconfig = node.service_account_kubeconfig("apphealth", "apphealth")
    log, port = tmp_path_factory.mktemp("operator") / "log", free_port()
    command = [str(Path(sys.executable).with_name("apphealth")), "run", f"--kubeconfig={kubeconfig}"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, f"--health-port={port}"], stdout=output, stderr=output)
    try:
        eventually(lambda: process.poll() is not None or answers(port), f"the operator is ready: {log.read_text()}")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).status == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def apps(node: Cluster) -> None:
    """Bring the image of the test applications to the node."""
    node.load(apps_image())


@pytest.fixture(scope="session")
def places(node: Cluster, operator: None, apps: None) -> dict[str, Place]:
    """Deploy all apps, each in a namespace of its own."""
    node.load(shop_image())
    sources = {name: MANIFESTS / f"{name}.yaml" for name in ("seed-000", "seed-001", "seed-002")}
    sources["shop"] = ROOT / "deploy/demo/manifests/shop.yaml"
    places = {name: Place(node, name) for name in sources}
    for name, place in places.items():
        node.kubectl("create", "namespace", name)
        place.kubectl("apply", "-f", str(sources[name]))
    rule = (ROOT / "deploy/demo/manifests/clusterapphealth.yaml").read_text()
    node.apply(rule.replace("mode: Audit", "mode: Enforce"))
    return places


def run_demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration to its end."""
    process = start_demo(*arguments, stderr=subprocess.PIPE, env=os.environ | environment)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start_demo(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """Run the demonstration."""
    command = [sys.executable, "-m", "deploy.demo", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


@dataclass(frozen=True)
class DemoRuns:
    """Three runs of the demonstration on one cluster: the whole story; as on somebody's own, interrupted; and in vain.

    What was in that cluster before and after the last two.
    """

    cluster: Cluster
    local: subprocess.CompletedProcess[str]
    interrupted: subprocess.CompletedProcess[str]
    without_image: subprocess.CompletedProcess[str]
    before: set[str]
    after: set[str]


@pytest.fixture(scope="session", name="run_demo")
def run_demo_fixture() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Provide `run_demo`."""
    return run_demo


@pytest.fixture(scope="session", name="start_demo")
def start_demo_fixture() -> Callable[..., "subprocess.Popen[str]"]:
    """Provide `start_demo`."""
    return start_demo


@pytest.fixture(scope="module")
def demo_runs(able_to_run_a_node: None) -> Iterator[DemoRuns]:
    """Run the demonstration three times, and provide what it said, and its cluster without anything of ours."""
    name = f"demo-runs-{os.getpid()}"
    local = run_demo("--name", name, "--keep")
    try:
        assert local.returncode == 0, local.stdout + local.stderr
        yield _demonstrate_elsewhere(local, attach(name))
    finally:
        with suppress(ClusterNotFoundError):
            attach(name).down()


def _demonstrate_elsewhere(local: subprocess.CompletedProcess[str], cluster: Cluster) -> DemoRuns:
    cluster.kubectl("delete", "-k", str(ROOT / "deploy/operator/with-admission"))
    cluster.kubectl("delete", "namespace", "shop")
    before = cluster_wide(cluster)
    context = ("--context", cluster.kubectl("config", "current-context").stdout.strip())
    kubeconfig = str(cluster.kubeconfig)
    interrupted = _interrupt(*context, after="What would Enforce do?", KUBECONFIG=kubeconfig)
    with TemporaryDirectory() as scratch:  # it keeps the operator's log
        nowhere = ("--shop-image", "localhost/nowhere/shop:1")
        without_image = run_demo(*context, *nowhere, KUBECONFIG=kubeconfig, TMPDIR=scratch)
    return DemoRuns(cluster, local, interrupted, without_image, before, cluster_wide(cluster))


def _interrupt(*arguments: str, after: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration, and press Ctrl-C once a line has been printed."""
    with TemporaryFile("w+") as errors:
        said = ""
        with start_demo(*arguments, stderr=errors, env=os.environ | environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said += line
                if after in line:
                    process.send_signal(signal.SIGINT)
        errors.seek(0)
        return subprocess.CompletedProcess(process.args, process.returncode, said, errors.read())


def cluster_wide(cluster: Cluster) -> set[str]:
    """Return the names of what is in no namespace, of the kinds of which we install any."""
    kinds = "crd,clusterroles,clusterrolebindings,namespaces,mutatingadmissionpolicies,mutatingadmissionpolicybindings"
    kinds += ",validatingadmissionpolicies,validatingadmissionpolicybindings"
    return set(cluster.kubectl("get", kinds, "-o", "name").stdout.split())


@pytest.fixture(scope="session")
def shop(places: dict[str, Place]) -> Place:
    """Provide the shop with its probes, rolled out."""
    place = places["shop"]
    place.settle("frontend", "orders", "users-api", "store")
    return place
