"""SIGTERM under load: readiness says 503 at once, nobody is refused within the drain window, and then a clean exit."""

import http.client
import signal
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


@pytest.mark.parametrize(("server", "arguments"), SERVERS)
def test_no_request_is_refused_within_the_window(serve, server, arguments):
    one = serve(server, *arguments, source=WORK, hooks=server == "gunicorn", Z_ENDPOINTS_DRAIN_SECONDS=str(DRAIN))
    assert one.get("/z/health/readiness")[0] == 200
    load = Load(one)
    time.sleep(0.3)
    one.signal(signal.SIGTERM)
    told = time.monotonic()
    time.sleep(0.1)
    seen = set()
    while time.monotonic() < told + DRAIN - 0.2:
        seen.add((one.get("/z/health/readiness"), one.get("/z/health/liveness"), one.get("/z/health")[0]))
        time.sleep(0.05)
    one.process.wait(10)
    load.stop()
    assert seen == {((503, '{"status": "DOWN"}'), (200, '{"status": "UP"}'), 200)}
    assert [error for when, error in load.failures if when < told + DRAIN] == []
    assert load.answers > 50
    assert one.process.returncode == 0
    assert time.monotonic() - told >= DRAIN


def test_a_second_sigterm_ends_the_drain(serve):
    one = serve("gunicorn", hooks=True, Z_ENDPOINTS_DRAIN_SECONDS="60")
    one.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert one.get("/z/health/readiness")[0] == 503
    one.signal(signal.SIGTERM)
    assert one.process.wait(5) == 0


def test_without_a_window_it_stops_at_once(serve):
    one = serve("gunicorn", hooks=True)
    started = time.monotonic()
    one.signal(signal.SIGTERM)
    assert one.process.wait(5) == 0
    assert time.monotonic() - started < 2


def test_out_of_band_liveness_stays_up_while_draining(serve):
    one = serve("gunicorn", "-k", "gthread", hooks=True, Z_ENDPOINTS_DRAIN_SECONDS="1")
    one.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert one.out_of_band()[0] == 200
    assert one.process.wait(5) == 0
