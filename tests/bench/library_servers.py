"""Measurements on a real gunicorn: liveness while all workers are stuck, and what SIGTERM does to requests."""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

APP = """
import time
from flask import Flask
from flask_management_endpoints import ManagementEndpoints
app = Flask(__name__)
app.config["BACKEND_TIMEOUT"] = 1
ManagementEndpoints(app, no_log=True)

@app.get("/stuck")
def stuck():
    time.sleep(20)
    return ""
"""
DRAIN = 2.0


@contextmanager
def gunicorn(python: str, *, hooks: bool) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """Run gunicorn (2 sync workers) with the library of ``python``; yields the process, its port, and the arbiter's."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "shop.py").write_text(APP)
        if hooks:
            (Path(folder) / "gunicorn.conf.py").write_text("from flask_management_endpoints.gunicorn import *\n")
        port, probe = _free(), _free()
        env = {**os.environ, "Z_ENDPOINTS_PROBE_BIND": f"127.0.0.1:{probe}", "Z_ENDPOINTS_DRAIN_SECONDS": str(DRAIN)}
        command = [
            python,
            "-m",
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "-w",
            "2",
            "--log-level",
            "critical",
            "--no-control-socket",
        ]
        process = subprocess.Popen([*command, "shop:app"], cwd=folder, env=env, stderr=subprocess.DEVNULL)
        try:
            while _ask(port, "/z/health/liveness") != 200:
                time.sleep(0.05)
            yield process, port, probe
        finally:
            process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def stuck(python: str, *, out_of_band: bool, floor_port: int) -> tuple[float, float | None]:
    """Return the 99th percentiles, in ms, of 500 answers each of a bare server and of liveness, both workers stuck.

    The two take turns, so that both suffer alike from a busy machine. None: liveness gave no answer in 3 s.
    """
    with gunicorn(python, hooks=out_of_band) as (_, port, probe):
        for _ in range(2):
            threading.Thread(target=_ask, args=(port, "/stuck"), daemon=True).start()
        time.sleep(0.5)
        bare, liveness = [], []
        for _ in range(500):
            bare.append(_timed(floor_port, "/") or 3.0)
            seconds = _timed(probe if out_of_band else port, "/z/health/liveness")
            if seconds is None:
                return 0.0, None
            liveness.append(seconds)
        return sorted(bare)[494] * 1e3, sorted(liveness)[494] * 1e3


def _timed(port: int, path: str) -> float | None:
    started = time.perf_counter()
    status = _ask(port, path, 3.0)
    return time.perf_counter() - started if status == 200 else None


def first_refused(python: str, *, drain: bool) -> float:
    """Return the seconds from SIGTERM to the first request that is refused or reset, asking all the time."""
    with gunicorn(python, hooks=drain) as (process, port, _):
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        while _ask(port, "/z/health/liveness") == 200:
            time.sleep(0.002)
        return time.monotonic() - started


def _ask(port: int, path: str, timeout: float = 30.0) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return response.status
    finally:
        connection.close()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
