"""The operator as a process with its real rights, and a fast way to look at what it does to the cluster."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import load_kube_config
from urllib3 import Retry

from localcluster import Cluster

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "apphealth"
PATCH_TYPES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}


class Api(ApiClient):
    """The official client with admin rights, asked by path, with JSON in and out; starting kubectl takes longer."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = Configuration()
        load_kube_config(str(kubeconfig), client_configuration=configuration)
        # The server is restarted by some tests: what meets a connection of before is sent again.
        configuration.retries = Retry(1, allowed_methods=None)
        super().__init__(configuration)

    def send(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """Return status and body, whatever they are."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        self.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        answer = self.call_api(method, self.configuration.host + path, headers, body, _request_timeout=30)
        return answer.status, answer.read()

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        status, text = self.send(method, path, body, content_type)
        if status >= 400:
            raise ApiException(status, text.decode(errors="replace")[:500])
        return json.loads(text)

    def get(self, path: str) -> Any:
        """Return an object, or None where there is none."""
        try:
            return self.request("GET", path)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def create(self, path: str, body: Any) -> Any:
        return self.request("POST", path, body)

    def patch(self, path: str, body: Any, kind: str = "merge", manager: str = "somebody") -> Any:
        return self.request("PATCH", f"{path}?fieldManager={manager}", body, PATCH_TYPES[kind])

    def delete(self, path: str) -> None:
        self.request("DELETE", path)


class Operator:
    """The operator as a process."""

    def __init__(self, kubeconfig: Path, log: Path, *arguments: str) -> None:
        self.port = free_port()
        self.log = log
        # Most tests kill their operator, and the next one would wait for the end of its Lease.
        options = ("--kubeconfig", str(kubeconfig), f"--health-port={self.port}", "--no-leader-elect", *arguments)
        self.command = [str(PROGRAM), "run", *options]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | {"APPHEALTH_DEBUG": "1"},
            )
        if wait:
            eventually(self.is_ready, "the operator is ready", detail=self.tail)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the operator has ended with {self.process.returncode}:\n{self.tail()}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self, timeout: float = 30) -> None:
        """End it as Kubernetes does, which kills what hasn't ended after 30 seconds."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(timeout) == 0, self.tail()

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def tail(self) -> str:
        """Return the end of its log: so much that nothing which a test waits for is past before the test looks."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-400:])

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(
    holds: Callable[[], Any], what: str, *, timeout: float = 60, detail: Callable[[], Any] | None = None
) -> Any:
    """Wait until something holds; returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not after {timeout:g} s: {what}\n{detail() if detail else ''}"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="session")
def api(control_plane: Cluster) -> Iterator[Api]:
    """Provide the API server."""
    with Api(control_plane.kubeconfig) as api:
        yield api


@pytest.fixture(scope="session")
def installed(control_plane: Cluster) -> Path:
    """Install everything of deploy/operator but the operator itself; provides its ServiceAccount's kubeconfig."""
    text = control_plane.kubectl("kustomize", str(ROOT / "deploy/operator/with-admission")).stdout
    objects = [item for item in yaml.safe_load_all(text) if item and item["kind"] != "Deployment"]
    control_plane.apply(yaml.safe_dump_all(objects))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    kinds = ("get", "apphealths,clusterapphealths,healthplans", "-A")
    # They are served a moment after that.
    eventually(lambda: control_plane.kubectl(*kinds, check=False).returncode == 0, "our resources are served")
    return control_plane.service_account_kubeconfig("apphealth", "apphealth")


@contextmanager
def running(kubeconfig: Path, folder: Path, *arguments: str, wait: bool = True) -> Iterator[Operator]:
    """Run the operator until the end of the block."""
    operator = Operator(kubeconfig, folder / f"operator-{uuid.uuid4().hex[:6]}.log", *arguments)
    try:
        operator.start(wait=wait)
        yield operator
    finally:
        operator.close()


@pytest.fixture(scope="module")
def operator(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run the operator for the whole cluster, for all tests of a module."""
    with running(installed, tmp_path_factory.mktemp("operator")) as started:
        yield started


@pytest.fixture(scope="class")
def operator_of_the_class(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run the operator for all tests of a class; the other tests of its module run one of their own."""
    with running(installed, tmp_path_factory.mktemp("operator")) as started:
        yield started


@pytest.fixture
def run_operator(installed: Path, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Provide a way to run operators of one's own: `run_operator("--namespace=x", kubeconfig=..., wait=False)`."""
    with ExitStack() as stack:

        def run(*arguments: str, kubeconfig: Path = installed, wait: bool = True) -> Operator:
            return stack.enter_context(running(kubeconfig, tmp_path, *arguments, wait=wait))

        yield run
