"""The arbiter's parts by themselves: options, board, verdict."""

import os
import socket
import time
from types import SimpleNamespace

import pytest

from flask_management_endpoints.outofband import board as module
from flask_management_endpoints.outofband.arbiter import Options, Watch
from flask_management_endpoints.outofband.board import Board, Work
from flask_management_endpoints.outofband.listener import Listener
from flask_management_endpoints.quiet.filters import under


@pytest.mark.parametrize(("bind", "asked"), [("0.0.0.0", ["127.0.0.1", "::1"]), ("::", ["127.0.0.1", "::1"])])
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
def test_everywhere_means_ipv6_too(bind, asked):
    one = Listener((bind, 0), lambda: (True, {"status": "UP"}))
    one.start()
    try:
        for host in asked:
            with socket.create_connection((host, one.address[1]), 3) as client:
                client.sendall(b"GET /z/health/liveness HTTP/1.0\r\n\r\n")
                assert b" 200 " in client.recv(1000)
    finally:
        one.close()


def test_without_ipv6_it_listens_on_ipv4(monkeypatch):
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    one = Listener(("0.0.0.0", 0), lambda: (True, {}))
    assert one.address[0] == "0.0.0.0"
    one.close()


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, Options("0.0.0.0", 8099, 60.0, 0.0)),
        ({"Z_ENDPOINTS_PROBE_BIND": "127.0.0.1:9"}, Options("127.0.0.1", 9, 60.0, 0.0)),
        ({"Z_ENDPOINTS_PROBE_BIND": "[::]:9"}, Options("::", 9, 60.0, 0.0)),
        ({"Z_ENDPOINTS_PROBE_BIND": ":9"}, Options("0.0.0.0", 9, 60.0, 0.0)),
        ({"Z_ENDPOINTS_STUCK_SECONDS": "5", "Z_ENDPOINTS_DRAIN_SECONDS": "1.5"}, Options("0.0.0.0", 8099, 5.0, 1.5)),
    ],
)
def test_options_come_from_the_environment(monkeypatch, environment, options):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Options.from_environment() == options


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("Z_ENDPOINTS_PROBE_BIND", "8099x", "use host:port"),
        ("Z_ENDPOINTS_PROBE_BIND", "host:99999", "use host:port"),
        ("Z_ENDPOINTS_STUCK_SECONDS", "soon", "use seconds, 0 or more"),
        ("Z_ENDPOINTS_DRAIN_SECONDS", "-1", "use seconds, 0 or more"),
    ],
)
def test_a_wrong_option_is_named_with_value_and_fix(monkeypatch, name, value, fix):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name) as error:
        Options.from_environment()
    assert repr(value) in str(error.value)
    assert fix in str(error.value)


@pytest.mark.parametrize(
    ("work", "seconds"),
    [
        (Work(0, 1, 90.0), 0.0),
        (Work(1, 1, 90.0), 10.0),
        (Work(3, 4, 90.0), 0.0),
        (Work(4, 4, 90.0), 10.0),
        (Work(9, 0, 90.0), 0.0),
    ],
    ids=["idle", "its only thread busy", "one thread free", "all threads busy", "not watched"],
)
def test_a_worker_is_stuck_when_all_its_threads_are(work, seconds):
    assert work.stuck_for(100.0) == seconds


def in_a_child(work):
    """Run ``work`` in a forked child; return the child's process id, which is then gone."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_what_a_worker_notes_is_read_by_the_arbiter():
    board = Board()
    assert not board.entered

    def work():
        board.begin_work(2)
        for change in (1, 1, -1):
            board.note(change)

    pid = in_a_child(work)
    work = board.works()[pid]
    assert (work.in_flight, work.capacity) == (1, 2)
    assert time.monotonic() - work.since < 60
    assert not board.draining
    board.start_drain()
    assert board.draining


def test_requests_that_end_without_a_beginning_do_not_count():
    board = Board()
    board.note(-1)
    board.begin_work(1)
    for change in (-1, -1, 1):
        board.note(change)
    assert board.works()[os.getpid()].in_flight == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_slots_of_workers_that_are_gone_are_taken_again_without_any_hook(monkeypatch):
    monkeypatch.setattr(module, "SLOTS", 8)
    board = Board()
    gone = [in_a_child(lambda: board.begin_work(1)) for _ in range(8)]
    assert set(board.works()) == set(gone)
    assert board.begin_work(1)
    assert set(board.works()) == {os.getpid()}


def test_the_arbiter_takes_back_what_belonged_to_workers_that_are_gone():
    board = Board()
    pid = in_a_child(lambda: board.begin_work(1))
    board.begin_work(1)
    board.keep([pid])
    assert set(board.works()) == {pid, os.getpid()}
    board.keep([])
    assert set(board.works()) == {os.getpid()}


@pytest.mark.parametrize(
    ("kind", "silent", "up"),
    [
        ("sync", 10.0, True),
        ("sync", 25.0, False),
        ("gthread", 10.0, False),
        ("gevent", 4.0, True),
        ("gevent", 8.0, False),
        ("uvicorn.workers.UvicornWorker", 19.0, True),
        ("uvicorn.workers.UvicornWorker", 21.0, False),
    ],
)
def test_a_silent_main_loop_is_stuck_after_its_heartbeat_and_the_set_time(kind, silent, up):
    watch = Watch(Options(stuck_seconds=5.0))
    watch.board.begin_work(1)
    worker = SimpleNamespace(
        timeout=15.0,
        cfg=SimpleNamespace(worker_class_str=kind),
        tmp=SimpleNamespace(last_update=lambda: time.monotonic() - silent),
    )
    watch._workers, watch._log = {os.getpid(): worker}, SimpleNamespace(error=lambda *args: None)
    assert watch.verdict()[0] is up


@pytest.mark.parametrize(
    ("path", "prefix", "ours"),
    [
        ("/z/health/liveness", "/z", True),
        ("/z", "/z", True),
        ("/z/", "/z", True),
        ("/shop/z/health", "/z", True),
        ("/zoo", "/z", False),
        ("/zoo/health", "/z", False),
        ("/z/other", "/z", False),
        ("/", "", False),
        ("/health/readiness", "", True),
        ("/shop/health/readiness", "", False),
    ],
)
def test_which_paths_are_the_endpoints(path, prefix, ours):
    assert under(path, prefix) is ours
