"""Shows each difference between 1.1.0 and this version by doing it; prints what it saw as JSON.

Runs under either version's interpreter. The keys are the first column of the table in docs/library/migration.md, and
what it prints stands in that table's column of the version: `test_migration.py` compares them.
"""

import importlib.metadata
import json
import logging
import os
import socket
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import flask

from flask_management_endpoints import Info, ManagementEndpoints, blueprint

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DIFFERENCES = {}


def difference(title):
    """Register a function that returns in a word or two what it sees."""

    def register(function):
        DIFFERENCES[title] = function
        return function

    return register


def make(endpoints=None, **arguments):
    app = flask.Flask("shop")
    app.logger.disabled = True
    app.config["BACKEND_TIMEOUT"] = 0.4
    if endpoints is not None:
        app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app, **arguments)
    return app


def ask(endpoints=None, path="/z/health", method="GET", **arguments):
    return make(endpoints, **arguments).test_client().open(path, method=method)


def outcome(endpoints, path="/z/health"):
    """Return UP or DOWN, or the number of another HTTP status."""
    response = ask(endpoints, path)
    return response.get_json()["status"] if response.status_code in (200, 503) else str(response.status_code)


class Backend:
    """A dependency that answers with ``document``, and counts."""

    def __init__(self, document=None, *, status=200, headers=(), raw=None, delay=0.0):
        backend = self
        self.asked, self.connections = [], 0
        body = json.dumps(document or {"status": "UP"}).encode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                backend.connections += 1
                super().setup()

            def do_GET(self):
                backend.asked.append(self.path)
                time.sleep(delay)
                if raw is not None:
                    self.wfile.write(raw)
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"

    def dependency(self):
        return {"service_dependencies": {"users": self.host}}


@difference("`pip install`")
def installation():
    needs = importlib.metadata.requires("flask-management-endpoints") or []
    return "pulls in Flask and requests" if any(need.lower().startswith("flask") for need in needs) else "pulls nothing"


@difference("no `BACKEND_TIMEOUT`")
def no_timeout():
    app = make(Backend().dependency())
    del app.config["BACKEND_TIMEOUT"]
    return str(app.test_client().get("/z/health").status_code)


@difference("ten dependencies of 0.1 s")
def ten():
    backends = [Backend(delay=0.1) for _ in range(10)]
    app = make({"service_dependencies": {f"d{n}": one.host for n, one in enumerate(backends)}})
    seconds = []
    for _ in range(3):  # a busy machine makes some of the times longer
        started = time.monotonic()
        app.test_client().get("/z/health")
        seconds.append(time.monotonic() - started)
    return "one after another" if min(seconds) > 0.9 else "at the same time"


@difference("connections for three requests to a dependency")
def connections():
    backend = Backend()
    client = make(backend.dependency()).test_client()
    for _ in range(3):
        client.get("/z/health")
    return str(backend.connections)


@difference("a dependency that sends a byte now and then, `BACKEND_TIMEOUT` 0.4")
def drips():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(HEAD + b"Content-Length: 16\r\n\r\n")
                for character in b'{"status": "UP"}':
                    time.sleep(0.1)
                    try:
                        connection.sendall(bytes([character]))
                    except OSError:
                        return

        threading.Thread(target=drip, daemon=True).start()
        return outcome({"service_dependencies": {"users": f"127.0.0.1:{server.getsockname()[1]}"}})


@difference("a check that raises")
def raises():
    return outcome({"check_functions": {"health": {"db": lambda: 1 / 0}}})


@difference("a dependency that answers a list")
def a_list():
    return outcome(Backend([1]).dependency())


@difference("a dependency whose host is None")
def host_none():
    return outcome({"service_dependencies": {"users": None}})


@difference('a check that returns `(False, "message")`')
def pair():
    return outcome({"check_functions": {"health": {"db": lambda: (False, "message")}}})


@difference("an `async` check that returns False")
def coroutine():
    async def check():
        return False

    return outcome({"check_functions": {"health": {"db": check}}})


@difference("one name in both groups of `check_functions`, the first DOWN")
def one_name():
    return ask({"check_functions": {"health": {"db": lambda: False}, "readiness": {"db": lambda: True}}}).get_json()[
        "components"
    ]["db"]["status"]


@difference("a dependency that redirects to another host")
def redirect():
    target = Backend()
    location = f"http://localhost:{target.port}/z/health"
    return outcome(Backend(status=302, headers=[("Location", location)]).dependency())


@difference("a dependency whose answer says `DEGRADED`")
def degraded():
    return outcome(Backend({"status": "DEGRADED"}).dependency())


@difference("mocks and tracing of `requests` see calls to dependencies")
def mocks():
    import requests

    seen = []
    send = requests.Session.send

    def spy(self, *args, **kwargs):
        seen.append(1)
        return send(self, *args, **kwargs)

    requests.Session.send = spy
    try:
        outcome(Backend().dependency())
    finally:
        requests.Session.send = send
    return "yes" if seen else "no"


@difference("the header `X-Health-Hops` in questions to dependencies")
def hops():
    seen = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(HEAD + b'Content-Length: 16\r\nConnection: close\r\n\r\n{"status": "UP"}')

        threading.Thread(target=serve, daemon=True).start()
        outcome({"service_dependencies": {"users": f"127.0.0.1:{server.getsockname()[1]}"}})
    return "yes" if b"x-health-hops" in seen[0].lower() else "no"


