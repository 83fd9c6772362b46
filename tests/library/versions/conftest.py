"""For the suite that runs against 1.1.0 too.

Real HTTP servers as dependencies, and nothing but pytest, Flask and the library.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import flask
import pytest


@dataclass
class Backend:
    """A dependency that answers what it is told, and remembers what it was asked."""

    status: int = 200
    delay: float = 0.0
    body: bytes = b'{"status": "UP"}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    paths: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def says(self, document: object, status: int = 200) -> None:
        self.body, self.status = json.dumps(document).encode(), status


@pytest.fixture
def backend() -> Iterator[Callable[[], Backend]]:
    servers: list[ThreadingHTTPServer] = []

    def start() -> Backend:
        backend = Backend()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                backend.paths.append(self.path)
                backend.asked.append(dict(self.headers))
                time.sleep(backend.delay)
                with suppress(ConnectionError):  # the client may have had enough of a long answer
                    self.send_response(backend.status)
                    for name, value in {**backend.headers, "Content-Length": str(len(backend.body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(backend.body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        backend.port = server.server_address[1]
        return backend

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> flask.Flask:
    for name in ("VERSION", "SCHEME", "PREFERRED_URL_SCHEME", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    app = flask.Flask("shop")
    app.config["BACKEND_TIMEOUT"] = 2
    return app


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections (in its backlog) and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def quickest() -> Callable[[Callable[[], object]], float]:
    """How many seconds something takes at best: a busy machine makes some of the times longer."""

    def measure(do: Callable[[], object]) -> float:
        seconds = []
        for _ in range(3):
            started = time.monotonic()
            do()
            seconds.append(time.monotonic() - started)
        return min(seconds)

    return measure


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
