"""What the app says of itself in one worker holds in all of them, and on the arbiter's port."""

import os
import signal
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

SWITCHES = """
    import os
    from flask import request

    fails = []

    @app.get("/do/<name>")
    def do(name):
        getattr(management, name)(*request.args.values())
        return str(os.getpid())

    @app.get("/pid")
    def pid():
        return str(os.getpid())
"""
GATE = """
    app = Flask(__name__)
    management = ManagementEndpoints(app, startup_gate=True)
"""
FAILS = """
    @management.check("consumer", groups=["liveness"])
    def consumer():
        return not fails, "the consumer thread died"

    @app.get("/fail")
    def fail():
        fails.append(1)
        return str(os.getpid())
"""
WORKERS = [
    pytest.param(["-w", "3"], id="sync"),
    pytest.param(["-w", "3", "--preload"], id="preload"),
    pytest.param(["-w", "3", "-k", "gthread", "--threads", "4"], id="gthread"),
    pytest.param(["-w", "3", "-k", "gevent"], id="gevent"),
    pytest.param(["-w", "3", "-k", "gevent", "--preload"], id="gevent-preload"),
]


def seen(server, path):
    """What many probes at once see, whichever worker answers them."""
    with ThreadPoolExecutor(6) as pool:
        return Counter(pool.map(lambda _: server.get(path)[0], range(36)))


def agree(server, status, probe="liveness"):
    return seen(server, f"/z/health/{probe}") == {status: 36}


@pytest.mark.parametrize("arguments", WORKERS)
def test_every_worker_and_the_arbiter_say_the_same(serve, wait_until, arguments):
    server = serve("gunicorn", *arguments, source=SWITCHES + FAILS, hooks=True)
    server.get("/do/broken?reason=the+thread+died")
    assert agree(server, 503)
    assert server.out_of_band()[0] == 503
    server.get("/do/repaired")
    assert agree(server, 200)
    assert server.out_of_band()[0] == 200
    server.get("/do/refuse_traffic?reason=a+new+model")
    assert agree(server, 503, "readiness")
    assert server.out_of_band()[0] == 200
    server.get("/do/accept_traffic")
    assert agree(server, 200, "readiness")
    failing = int(server.get("/fail")[1])
    wait_until(lambda: server.out_of_band()[0] == 503)
    assert agree(server, 503)
    assert "consumer: the consumer thread died: liveness is DOWN" in server.text()
    os.kill(failing, signal.SIGKILL)
    wait_until(lambda: server.out_of_band()[0] == 200)
    wait_until(lambda: agree(server, 200))


@pytest.mark.parametrize("arguments", WORKERS[:3])
def test_a_start_counts_for_all_workers_and_for_those_after_them(serve, wait_until, arguments):
    server = serve("gunicorn", *arguments, source=GATE + SWITCHES, hooks=True)
    for probe in ("startup", "readiness"):
        assert agree(server, 503, probe)
    server.get("/do/mark_started")
    for probe in ("startup", "readiness"):
        assert agree(server, 200, probe)
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: agree(server, 200, "startup"))


def test_a_worker_that_is_gone_takes_its_word_with_it(serve, wait_until):
    server = serve("gunicorn", "-w", "2", source=SWITCHES, hooks=True, config=OWN_HOOKS)
    pid = int(server.get("/do/broken?reason=it")[1])
    assert server.out_of_band()[0] == 503
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.out_of_band()[0] == 200)
    wait_until(lambda: agree(server, 200))


OWN_HOOKS = """
    import os
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "/nowhere")

    def pre_fork(server, worker):
        server.log.info("my pre_fork")

    def post_worker_init(worker):
        worker.log.info("my post_worker_init")

    def child_exit(server, worker):
        from prometheus_client import multiprocess
        multiprocess.mark_process_dead(worker.pid)
"""


def test_own_hooks_may_take_the_place_of_ours(serve, wait_until):
    stuck = """
    import time

    @app.get("/stuck")
    def stuck():
        time.sleep(30)
    """
    server = serve("gunicorn", "-w", "1", source=stuck, hooks=True, config=OWN_HOOKS, Z_ENDPOINTS_STUCK_SECONDS="1")
    for _ in range(3):
        (pid,) = server.workers()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: server.workers() not in ([pid], []) and server.get()[0] == 200)
    assert server.out_of_band()[0] == 200
    with pytest.raises(TimeoutError):
        server.get("/stuck", timeout=0.3)
    wait_until(lambda: server.out_of_band()[0] == 503)
    assert "AttributeError" not in server.text()


def test_two_servers_of_one_network_do_not_share_the_port_silently(serve):
    first = serve("gunicorn", "-w", "1", source=SWITCHES, hooks=True)
    second = serve("gunicorn", "-w", "1", hooks=True, Z_ENDPOINTS_PROBE_BIND=f"127.0.0.1:{first.probe_port}")
    assert "can't listen on" in second.text()
    assert "Z_ENDPOINTS_PROBE_BIND" in second.text()
    first.get("/do/broken?reason=it")
    assert {first.out_of_band()[0] for _ in range(30)} == {503}


def test_idle_clients_keep_no_probe_out(serve):
    server = serve("gunicorn", "-w", "1", hooks=True)
    idle, answers = [], set()
    for _ in range(30):
        idle += [socket.create_connection(("127.0.0.1", server.probe_port), 30) for _ in range(40)]
        answers.add(server.out_of_band()[0])
        time.sleep(0.05)
    for one in idle:
        one.close()
    assert answers == {200}