@difference("a password in a dependency's answer")
def password():
    text = ask(Backend({"status": "UP", "db": {"password": "hunter2"}}).dependency()).text
    return "shown" if "hunter2" in text else "hidden"


@difference("a dependency's answer of 100 kB")
def big():
    return "shown" if len(ask(Backend({"status": "UP", "x": "y" * 100_000}).dependency()).data) > 50_000 else "left out"


@difference("`machine.id` and `process.command_line` in `/info`")
def identity():
    attributes = ask(path="/z/info").get_json()["trace.attributes"]
    return "shown" if "process.command_line" in attributes else "hidden"


@difference("keys of today's conventions in `/info`, as `process.creation.time`")
def conventions():
    attributes = ask(path="/z/info").get_json()["trace.attributes"]
    return "yes" if "process.creation.time" in attributes else "no"


@difference("`process.runtime.name`")
def runtime():
    return ask(path="/z/info").get_json()["trace.attributes"]["process.runtime.name"]


@difference("`process` in `/info`: start time and uptime")
def process():
    return "yes" if "process" in ask(path="/z/info").get_json() else "no"


@difference("`NAMESPACE` of a machine outside Kubernetes as `k8s.namespace.name`")
def namespace():
    return "yes" if "k8s.namespace.name" in ask(path="/z/info").get_json()["trace.attributes"] else "no"


@difference("`VERSION` in `/info` is read")
def version_read():
    os.environ["VERSION"] = "late"
    try:
        return "at each request" if "late" in ask(path="/z/info").text else "at import"
    finally:
        del os.environ["VERSION"]


@difference("a pod of `shop-frontend` is known by its name")
def pod():
    return "yes" if Info.k8s("shop-frontend-7d9f8b6c5d-x2x4z", None).get("k8s.pod.name") else "no"


@difference("`service.instance.id`")
def instance():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        ask({"enable_service_instance_id": True}, "/z/info")
        kept = os.listdir(folder)  # noqa: PTH208 - runs on 1.1.0's Python as well
        tempfile.tempdir = None
    return "kept in a file" if kept else "no file"


@difference("type of `/version` without a function")
def version_type():
    return ask(path="/z/version").mimetype


@difference("the prefix itself, `GET /z`")
def index():
    return str(ask(path="/z").status_code)


@difference("`/health/startup`")
def startup():
    return str(ask(path="/z/health/startup").status_code)


@difference("`/health/<component>`, a check `db` being there")
def component():
    return str(ask({"check_functions": {"health": {"db": lambda: True}}}, "/z/health/db").status_code)


@difference("`/livez`, `/readyz`, `/openapi.json` below the prefix")
def new_paths():
    return ", ".join(str(ask(path=f"/z/{name}").status_code) for name in ("livez", "readyz", "openapi.json"))


@difference("type of 404 and 405 below the prefix")
def errors():
    return ask(path="/z/nope").mimetype


@difference("`Cache-Control` of answers")
def cache():
    return ask().headers.get("Cache-Control", "none")


@difference("a typing mistake in `Z_ENDPOINTS`")
def mistake():
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    logging.getLogger("flask_management_endpoints").addHandler(handler)
    try:
        ask({"check_functions": {"helth": {}}})
    finally:
        logging.getLogger("flask_management_endpoints").removeHandler(handler)
    return "told in the log" if told else "ignored"


@difference("the dictionary `Z_ENDPOINTS`")
def dictionary():
    endpoints = {}
    ask(endpoints)
    return "filled with defaults" if endpoints else "left alone"


@difference("the blueprint registered twice under one prefix")
def twice():
    app = make()
    try:
        app.register_blueprint(blueprint.z_blueprint)
    except ValueError:
        return "ValueError"
    return "told in the log"


@difference("`PREFERRED_URL_SCHEME` in `app.config`")
def scheme():
    backend = Backend()
    app = make(backend.dependency())
    app.config["PREFERRED_URL_SCHEME"] = "https"
    app.test_client().get("/z/health")
    return "ignored" if backend.asked else "counts"


@difference("prefix of a dependency without a path, ours being `/admin`")
def prefix():
    backend = Backend()
    ask(backend.dependency(), "/admin/health", prefix="/admin")
    return backend.asked[0]


@difference("a slash at the end of a dependency's URL, asked for readiness")
def slash():
    blueprint.cascading_checks.append("readiness")
    backend = Backend()
    ask({"service_dependencies": {"users": f"http://{backend.host}/admin/"}}, "/z/health/readiness")
    blueprint.cascading_checks.remove("readiness")
    return backend.asked[0]


@difference("`liveness` in `cascading_checks`")
def cascading():
    backend = Backend()
    blueprint.cascading_checks.append("liveness")
    ask(backend.dependency(), "/z/health/liveness")
    blueprint.cascading_checks.remove("liveness")
    return "asks dependencies" if backend.asked else "asks nobody"


@difference("log record of a dependency that stays DOWN")
def logged():
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    names = ("flask_management_endpoints", "management_endpoints_blueprint")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    client = make(Backend({"status": "DOWN"}, status=503).dependency()).test_client()
    for _ in range(3):
        client.get("/z/health")
    return "at every request" if len(told) > 1 else "once"


if __name__ == "__main__":
    for variable in (
        "VERSION",
        "SCHEME",
        "PREFERRED_URL_SCHEME",
        "HTTP_PROXY",
        "http_proxy",
        "KUBERNETES_SERVICE_HOST",
    ):
        os.environ.pop(variable, None)
    logging.lastResort = None
    json.dump({title: observe() for title, observe in DIFFERENCES.items()}, sys.stdout)
