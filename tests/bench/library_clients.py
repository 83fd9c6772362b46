"""Our HTTP client and urllib3's on the hostile servers of the tests: seconds until each gives up; CPU of a good call.

``python -m tests.bench.library_clients``; what follows is in docs/decisions/0022-an-http-client-with-deadlines.md.
"""

import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import urllib3

from flask_management_endpoints.dependencies.client import MAX_BODY, Client, RequestError
from flask_management_endpoints.dependencies.model import Timeouts

TESTS = Path(__file__).parents[1] / "library"
T = 0.4
LATE = T + 0.25
PATIENCE = 6.0
"""Seconds after which a call is taken for one that doesn't end."""


def main() -> None:
    """Print a table of the faults, and the CPU."""
    tests, faults = _module("conftest"), _module("test_faulty_dependencies").faults
    print(f"| server (timeout {T} s) | ours | urllib3 |\n| --- | --- | --- |")  # noqa: T201 - it is a command
    late = {"ours": 0, "urllib3": 0}
    for name, (behaviour, _) in faults(tests.Behaviours).items():
        took = {
            who: _seconds(call, _serve(tests, behaviour)) for who, call in (("ours", _ours()), ("urllib3", _theirs()))
        }
        for who, seconds in took.items():
            late[who] += seconds > LATE
        print(f"| {name} | {_shown(took['ours'])} | {_shown(took['urllib3'])} |", flush=True)  # noqa: T201
    print(f"| later than {LATE} s | {late['ours']} | {late['urllib3']} |")  # noqa: T201
    url = _serve(tests, tests.Behaviours.says({"status": "UP"}))
    cpu = {who: _cpu(call, url) for who, call in (("ours", _ours()), ("urllib3", _theirs()))}
    print(f"| CPU of a call on a kept connection | {cpu['ours']:.0f} µs | {cpu['urllib3']:.0f} µs |")  # noqa: T201


def _ours() -> Callable[[str], object]:
    client = Client()

    def call(url: str) -> None:
        with suppress(RequestError):
            client.get(url, timeouts=Timeouts.of(T), until=time.monotonic() + T, headers={})

    return call


def _theirs() -> Callable[[str], object]:
    """Return a call with all that urllib3 offers: a timeout for the whole, no retries, a bounded body."""
    pool = urllib3.PoolManager(retries=False)

    def call(url: str) -> None:
        until = time.monotonic() + T
        with suppress(urllib3.exceptions.HTTPError):
            response = pool.request("GET", url, timeout=urllib3.Timeout(total=T), preload_content=False, redirect=False)
            body = b""
            while len(body) <= MAX_BODY and time.monotonic() < until and (piece := response.read1(65536)):
                body += piece
            response.release_conn()

    return call


def _seconds(call: Callable[[str], object], url: str) -> float:
    thread = threading.Thread(target=call, args=(url,), daemon=True)
    started = time.monotonic()
    thread.start()
    thread.join(PATIENCE)
    return time.monotonic() - started


def _cpu(call: Callable[[str], object], url: str) -> float:
    """Return µs of this thread's CPU, which leaves the server's out: the best of many short rounds."""
    best = float("inf")
    for _ in range(40):
        before = time.thread_time()
        for _ in range(25):
            call(url)
        best = min(best, time.thread_time() - before)
    return best / 25 * 1e6


def _serve(tests: Any, behaviour: object) -> str:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    peer = tests.Peer(behaviour, listener.getsockname()[1])
    threading.Thread(target=peer.serve, args=(listener,), daemon=True).start()
    return f"http://{peer.host}/z/health"


def _shown(seconds: float) -> str:
    return f"over {PATIENCE:g} s" if seconds >= PATIENCE else f"{seconds:.2f} s"


def _module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"library_{name}", TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = ModuleType(spec.name)
    module.__file__ = spec.origin
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
