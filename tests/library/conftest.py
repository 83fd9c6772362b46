"""What the library's tests share.

Real peers that behave as badly as they are told, fresh apps, and 1.1.0 in an environment of its own.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import flask
import pytest

OLD_PACKAGES = ["flask-management-endpoints==1.1.0", "flask>=3", "requests", "gunicorn", "pytest"]  # 1.1.0 names none
Behaviour = Callable[[socket.socket, str], bool | None]


@dataclass
class Peer:
    """A TCP server on loopback.

    ``behaviour`` gets each request's head, writes what it likes, and says whether to keep the connection.
    """

    behaviour: Behaviour
    port: int = 0
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [request.split(" ", 2)[1] for request in self.requests]

    def serve(self, listener: socket.socket) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while head := _head(connection):
                self.requests.append(head)
                if not self.behaviour(connection, head):
                    return


def _head(connection: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return ""
        data += piece
    return data.decode("latin-1")


class Behaviours:
    """Ways to answer. Each returns a behaviour for `Peer`."""

    @staticmethod
    def raw(data: bytes, *, keep: bool = False, delay: float = 0.0) -> Behaviour:
        def behave(connection: socket.socket, _head: str) -> bool:
            time.sleep(delay)
            connection.sendall(data)
            return keep

        return behave

    @classmethod
    def says(
        cls, document: object, status: int = 200, *, keep: bool = True, delay: float = 0.0, headers: str = ""
    ) -> Behaviour:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        return cls.raw(head.encode() + body, keep=keep, delay=delay)

    @staticmethod
    def hangs(connection: socket.socket, _head: str) -> None:
        with suppress(OSError):
            connection.recv(1)

    @staticmethod
    def drips(prefix: bytes, *, every: float = 0.05) -> Behaviour:
        """Send ``prefix`` at once and then a byte now and then, for as long as somebody listens."""

        def behave(connection: socket.socket, _head: str) -> None:
            connection.sendall(prefix)
            with suppress(OSError):
                for _ in range(int(20 / every)):
                    time.sleep(every)
                    connection.sendall(b"a")

        return behave

    @staticmethod
    def resets(connection: socket.socket, _head: str) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @classmethod
    def redirects(cls, location: str) -> Behaviour:
        return cls.says(b"", 302, headers=f"Location: {location}\r\n")


@pytest.fixture
def behaviours() -> type[Behaviours]:
    return Behaviours


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Start a `Peer`; it answers UP unless told otherwise."""
    running: list[tuple[Peer, socket.socket]] = []

    def start(behaviour: Behaviour | None = None) -> Peer:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        peer = Peer(behaviour or Behaviours.says({"status": "UP"}), listener.getsockname()[1])
        threading.Thread(target=peer.serve, args=(listener,), daemon=True).start()
        running.append((peer, listener))
        return peer

    yield start
    for one, listener in running:
        one.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> flask.Flask:
    """A fresh app, with nothing of this machine's environment and no operator's file."""
    for name in list(os.environ):
        if name.upper().startswith(
            (
                "Z_ENDPOINTS",
                "K8S_",
                "OTEL_",
                "KUBERNETES_",
                "POD_",
                "NAMESPACE",
                "NODE_NAME",
                "CONTAINER_NAME",
                "HTTP_PROXY",
                "NO_PROXY",
                "VERSION",
                "SCHEME",
                "PREFERRED_URL",
            )
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("APPHEALTH_DEPENDENCIES_FILE", str(tmp_path / "none.json"))
    return flask.Flask("shop")


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def python_with_1_1_0() -> str:
    """The interpreter of an environment that has 1.1.0 from PyPI; made once, kept in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "apphealth-tests"
    home = cache / f"flask-management-endpoints-1.1.0-py{sys.version_info.major}.{sys.version_info.minor}"
    python = home / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, home], check=True)
            subprocess.run([*uv, "pip", "install", "-q", "--python", python, *OLD_PACKAGES], check=True)
            (home / "complete").touch()
    return str(python)
