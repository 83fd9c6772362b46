"""One measurement of one library, in a process of its own: ``library_scenarios.py SUBJECT SCENARIO`` prints JSON.

Runs under the interpreter that has the subject: 2.0 and its peers live in the workspace's environment, 1.1.0 in one
of its own. So this file imports nothing but the standard library until a scenario needs more.
"""

import json
import os
import resource
import socket
import sys
import threading
import time
import timeit
from collections.abc import Callable
from statistics import median
from typing import Any

T = 0.5
N = 10
DELAY = 0.05


def app_with(**endpoints: Any) -> Any:
    import flask

    from flask_management_endpoints import ManagementEndpoints

    app = flask.Flask("bench")
    app.config.update(BACKEND_TIMEOUT=T if "hung" in endpoints else 5.0)
    endpoints.pop("hung", None)
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app, no_log=True)
    return app


def caller(wsgi: Any, path: str) -> Callable[[], None]:
    """Return a function that makes one WSGI call, with as little around it as possible."""
    from werkzeug.test import EnvironBuilder

    environ = EnvironBuilder(path=path).get_environ()

    def call() -> None:
        answer = wsgi(dict(environ), lambda *_: None)
        b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()

    return call


def cheapest(*calls: Callable[[], None], number: int = 100, rounds: int = 200) -> list[float]:
    """Return microseconds of CPU of one of each of ``calls``.

    The best of many short rounds that take turns, for a busy machine.
    """
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            before = time.process_time()
            for _ in range(number):
                call()
            best[index] = min(best[index], time.process_time() - before)
    return [seconds / number * 1e6 for seconds in best]


def call_cost(subject: str) -> dict[str, float]:
    import flask

    if subject == "flask-healthz":
        from flask_healthz import Healthz

        app, path = flask.Flask("bench"), "/healthz/live"
        app.config["HEALTHZ"] = {"live": lambda: True, "ready": lambda: True}
        Healthz(app)
    elif subject == "py-healthcheck":
        from healthcheck import HealthCheck

        app, path = flask.Flask("bench"), "/healthcheck"
        app.add_url_rule(path, "healthcheck", HealthCheck().run)
    else:
        app, path = app_with(metrics=True, drain_seconds=5, show_details="always", deadline=2.0), "/z/health/liveness"
        if subject == "2.0":
            app.extensions["management_endpoints"].registry.decorator(
                "it", groups=["readiness"], required=True, timeout=1.0, policy=_policy()
            )(lambda: True)
    app.add_url_rule("/empty", "empty", lambda: "")
    floor, cost = caller(app.wsgi_app, "/empty"), caller(app.wsgi_app, path)
    empty, probe = cheapest(floor, cost)
    return {"floor": empty, "cost": probe}


def _over_an_empty_view(path: str, **endpoints: Any) -> dict[str, float]:
    app = app_with(**endpoints)
    app.add_url_rule("/empty", "empty", lambda: "")
    floor, cost = cheapest(caller(app.wsgi_app, "/empty"), caller(app.wsgi_app, path))
    return {"floor": floor, "cost": cost}


def health_cost(_subject: str) -> dict[str, float]:
    return _over_an_empty_view("/z/health")


def info_cost(_subject: str) -> dict[str, float]:
    return _over_an_empty_view("/z/info")


def function_cost(_subject: str) -> dict[str, float]:
    return _over_an_empty_view("/z/health/readiness", check_functions={"readiness": {"it": lambda: True}})


def check_cost(_subject: str) -> dict[str, float]:
    """One registered check: a thread and an app context of its own."""
    app = app_with()
    app.extensions["management_endpoints"].registry.decorator(
        "it", groups=["readiness"], required=True, timeout=1.0, policy=_policy()
    )(lambda: True)
    app.add_url_rule("/empty", "empty", lambda: "")
    floor, cost = cheapest(caller(app.wsgi_app, "/empty"), caller(app.wsgi_app, "/z/health/readiness"))
    return {"floor": floor, "cost": cost}


def thread_cost(_subject: str) -> dict[str, float]:
    """The least that a thread costs: a task to one that waits, and word back."""
    import queue

    tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            tasks.get()()

    def there_and_back() -> None:
        done = threading.Event()
        tasks.put(done.set)
        done.wait(2)

    threading.Thread(target=work, daemon=True).start()
    return {"cost": cheapest(there_and_back)[0]}


def _policy() -> Any:
    from flask_management_endpoints.checks.definition import ALWAYS

    return ALWAYS


def parallel(subject: str) -> dict[str, float]:
    """Seconds for N dependencies (or, for libraries that have none, checks) that take 50 ms each."""
    if subject in ("2.0", "1.1.0"):
        hosts = json.loads(os.environ["BENCH_SLOW"])
        app = app_with(service_dependencies={f"d{n}": host for n, host in enumerate(hosts)})
        call = caller(app.wsgi_app, "/z/health")
    else:
        call = _checks_of(subject)
    call()
    return {"ms": min(timeit.repeat(call, number=1, repeat=15)) * 1e3}


def _slow() -> bool:
    time.sleep(DELAY)
    return True


def _checks_of(subject: str) -> Callable[[], None]:
    if subject == "django-health-check":
        return _django()
    import flask
    from healthcheck import HealthCheck

    app, health = flask.Flask("bench"), HealthCheck(success_ttl=0)
    for number in range(N):
        health.add_check(type("C", (), {"__name__": f"c{number}", "__call__": lambda self: (_slow(), "ok")})())
    app.add_url_rule("/healthcheck", "healthcheck", health.run)
    return caller(app.wsgi_app, "/healthcheck")


