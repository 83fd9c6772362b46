"""SIGTERM under load: readiness says 503 at once, nobody is refused within the drain window, and then a clean exit."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

WORK = """
    import time

    @app.get("/work")
    def work():
        time.sleep(0.02)
        return "done"
"""
DRAIN = 1.5
SERVERS = [
    pytest.param("gunicorn", ["-w", "2"], id="gunicorn sync"),
    pytest.param("gunicorn", ["-w", "2", "-k", "gthread", "--threads", "4"], id="gunicorn gthread"),
    pytest.param("gunicorn", ["-w", "2", "-k", "gevent"], id="gunicorn gevent"),
    pytest.param("gunicorn", ["-w", "2", "--preload", "-k", "gthread"], id="gunicorn preload"),
    pytest.param("waitress", [], id="waitress"),
    pytest.param("werkzeug", [], id="werkzeug"),
    pytest.param("uvicorn", ["--workers", "2"], id="uvicorn"),
]


class Load:
    """Four clients that ask without pause, on fresh connections and kept ones; every failure is kept with its time."""

    def __init__(self, server):
        self.server, self.failures, self.answers = server, [], 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number % 2 == 0,), daemon=True) for number in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, kept):
        connection = None
        while not self.over.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
                connection.request("GET", "/work")
                response = connection.getresponse()
                assert (response.status, response.read()) == (200, b"done")
                self.answers += 1
                if not kept or response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append((time.monotonic(), repr(error)))
                connection = None
                time.sleep(0.05)
        if connection:
            connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


OPTION = f"""
    app.config["Z_ENDPOINTS_DRAIN_SECONDS"] = {DRAIN}
    management = ManagementEndpoints(app, "/admin")
