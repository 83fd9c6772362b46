"""Liveness from gunicorn's arbiter: whatever the workers do."""

import signal
import threading
import time
from contextlib import suppress
from http.client import HTTPException

import pytest

STUCK = """
    import time
    from flask import request

    @app.get("/stuck")
    def stuck():
        time.sleep(float(request.args.get("s", 30)))
        return "done"

    @app.get("/busy")
    def busy():
        time.sleep(0.05)
        return "done"

    @app.get("/spin")
    def spin():
        while True:
            pass

    @app.get("/die")
    def die():
        import os
        os._exit(1)
"""
SYNC, GTHREAD, GEVENT = ["-w", "2"], ["-w", "2", "-k", "gthread", "--threads", "2"], ["-w", "2", "-k", "gevent"]


def in_background(server, path, times):
    def call():
        with suppress(OSError, HTTPException):
            server.get(path, timeout=20)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()


def nobody_answers(server):
    try:
        server.get(timeout=0.3)
    except TimeoutError:
        return True
    return False


def answers_until_it_turns_down(server):
    """Return when each answer came that says UP, and how many seconds it took."""
    found = []
    while True:
        started = time.monotonic()
        if server.out_of_band()[0] != 200:
            return found
        found.append((time.monotonic(), time.monotonic() - started))
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "path", "requests"),
    [
        pytest.param(SYNC, "/stuck", 2, id="sync"),
        pytest.param(GTHREAD, "/stuck", 16, id="gthread"),
        pytest.param(GEVENT, "/spin", 6, id="gevent"),
    ],
)
def test_it_answers_at_once_while_all_workers_are_stuck_and_turns_down_in_time(
    serve, wait_until, arguments, path, requests
):
    server = serve("gunicorn", *arguments, source=STUCK, hooks=True, Z_ENDPOINTS_STUCK_SECONDS="3")
    assert server.out_of_band() == (200, '{"status": "UP"}')
    started = time.monotonic()
    in_background(server, path, requests)
    wait_until(lambda: nobody_answers(server))
    answers = answers_until_it_turns_down(server)
    assert time.monotonic() - started > 2.9
    assert min(seconds for _, seconds in answers) < 0.02
    assert "has been stuck" in server.text()


def test_a_busy_worker_is_not_stuck(serve):
    server = serve(
        "gunicorn",
        "-w",
        "1",
        "-k",
        "gthread",
        "--threads",
        "2",
        source=STUCK,
        hooks=True,
        Z_ENDPOINTS_STUCK_SECONDS="2",
    )
    end = time.monotonic() + 4

    def load():
        while time.monotonic() < end:
            server.get("/busy")

    threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = set()
    while time.monotonic() < end:
        seen.add(server.out_of_band()[0])
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert seen == {200}


def test_one_slow_request_does_not_make_a_gthread_worker_stuck(serve):
    server = serve(
        "gunicorn",
        "-w",
        "1",
        "-k",
        "gthread",
        "--threads",
        "2",
        source=STUCK,
        hooks=True,
        Z_ENDPOINTS_STUCK_SECONDS="0.5",
    )
    in_background(server, "/stuck?s=2", 1)
    time.sleep(1.2)
    assert server.out_of_band()[0] == 200


def test_a_worker_that_recovers_turns_it_up_again(serve, wait_until):
    server = serve("gunicorn", "-w", "1", source=STUCK, hooks=True, Z_ENDPOINTS_STUCK_SECONDS="1.2")
    in_background(server, "/stuck?s=2.5", 1)
    wait_until(lambda: server.out_of_band()[0] == 503)
    wait_until(lambda: server.out_of_band()[0] == 200)


def statuses(server, seconds):
    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(server.out_of_band()[0])
        time.sleep(0.01)
    return seen


def test_a_reload_does_not_confuse_it(serve, wait_until):
    server = serve("gunicorn", *GTHREAD, source=STUCK, hooks=True, Z_ENDPOINTS_STUCK_SECONDS="4")
    for _ in range(2):
        server.signal(signal.SIGHUP)
        assert statuses(server, 2.5) == {200}
    wait_until(lambda: server.get()[0] == 200)


def test_crashes_and_max_requests_do_not_confuse_it(serve, wait_until):
    server = serve(
        "gunicorn", "-w", "1", "--max-requests", "3", source=STUCK, hooks=True, Z_ENDPOINTS_STUCK_SECONDS="1"
    )
    for number in range(12):
        with suppress(OSError, HTTPException):
            server.get("/die" if number % 4 == 3 else "/z/health/ping")
    assert statuses(server, 1.5) == {200}
    wait_until(lambda: server.get()[0] == 200)


def test_an_upgrade_does_not_confuse_it(serve, wait_until, tmp_path):
    pidfile = tmp_path / "pid"
    server = serve("gunicorn", "-w", "1", "-p", str(pidfile), source=STUCK, hooks=True, Z_ENDPOINTS_STUCK_SECONDS="2")
    server.signal(signal.SIGUSR2)
    wait_until(lambda: (tmp_path / "pid.2").exists() and server.text().count("Health (out of band)") == 2)
    server.children.append(int((tmp_path / "pid.2").read_text()))
    assert statuses(server, 0.5) == {200}
    server.signal(signal.SIGTERM)
    server.process.wait(60)
    assert statuses(server, 0.5) == {200}
    assert server.get()[0] == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /z/health/liveness HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET /admin/health/ping?x=1 HTTP/1.0\r\n\r\n", b"200 OK"),
        (b"HEAD /z/health/liveness HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"GET /z/health/readiness HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /z/health/liveness HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"\x00\xff\r\n\r\n", b"405 Method Not Allowed"),
    ],
)
def test_the_listener_and_its_requests(listener, request_, status):
    with listener() as connection:
        connection.sendall(request_)
        assert connection.recv(4096).split(b"\r\n")[0] == b"HTTP/1.1 " + status


def test_slow_clients_do_not_hold_the_listener_up(listener):
    slow = [listener() for _ in range(100)]
    slow[0].sendall(b"GET /z/health")
    with listener() as connection:
        connection.sendall(b"GET /z/health/liveness HTTP/1.1\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    for one in slow:
        one.close()


@pytest.fixture
def listener():
    import socket

    from flask_management_endpoints.outofband.listener import Listener

    one = Listener(("127.0.0.1", 0), lambda: (True, {"status": "UP"}))
    one.start()
    yield lambda: socket.create_connection(one.address, 2)
    one.close()