def _django() -> Callable[[], None]:
    import dataclasses

    import django
    from django.conf import settings

    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="x", ROOT_URLCONF=__name__, INSTALLED_APPS=["health_check"])
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.urls import path
    from health_check.base import HealthCheck
    from health_check.views import HealthCheckView

    checks = [
        dataclasses.dataclass(
            type(f"C{number}", (HealthCheck,), {"run": lambda self: time.sleep(DELAY), "__annotations__": {}})
        )
        for number in range(N)
    ]
    sys.modules[__name__].urlpatterns = [path("ht/", HealthCheckView.as_view(checks=checks))]  # type: ignore[attr-defined]
    return caller(get_wsgi_application(), "/ht/")


def hung(_subject: str) -> dict[str, float]:
    port = int(os.environ["BENCH_SILENT"])
    app = app_with(hung=True, service_dependencies={f"d{n}": f"http://127.0.0.1:{port}/{n}" for n in range(4)})
    call = caller(app.wsgi_app, "/z/health")
    return {"ms": median(timeit.repeat(call, number=1, repeat=3)) * 1e3, "floor": T * 1e3}


def shared(_subject: str) -> dict[str, float]:
    """How often a dependency is asked by 20 requests at once, and how many of those questions are open together."""
    host = json.loads(os.environ["BENCH_SLOW"])[0]
    before = _asked(host)
    app = app_with(service_dependencies={"d": f"http://{host}/slower"})
    call = caller(app.wsgi_app, "/z/health")
    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"calls": _asked(host) - before}


def _asked(host: str) -> int:
    import http.client

    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/count")
    count = int(connection.getresponse().read())
    connection.close()
    return count


def cycle(_subject: str) -> dict[str, float]:
    """Requests for one probe of A, where A and B depend on each other."""
    import flask
    import requests
    from werkzeug.serving import make_server

    from flask_management_endpoints import ManagementEndpoints

    asked: list[str] = []
    apps = [flask.Flask("a"), flask.Flask("b")]
    servers = [make_server("127.0.0.1", 0, app, threaded=True) for app in apps]
    for app, other in zip(apps, reversed(servers), strict=True):
        app.config["BACKEND_TIMEOUT"] = 1
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"other": f"127.0.0.1:{other.port}"}}
        app.before_request(lambda name=app.name: asked.append(name))
        ManagementEndpoints(app)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    import logging

    logging.disable()
    status = requests.get(f"http://127.0.0.1:{servers[0].port}/z/health", timeout=60).status_code
    time.sleep(1)
    return {"requests": len(asked), "status": status}


def dependency_cpu(subject: str) -> dict[str, float]:
    """CPU of one dependency check, in ms: a /health with one dependency less one without.

    Floor: a bare requests.get, new or kept.
    """
    host = json.loads(os.environ["BENCH_FAST"])
    rounds = 300

    def cpu(call: Callable[[], object]) -> float:
        call()
        before = time.process_time()
        for _ in range(rounds):
            call()
        return (time.process_time() - before) / rounds * 1e3

    if subject == "floor":
        import requests

        session = requests.Session()
        return {
            "new": min(cpu(lambda: requests.get(f"http://{host}/", timeout=5)) for _ in range(3)),
            "kept": min(cpu(lambda: session.get(f"http://{host}/", timeout=5)) for _ in range(3)),
        }
    without = caller(app_with().wsgi_app, "/z/health")
    with_one = caller(app_with(service_dependencies={"d": host}).wsgi_app, "/z/health")
    return {"ms": min(cpu(with_one) for _ in range(3)) - min(cpu(without) for _ in range(3))}


def import_cost(subject: str) -> dict[str, float]:
    """Milliseconds of CPU, and MiB, of importing the library, once Flask is there."""
    import flask  # noqa: F401 - what is there already

    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    if subject == "flask-healthz":
        import flask_healthz  # noqa: F401
    elif subject == "py-healthcheck":
        import healthcheck  # noqa: F401
    else:
        from flask_management_endpoints import Info, ManagementEndpoints, z_blueprint  # noqa: F401
    ms = (time.process_time() - started) * 1e3
    return {"ms": ms, "MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024}


def threads(_subject: str) -> dict[str, float]:
    """Threads that are left by 720 probes (an hour of one every 5 s) of a check that hangs for ever."""
    from flask_management_endpoints import ManagementEndpoints

    app = app_with()
    management = ManagementEndpoints()
    management.check("hung", timeout=0.001)(lambda: threading.Event().wait())
    app.extensions["management_endpoints"].registry.include(management._registry)
    import logging

    logging.disable()
    call = caller(app.wsgi_app, "/z/health")
    for _ in range(720):
        call()
    return {"threads": sum(thread.name == "health-check" for thread in threading.enumerate())}


SCENARIOS = {
    function.__name__: function
    for function in (
        call_cost,
        function_cost,
        check_cost,
        thread_cost,
        health_cost,
        info_cost,
        parallel,
        hung,
        shared,
        cycle,
        dependency_cpu,
        import_cost,
        threads,
    )
}

if __name__ == "__main__":
    socket.setdefaulttimeout(60)
    print(json.dumps(SCENARIOS[sys.argv[2]](sys.argv[1])))  # noqa: T201 - how it answers