"""
GUNICORN = [pytest.param(*one.values, id=one.id) for one in SERVERS if one.values[0] == "gunicorn"]
WITHOUT_PRELOAD = [one for one in GUNICORN if "--preload" not in one.values[1]]


@pytest.mark.parametrize(("server", "arguments"), SERVERS)
def test_no_request_is_refused_within_the_window(serve, server, arguments):
    one = serve(server, *arguments, source=WORK, hooks=server == "gunicorn", Z_ENDPOINTS_DRAIN_SECONDS=str(DRAIN))
    assert_it_drains(one)


@pytest.mark.parametrize(("server", "arguments"), WITHOUT_PRELOAD)
def test_the_option_alone_drains(serve, server, arguments):
    assert_it_drains(serve(server, *arguments, source=WORK + OPTION))


@pytest.mark.parametrize(("server", "arguments"), WITHOUT_PRELOAD[:1])
def test_the_variable_alone_drains(serve, server, arguments):
    assert_it_drains(serve(server, *arguments, source=WORK, Z_ENDPOINTS_DRAIN_SECONDS=str(DRAIN)))


@pytest.mark.parametrize(("server", "arguments"), GUNICORN)
def test_the_option_drains_with_the_hooks_too(serve, server, arguments):
    assert_it_drains(serve(server, *arguments, source=WORK + OPTION, hooks=True))


def assert_it_drains(one):
    assert one.get("/z/health/readiness")[0] == 200
    load = Load(one)
    time.sleep(0.3)
    one.signal(signal.SIGTERM)
    told = time.monotonic()
    while one.get("/z/health/readiness")[0] == 200:
        assert time.monotonic() < told + DRAIN, "readiness never said 503"
    time.sleep(0.1)  # for the other workers
    seen = set()
    while time.monotonic() < told + DRAIN - 0.2:
        try:
            seen.add((one.get("/z/health/readiness"), one.get("/z/health/liveness"), one.get("/z/health")[0]))
        except OSError:
            assert time.monotonic() > told + DRAIN  # a busy machine: asked within the window, and refused after it
        time.sleep(0.05)
    one.process.wait(30)
    load.stop()
    assert seen == {((503, '{"status": "DOWN"}'), (200, '{"status": "UP"}'), 200)}
    assert [error for when, error in load.failures if when < told + DRAIN] == []
    assert load.answers
    assert one.process.returncode == 0
    assert time.monotonic() - told >= DRAIN


def test_a_second_sigterm_ends_the_drain(serve, wait_until):
    one = serve("gunicorn", hooks=True, Z_ENDPOINTS_DRAIN_SECONDS="600")
    one.signal(signal.SIGTERM)
    wait_until(lambda: one.get("/z/health/readiness")[0] == 503)
    one.signal(signal.SIGTERM)
    assert one.process.wait(30) == 0


def test_without_a_window_it_stops_at_once(serve):
    one = serve("gunicorn", hooks=True)
    one.signal(signal.SIGTERM)
    assert one.process.wait(30) == 0
    assert "raining" not in one.text()


def test_out_of_band_liveness_stays_up_while_draining(serve):
    one = serve("gunicorn", "-k", "gthread", hooks=True, Z_ENDPOINTS_DRAIN_SECONDS="3")
    one.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert one.out_of_band()[0] == 200
    assert one.process.wait(30) == 0


def test_a_reload_does_not_drain(serve, wait_until):
    one = serve("gunicorn", "-w", "1", source=WORK, Z_ENDPOINTS_DRAIN_SECONDS="60")
    old = one.workers()
    one.signal(signal.SIGHUP)
    wait_until(lambda: one.workers() and not set(old) & set(one.workers()), within=8)
    assert one.get("/z/health/readiness")[0] == 200


TOLD = [
    pytest.param("gunicorn", ["--preload"], "import flask_management_endpoints.gunicorn", id="gunicorn preload"),
    pytest.param(
        "gunicorn", ["--graceful-timeout", "1"], "graceful_timeout, 1 s; set that above 1.5", id="short grace"
    ),
    pytest.param(
        "gunicorn, a2wsgi", ["-k", "uvicorn.workers.UvicornWorker"], "a uvicorn worker handles", id="gunicorn's uvicorn"
    ),
    pytest.param("uwsgi", [], "uwsgi handles SIGTERM itself", id="uwsgi"),
    pytest.param("uvicorn", [], "uvicorn handles SIGTERM itself", id="uvicorn"),
    pytest.param("uvicorn, a2wsgi", [], "uvicorn handles SIGTERM itself", id="uvicorn, a2wsgi"),
    pytest.param("hypercorn", [], "hypercorn handles SIGTERM itself", id="hypercorn"),
    pytest.param("werkzeug", ["--debug"], "run without --debug", id="flask run --debug"),
]


@pytest.mark.parametrize(("server", "arguments", "reason"), TOLD)
def test_where_it_cannot_drain_the_log_says_why_at_the_start(serve, server, arguments, reason):
    source = (
        WORK
        + OPTION
        + ("    from a2wsgi import WSGIMiddleware\n    asgi = WSGIMiddleware(app)\n" * ("a2wsgi" in server))
    )
    one = serve(server, *arguments, source=source)
    assert one.text().count("configuration: drain_seconds: ") == 1
    assert reason in one.text()


def test_an_option_that_comes_after_the_extension_drains_or_is_told(serve):
    late = f'    app.config["Z_ENDPOINTS"] = {{"drain_seconds": {DRAIN}}}\n'
    assert_it_drains(serve("gunicorn", "-w", "1", source=WORK + late))
    one = serve("gunicorn", "-k", "gthread", source=WORK + late)
    assert "signals can be handled in the main thread only" in one.text()


def test_who_takes_the_signal_away_is_told(serve):
    taken = "    import signal\n    signal.signal(signal.SIGTERM, lambda *_: None)\n"
    one = serve("waitress", source=OPTION + taken)
    assert "handles SIGTERM now, so nothing will drain" in one.text()


JOB = """
import multiprocessing, os, signal, subprocess, sys, time
from flask import Flask
from flask_management_endpoints import ManagementEndpoints

app = Flask("shop")
ManagementEndpoints(app)
"""


class TestOtherProcesses:
    """Whatever builds the app: a job, a worker of a task queue, a child."""

    @staticmethod
    def run(code, *, serving=False):
        source = JOB + ("app.test_client().get('/z/health')\n" if serving else "") + code
        environment = {**os.environ, "Z_ENDPOINTS_DRAIN_SECONDS": "600"}
        return subprocess.run(
            [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def test_a_job_that_is_stopped_says_so(self):
        assert self.run("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(600)").returncode == -signal.SIGTERM

    def test_a_handler_that_was_there_is_called(self):
        code = JOB.replace("app = Flask", "signal.signal(signal.SIGTERM, lambda *_: os._exit(7))\napp = Flask")
        code += "os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(600)"
        environment = {**os.environ, "Z_ENDPOINTS_DRAIN_SECONDS": "600"}
        run = subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=False)
        assert run.returncode == 7

    @pytest.mark.parametrize("serving", [False, True])
    def test_a_forked_child_stops_at_once(self, serving):
        code = """
context = multiprocessing.get_context("fork")
child = context.Process(target=time.sleep, args=(600,))
child.start()
time.sleep(0.2)
child.terminate()
child.join()
print(child.exitcode)
"""
        assert self.run(code, serving=serving).stdout.strip() == str(-signal.SIGTERM)
