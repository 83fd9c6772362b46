"""Parallel checks, forks, and databases on real servers.

Gunicorn's workers with and without --preload, waitress, werkzeug, uwsgi.
"""

import json
import threading

import pytest

SOURCE = """
    import os, threading, time
    started = {"pid": os.getpid()}

    @management.check("slow", groups=["readiness"])
    def slow():
        time.sleep(0.3)
        return True

    @management.check("slow too", groups=["readiness"])
    def slow_too():
        time.sleep(0.3)
        return True

    @management.check("background", refresh_seconds=0.2)
    def background():
        return True, {"pid": os.getpid()}

    @app.get("/threads")
    def threads():
        return {"threads": threading.active_count(), "pid": os.getpid()}

    @app.get("/warm")
    def warm():
        return app.test_client().get("/z/health").get_json()
"""
MEETING = (
    SOURCE.replace("time.sleep(0.3)", "meet()").replace('["readiness"])', '["readiness"], timeout=20)')
    + """
    meetings = {}

    def meet():
        meetings.setdefault(os.getpid(), threading.Barrier(2)).wait(15)
"""
)
"""The two slow checks wait for each other, so that neither is UP unless they run at the same time."""
PRELOADED = """
    app.test_client().get("/z/health")
"""
SERVERS = [
    pytest.param("gunicorn", ["-w", "2"], "", id="gunicorn sync"),
    pytest.param("gunicorn", ["-w", "2", "-k", "gthread", "--threads", "8"], "", id="gunicorn gthread"),
    pytest.param("gunicorn", ["-w", "2", "-k", "gevent"], "", id="gunicorn gevent"),
    pytest.param(
        "gunicorn", ["-w", "2", "--preload"], PRELOADED, id="gunicorn sync, preloaded and used before the fork"
    ),
    pytest.param(
        "gunicorn", ["-w", "2", "-k", "gthread", "--threads", "8", "--preload"], PRELOADED, id="gthread, preloaded"
    ),
    pytest.param("gunicorn", ["-w", "2", "-k", "gevent", "--preload"], PRELOADED, id="gevent, preloaded"),
    pytest.param("waitress", [], "", id="waitress"),
    pytest.param("werkzeug", [], "", id="werkzeug"),
    pytest.param("uwsgi", ["--enable-threads", "--processes", "2", "--master"], PRELOADED, id="uwsgi"),
]


@pytest.mark.parametrize(("server", "arguments", "more"), SERVERS)
def test_checks_run_in_parallel_in_every_worker_and_threads_stay_few(serve, server, arguments, more):
    one = serve(server, *arguments, source=MEETING + more)
    for _ in range(6):
        status, body = one.get("/z/health", timeout=20)
        assert (status, json.loads(body)["status"]) == (200, "UP"), one.text()
    for _ in range(4):
        assert json.loads(one.get("/threads")[1])["threads"] < 25


def test_without_threads_uwsgi_runs_them_one_after_another(serve):
    one = serve("uwsgi", source=SOURCE)
    status, body = one.get("/z/health")
    assert (status, json.loads(body)["status"]) == (200, "UP")


WAITING = (
    SOURCE.replace("time.sleep(0.3)", "wait()").replace('["readiness"])', '["readiness"], timeout=60)')
    + """
    from pathlib import Path

    @app.before_request
    def arrive():
        print("a request arrives", flush=True)

    def wait():
        print("a check runs", flush=True)
        while not Path(os.environ["GO"]).exists():
            time.sleep(0.05)
"""
)
"""The two slow checks wait until a file is there."""


@pytest.mark.parametrize(("server", "arguments", "more"), SERVERS[1:3] + SERVERS[6:7])
def test_many_probes_at_once_share_runs(serve, wait_until, tmp_path, server, arguments, more):
    go = tmp_path / "go"
    one = serve(server, *arguments, source=WAITING + more, GO=str(go))
    before = one.text().count("a request arrives")
    statuses = []

    def ask():
        statuses.append(one.get("/z/health/readiness", timeout=60)[0])

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: one.text().count("a request arrives") >= before + 4)
    wait_until(lambda: "a check runs" in one.text())
    ran = one.text().count("a check runs")
    go.touch()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert ran <= 2 * (2 if server == "gunicorn" else 1), "one run of the two checks in each process"


HUNG = """
    import threading

    @management.check("hung", timeout=0.1)
    def hung():
        threading.Event().wait()

    @app.get("/threads")
    def threads():
        return {"threads": sum(thread.name == "health-check" for thread in threading.enumerate())}
"""


def test_a_hung_check_costs_one_thread_for_ever_and_does_not_keep_the_server_from_stopping(serve):
    one = serve("gunicorn", "-k", "gthread", "--threads", "2", source=HUNG)
    for _ in range(100):
        assert one.get("/z/health")[0] == 503
    assert json.loads(one.get("/threads")[1]) == {"threads": 1}
    one.signal(15)
    assert one.process.wait(30) == 0


METRICS = """
    app.config["Z_ENDPOINTS"] = {"metrics": True}
    management.check("db")(lambda: True)
    management.check("cache", required=False)(lambda: False)

    @app.get("/pid")
    def pid():
        import os
        return str(os.getpid())
"""


class TestMetrics:
    @pytest.mark.parametrize("workers", ["1", "3"])
    def test_one_scrape_counts_all_workers(self, serve, tmp_path, workers):
        folder = tmp_path / "prometheus"
        folder.mkdir()
        one = serve("gunicorn", "-w", workers, source=METRICS, PROMETHEUS_MULTIPROC_DIR=str(folder))
        for _ in range(30):
            assert one.get("/z/health")[0] == 200
        status, text = one.get("/z/metrics")
        assert status == 200
        samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert samples['health_component_failures_total{app="shop",component="cache"}'] == "30.0"
        assert samples['health_component_up{app="shop",component="db"}'] == "1.0"
        assert samples['health_component_up{app="shop",component="cache"}'] == "0.0"
        assert float(samples['health_component_seconds{app="shop",component="db"}']) < 1

    def test_without_the_option_there_are_none(self, serve):
        assert serve("gunicorn").get("/z/metrics")[0] == 404
