"""Real servers in processes of their own: gunicorn, waitress, werkzeug, uwsgi."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
APP = """
from flask import Flask
from flask_management_endpoints import ManagementEndpoints

app = Flask(__name__)
app.config["Z_ENDPOINTS"] = {}
management = ManagementEndpoints(app, no_log=NO_LOG)
"""
HOOKS = "from flask_management_endpoints.gunicorn import *\n"
COMMANDS = {
    "gunicorn": ["gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "shop:app"],
    "gunicorn, a2wsgi": ["gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "shop:asgi"],
    "waitress": ["waitress-serve", "--listen", "127.0.0.1:{port}", "shop:app"],
    "werkzeug": ["flask", "--app", "shop", "run", "--port", "{port}"],
    "uvicorn": ["uvicorn", "--port", "{port}", "--interface", "wsgi", "shop:app"],
    "uvicorn, a2wsgi": ["uvicorn", "--port", "{port}", "shop:asgi"],
    "hypercorn": ["hypercorn", "-b", "127.0.0.1:{port}", "wsgi:shop:app"],
    "uwsgi": ["uwsgi", "--http-socket", "127.0.0.1:{port}", "-w", "shop:app", "--die-on-term", "--need-app"],
}


def get(port: int, path: str = "/z/health/ping", *, timeout: float = 10.0) -> tuple[int, str]:
    """GET on a fresh connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def eventually(condition: Callable[[], object], *, within: float = 60.0) -> object:
    """Return what ``condition`` returns as soon as it is true; a connection error means not yet."""
    limit = time.monotonic() + within
    while True:
        with suppress(OSError, http.client.HTTPException):
            if result := condition():
                return result
        assert time.monotonic() < limit, "it never became true"
        time.sleep(0.02)


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    probe_port: int = 0
    children: list[int] = field(default_factory=list)

    def get(self, path: str = "/z/health/ping", *, timeout: float = 10.0) -> tuple[int, str]:
        return get(self.port, path, timeout=timeout)

    def out_of_band(self, *, timeout: float = 10.0) -> tuple[int, str]:
        return get(self.probe_port, "/z/health/liveness", timeout=timeout)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def text(self) -> str:
        return self.log.read_text()

    def workers(self) -> list[int]:
        """The process ids of the arbiter's children."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def wait_until() -> Callable[..., object]:
    return eventually


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server with an app whose source is the usual beginning plus what the test adds; stop it afterwards."""
    running: list[Server] = []

    def start(
        server: str,
        *arguments: str,
        source: str = "",
        hooks: bool = False,
        config: str = "",
        no_log: bool = False,
        **environment: str,
    ) -> Server:
        folder = tmp_path / f"server{len(running)}"
        folder.mkdir()
        (folder / "shop.py").write_text(APP.replace("NO_LOG", str(no_log)) + textwrap.dedent(source))
        if hooks:
            (folder / "gunicorn.conf.py").write_text(HOOKS + textwrap.dedent(config))
        port, probe_port = free_port(), free_port()
        command = [part.format(port=port) for part in COMMANDS[server]]
        env = {
            **os.environ,
            "Z_ENDPOINTS_PROBE_BIND": f"127.0.0.1:{probe_port}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "",
            **environment,
        }
        log = folder / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [BIN / command[0], *command[1:], *arguments], cwd=folder, env=env, stdout=stream, stderr=stream
            )
        one = Server(process, port, log, probe_port)
        running.append(one)
        try:
            eventually(lambda: process.poll() is not None or get(port)[0], within=60)
            assert process.poll() is None
        except AssertionError:
            pytest.fail(f"{server} didn't start:\n{log.read_text()}")
        return one

    yield start
    for one in running:
        _stop(one)


def _stop(server: Server) -> None:
    if server.process.poll() is None:
        with suppress(OSError):
            server.children = server.workers()
        server.process.send_signal(signal.SIGQUIT if "gunicorn" in str(server.process.args[0]) else signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(3)
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait(5)
    for pid in server.children:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
