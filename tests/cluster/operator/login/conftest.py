"""Ways to log in: tokens that end, a credential plugin, an identity provider, a proxy, an address without a name."""

import base64
import json
import socket
import ssl
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from localcluster import Cluster

SECRETS = "/api/v1/namespaces/apphealth/secrets"


class Tokens:
    """Real tokens of the operator's ServiceAccount, each bound to a Secret: when that goes, the token ends."""

    def __init__(self, cluster: Cluster, api: Any) -> None:
        self.cluster, self.api = cluster, api

    def make(self, name: str) -> str:
        self.api.create(SECRETS, {"metadata": {"name": name}})
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={name}")
        return self.cluster.kubectl("create", "token", "apphealth", "-n", "apphealth", *bound).stdout.strip()

    def end(self, name: str) -> None:
        self.api.delete(f"{SECRETS}/{name}")


@pytest.fixture
def tokens(control_plane: Cluster, api: Any, installed: Path) -> Iterator[Tokens]:
    """Provide a way to make tokens and to end them."""
    yield Tokens(control_plane, api)
    for item in api.get(SECRETS)["items"]:
        api.delete(f"{SECRETS}/{item['metadata']['name']}")


@pytest.fixture
def kubeconfig(installed: Path, tmp_path: Path) -> Callable[..., Path]:
    """Provide a way to change the kubeconfig of the operator's ServiceAccount: the user, parts of the cluster."""

    def write(user: dict[str, Any] | None = None, **cluster: Any) -> Path:
        config = yaml.safe_load(installed.read_text())
        config["clusters"][0]["cluster"] |= cluster
        if user is not None:
            config["users"][0]["user"] = user
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    return write


class Plugin:
    """A credential plugin: it gives what is in the file `status`, and notes that it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}
        self._write(
            "status = json.load(open('status'))\n"
            "open('asked', 'a').write('x')\n"
            "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            "print(json.dumps({'apiVersion': info['apiVersion'], 'kind': info['kind'], 'status': status}))\n"
        )

    def give(self, **status: str) -> None:
        (self.folder / "status").write_text(json.dumps(status))

    def fail(self, reason: str) -> None:
        self._write(f"sys.exit({reason!r})\n")

    @property
    def asked(self) -> int:
        return len((self.folder / "asked").read_text())

    def _write(self, code: str) -> None:
        path = self.folder / "plugin"
        path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{code}")
        path.chmod(stat.S_IRWXU)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """Provide a credential plugin beside the kubeconfig."""
    return Plugin(tmp_path)


@pytest.fixture
def certificate(control_plane: Cluster) -> dict[str, str]:
    """Provide what a plugin gives that logs in by certificate: one of the cluster's own."""
    pki = control_plane.folder / "pki"
    return {
        "clientCertificateData": (pki / "apiserver-kubelet-client.crt").read_text(),
        "clientKeyData": (pki / "apiserver-kubelet-client.key").read_text(),
    }


class Gate:
    """A TCP server that passes everything on to the API server; as a proxy, once it was asked to CONNECT."""

    def __init__(self, host: str, server: str, *, proxy: bool) -> None:
        where = urlsplit(server)
        self.server = (where.hostname, where.port)
        self.proxy = proxy
        self.connected = 0
        self.listening = socket.create_server((host, 0))
        self.address = f"{host}:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.server) as server, suppress(OSError):
            if self.proxy:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                assert head.startswith(b"CONNECT %s:%d " % (str(self.server[0]).encode(), self.server[1]))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.connected += 1
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(control_plane: Cluster) -> Iterator[Callable[..., Gate]]:
    """Provide ways to the API server: `gate("127.0.0.2")`, `gate("127.0.0.1", proxy=True)`."""
    gates: list[Gate] = []

    def start(host: str, *, proxy: bool = False) -> Gate:
        gates.append(Gate(host, control_plane.server, proxy=proxy))
        return gates[-1]

    yield start
    for one in gates:
        one.listening.close()


class IdentityProvider:
    """What OpenID Connect needs for a refresh: it gives `id_token` for each refresh token once."""

    def __init__(self, pki: Path) -> None:
        self.id_token = ""
        self.refreshed: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"token_endpoint": f"{provider.issuer}/token"})

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                provider.refreshed += form["refresh_token"]
                number = len(provider.refreshed) + 1
                self._answer({"id_token": provider.id_token, "access_token": "x", "refresh_token": f"refresh-{number}"})

            def _answer(self, body: dict[str, Any]) -> None:
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.issuer = f"https://127.0.0.1:{self.http.server_port}"
        self.authority = base64.b64encode((pki / "ca.crt").read_bytes()).decode()
        threading.Thread(target=partial(self.http.serve_forever, 0.05), daemon=True).start()

    def user(self, *, ends_in: float) -> dict[str, Any]:
        """Return a user whose id-token ends in so many seconds."""
        claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + ends_in)}).encode()).decode().strip("=")
        config = {
            "client-id": "apphealth",
            "client-secret": "secret",
            "id-token": f"e30.{claims}.c2ln",
            "idp-certificate-authority-data": self.authority,
            "idp-issuer-url": self.issuer,
            "refresh-token": "refresh-1",
        }
        return {"auth-provider": {"name": "oidc", "config": config}}


@pytest.fixture
def identity_provider(control_plane: Cluster) -> Iterator[IdentityProvider]:
    """Provide an identity provider with a certificate of the cluster's authority."""
    provider = IdentityProvider(control_plane.folder / "pki")
    yield provider
    provider.http.shutdown()
    provider.http.server_close()
