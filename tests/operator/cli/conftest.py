"""Running the command line in this process, as a shell would: arguments and input in, exit code and output out.

And a small API server on loopback for what reads a cluster: it has pages, rights and discovery, and answers GET, and
PATCH with the object as it is.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apphealth.cli.app import DEBUG, execute
from apphealth.cli.options import Cluster
from apphealth.kube.resources import WORKLOADS


@dataclass(frozen=True)
class Outcome:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Outcome]:
    """Run one command line in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(DEBUG, "")

    def call(*args: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        code = execute([str(arg) for arg in args])
        captured = capfdbinary.readouterr()
        return Outcome(code, captured.out, captured.err.decode())

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file below the empty directory, with its folders."""

    def call(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return call


OURS = "apphealth.dev/v1alpha1"
PLURALS = {kind: (resource.api_version, resource.value.plural) for kind, resource in WORKLOADS.items()} | {
    "Pod": ("v1", "pods"),
    "Service": ("v1", "services"),
    "Namespace": ("v1", "namespaces"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ConfigMap": ("v1", "configmaps"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "AppHealth": (OURS, "apphealths"),
    "ClusterAppHealth": (OURS, "clusterapphealths"),
    "HealthPlan": (OURS, "healthplans"),
}


class Server:
    """What an API server answers: `forbidden` holds plurals, or namespace/plural; `missing` kinds."""

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        self.objects = objects
        self.forbidden: set[str] = set()
        self.missing: set[str] = set()
        self.asked: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def answer(self, url: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(url)
        parts = urlsplit(url)
        version, rest = self._version(parts.path)
        if not rest:
            plurals = {plural for kind, (api, plural) in PLURALS.items() if api == version and kind not in self.missing}
            return (200, {"resources": [{"name": name} for name in plurals]}) if plurals else status(404, "no such API")
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, *name = rest[2:] if namespace else rest
        kind = next(kind for kind, place in PLURALS.items() if place == (version, plural))
        if kind in self.missing:
            return status(404, "the server could not find the requested resource")
        if {plural, f"{namespace}/{plural}", f"{name[0] if name else ''}/{plural}"} & self.forbidden:
            return status(403, f'User "dev" cannot list resource "{plural}"')
        found = [item for item in self.objects if item["kind"] == kind]
        if namespace:
            found = [item for item in found if item["metadata"].get("namespace") == namespace]
        if name:
            one = next((item for item in found if item["metadata"]["name"] == name[0]), None)
            return (200, one) if one else status(404, f'{plural} "{name[0]}" not found')
        return 200, page(found, parse_qs(parts.query))

    @staticmethod
    def _version(path: str) -> tuple[str, list[str]]:
        parts = path.strip("/").split("/")
        return ("v1", parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])


def page(found: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    """As the API server does: items without kind and apiVersion, and where to go on."""
    start, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
    items = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in found]
    more = {"continue": str(start + limit)} if start + limit < len(items) else {}
    return {"metadata": {"resourceVersion": "9"} | more, "items": items[start : start + limit]}


def status(code: int, message: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "code": code, "message": message}


class Http(ThreadingHTTPServer):
    """Takes as many connections at once as a client opens."""

    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that have gone: it would stand in the output of whichever test runs by then."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Serve objects; gives the server and what to connect with."""
    running: list[ThreadingHTTPServer] = []

    def start(*objects: dict[str, Any], context: str = "shop") -> tuple[Server, Cluster]:
        server = Server(list(objects))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PATCH(self) -> None:
                assert self.headers["Content-Type"] == "application/merge-patch+json"
                server.patches.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.do_GET()

            def do_POST(self) -> None:
                server.made.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.reply(201, server.made[-1])

            def do_DELETE(self) -> None:
                server.deleted.append(self.path)
                self.reply(200, {"kind": "Status"})

            def do_GET(self) -> None:
                self.reply(*server.answer(self.path))

            def reply(self, code: int, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        http = Http(("127.0.0.1", 0), Handler)
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        running.append(http)
        config = {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{http.server_port}"}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "namespace": context}}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        return server, Cluster(kubeconfig=path)

    yield start
    for http in running:
        http.shutdown()
        http.server_close()
