"""What 1.1.0 gets wrong.

Each test passes on ours and fails on 1.1.0: `test_compatibility.py` runs this file there to see it fail.
"""

import http.client
import importlib.metadata
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import flask
import pytest
from werkzeug.serving import make_server

import flask_management_endpoints
from flask_management_endpoints import ManagementEndpoints

BEGINNING = "import flask\nfrom flask_management_endpoints import ManagementEndpoints\napp = flask.Flask('a')\n"


def installed(app, **endpoints):
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    return app.test_client()


def in_threads(function, times):
    threads = [threading.Thread(target=function, daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


class TestTheWheel:
    def test_it_names_what_it_needs(self):
        needs = importlib.metadata.requires("flask-management-endpoints") or []
        assert {need.split(">")[0].split(";")[0].strip() for need in needs if "extra" not in need} == {
            "flask",
            "requests",
        }

    def test_it_ships_no_tests(self):
        assert list(Path(flask_management_endpoints.__file__).parent.rglob("test_*.py")) == []


class TestFiveHundreds:
    def test_no_backend_timeout(self, app, backend):
        del app.config["BACKEND_TIMEOUT"]
        assert installed(app, service_dependencies={"users": backend().host}).get("/z/health").status_code == 200

    @pytest.mark.parametrize("path", ["/z/health", "/z/health/readiness"])
    def test_a_check_that_raises(self, app, path):
        assert installed(app, check_functions={"readiness": {"db": lambda: 1 / 0}}).get(path).status_code == 503

    @pytest.mark.parametrize("document", [[1], 1, None])
    def test_a_dependency_that_answers_json_that_is_no_object(self, app, backend, document):
        users = backend()
        users.says(document)
        assert installed(app, service_dependencies={"users": users.host}).get("/z/health").status_code == 503

    def test_a_host_that_is_none(self, app):
        assert installed(app, service_dependencies={"users": None}).get("/z/health").status_code == 503

    def test_an_instance_id_for_an_app_with_a_slash_in_its_name(self):
        client = installed(flask.Flask("shop/frontend"), enable_service_instance_id=True)
        assert client.get("/z/info").status_code == 200


class TestTime:
    def test_ten_dependencies_take_the_time_of_one(self, app, backend, quickest):
        backends = [backend() for _ in range(10)]
        for one in backends:
            one.delay = 0.1
        client = installed(app, service_dependencies={f"d{n}": one.host for n, one in enumerate(backends)})
        assert client.get("/z/health").status_code == 200
        assert quickest(lambda: client.get("/z/health")) < 0.9

    def test_hung_dependencies_take_the_time_of_one(self, app, silent_port, quickest):
        app.config["BACKEND_TIMEOUT"] = 0.3
        client = installed(app, service_dependencies={f"d{n}": f"http://127.0.0.1:{silent_port}/{n}" for n in range(4)})
        assert client.get("/z/health").status_code == 503
        assert quickest(lambda: client.get("/z/health")) < 1.1

    def test_a_server_that_drips_does_not_hold_the_timeout(self, app):
        app.config["BACKEND_TIMEOUT"] = 0.3
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            threading.Thread(target=drip, args=(server,), daemon=True).start()
            client = installed(app, service_dependencies={"users": f"127.0.0.1:{server.getsockname()[1]}"})
            started = time.monotonic()
            assert client.get("/z/health").status_code == 503
            assert time.monotonic() - started < 4, "it drips for five seconds"


def drip(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n")
        for _ in range(50):
            time.sleep(0.1)
            try:
                connection.sendall(b" ")
            except OSError:
                return


class TestStorms:
    def test_two_that_ask_each_other_cost_two_requests_and_are_both_up(self):
        asked, apps = [], [flask.Flask("a"), flask.Flask("b")]
        servers = [make_server("127.0.0.1", 0, app, threaded=True) for app in apps]
        for app, other in zip(apps, reversed(servers), strict=True):
            app.config["BACKEND_TIMEOUT"] = 1
            app.before_request(lambda name=app.name: asked.append(name))
            installed(app, service_dependencies={"other": f"127.0.0.1:{other.port}"})
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", servers[0].port, timeout=20)
        connection.request("GET", "/z/health")
        status = connection.getresponse().status
        connection.close()
        for server in servers:
            server.shutdown()
            server.server_close()
        assert (status, sorted(asked)) == (200, ["a", "b"])

    def test_twenty_at_once_ask_a_dependency_once(self, app, backend):
        users = backend()
        users.delay = 1.0
        installed(app, service_dependencies={"users": users.host})
        in_threads(lambda: app.test_client().get("/z/health"), 20)
        assert len(users.paths) == 1


@pytest.fixture
def gunicorn(tmp_path):
    """Start gunicorn with one worker and an app; yields its port and its log."""
    processes = []

    def start(source, **environment):
        (tmp_path / "shop.py").write_text(source)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--access-logfile", "-", "shop:app"]
        with (tmp_path / "log").open("wb") as log:
            env = {**os.environ, **environment}
            processes.append(
                subprocess.Popen([*command, "--no-control-socket"], cwd=tmp_path, stdout=log, stderr=log, env=env)
            )
        limit = time.monotonic() + 15
        while time.monotonic() < limit:
            try:
                if get(port, "/ready") == 404:
                    break
            except OSError:
                time.sleep(0.05)
        return port, tmp_path / "log"

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def get(port, path, timeout=20):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_no_log_works_on_gunicorn(gunicorn):
    port, log = gunicorn(f"{BEGINNING}ManagementEndpoints(app, no_log=True)\n")
    assert get(port, "/z/health/liveness") == 200
    assert get(port, "/last") == 404
    time.sleep(0.2)
    assert "/last" in log.read_text()
    assert "/z/health/liveness" not in log.read_text()


def test_black_holes_do_not_keep_liveness_for_the_sum_of_their_timeouts(gunicorn, silent_port):
    urls = {f"d{n}": f"http://127.0.0.1:{silent_port}/{n}" for n in range(5)}
    port, _ = gunicorn(
        f"{BEGINNING}app.config.update(BACKEND_TIMEOUT=1, Z_ENDPOINTS={{'service_dependencies': {urls!r}}})\n"
        "ManagementEndpoints(app)\n"
    )
    threads = [threading.Thread(target=get, args=(port, "/z/health"), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    assert get(port, "/z/health/liveness") == 200
    assert time.monotonic() - started < 7, "the sum is 10 s"
    for thread in threads:
        thread.join()


class TestMemoryAndSecrets:
    def test_a_big_answer_is_not_copied_into_ours(self, app, backend):
        users = backend()
        users.says({"status": "UP", "x": "y" * 20 * 1024 * 1024})
        assert len(installed(app, service_dependencies={"users": users.host}).get("/z/health").data) < 10_000

    def test_neither_are_its_passwords(self, app, backend):
        users = backend()
        users.says({"status": "UP", "db": {"password": "hunter2"}, "url": "postgres://shop:hunter2@db/shop"})
        assert "hunter2" not in installed(app, service_dependencies={"users": users.host}).get("/z/health").text

    def test_info_does_not_show_the_command_line(self, app, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["serve", "--password", "hunter2"])
        assert "hunter2" not in installed(app).get("/z/info").text


class TestTruth:
    def test_a_false_with_a_message_is_down(self, app):
        assert (
            installed(app, check_functions={"readiness": {"db": lambda: (False, "msg")}})
            .get("/z/health/readiness")
            .status_code
            == 503
        )

    @pytest.mark.filterwarnings("ignore:coroutine")
    def test_an_async_function_that_returns_false_is_down(self, app):
        async def check():
            return False

        assert (
            installed(app, check_functions={"readiness": {"db": check}}).get("/z/health/readiness").status_code == 503
        )

    def test_a_misspelt_group_is_told(self, app, caplog):
        with caplog.at_level(logging.WARNING):
            installed(app, check_functions={"helth": {"db": lambda: True}}).get("/z/health")
        assert "did you mean 'health'" in caplog.text

    def test_the_same_name_in_two_groups_does_not_hide_a_failure(self, app):
        functions = {"health": {"db": lambda: False}, "readiness": {"db": lambda: True}}
        assert (
            installed(app, check_functions=functions).get("/z/health").get_json()["components"]["db"]["status"]
            == "DOWN"
        )


class TestUrls:
    def test_a_custom_prefix_counts_for_hosts_without_a_path(self, app, backend):
        users = backend()
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
        ManagementEndpoints(app, prefix="/admin")
        app.test_client().get("/admin/health")
        assert users.paths == ["/admin/health"]

    def test_a_host_that_begins_with_http_is_no_scheme(self, app, backend, monkeypatch):
        proxy = backend()
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        installed(app, service_dependencies={"bin": "httpbin-svc:80"}).get("/z/health")
        assert proxy.paths == ["http://httpbin-svc:80/z/health"]

    @pytest.mark.parametrize(
        ("url", "asked"),
        [
            ("http://{}/admin/", "/admin/readiness"),
            ("http://{}/admin?x=1", "/admin/readiness?x=1"),
            ("{}/admin/", "/admin/readiness"),
        ],
    )
    def test_the_check_is_appended_to_the_path(self, app, backend, url, asked):
        users = backend()
        client = installed(app, service_dependencies={"users": url.format(users.host)}, groups={"readiness": ["users"]})
        client.get("/z/health/readiness")
        assert users.paths == [asked]

    def test_preferred_url_scheme_in_the_configuration_counts(self, app, backend):
        users = backend()
        app.config["PREFERRED_URL_SCHEME"] = "https"
        installed(app, service_dependencies={"users": users.host}).get("/z/health")
        assert users.paths == []


class TestImportTime:
    def test_version_is_read_when_asked_for(self, app, monkeypatch):
        monkeypatch.setenv("VERSION", "1.2.3")
        info = installed(app).get("/z/info").get_json()
        assert (info["app"]["version"], info["trace.attributes"]["service.version"]) == ("1.2.3", "1.2.3")

    def test_hostname_is_read_when_asked_for_and_any_hash_is_a_pods(self, app, monkeypatch):
        monkeypatch.setenv("HOSTNAME", "shop-frontend-7d9f8b6c5d-x2x4z")
        attributes = installed(app).get("/z/info").get_json()["trace.attributes"]
        assert attributes["k8s.pod.name"] == "shop-frontend-7d9f8b6c5d-x2x4z"

    def test_the_users_dictionary_is_left_alone(self, app):
        endpoints = {}
        app.config["Z_ENDPOINTS"] = endpoints
        ManagementEndpoints(app)
        app.test_client().get("/z/health")
        assert endpoints == {}


class TestInfo:
    def test_the_instance_id_is_not_in_a_file_that_anybody_may_write(self, app, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        (tmp_path / "shop-service-instance-id").write_text("forged\n")
        client = installed(app, enable_service_instance_id=True)
        assert client.get("/z/info").get_json()["trace.attributes"]["service.instance.id"] != "forged"
        assert [path.name for path in tmp_path.iterdir()] == ["shop-service-instance-id"]

    def test_keys_are_todays(self, app):
        attributes = installed(app).get("/z/info").get_json()["trace.attributes"]
        assert attributes["process.runtime.name"] == "cpython"
        assert {"process.creation.time", "process.executable.name"} <= attributes.keys()

    def test_what_identifies_the_machine_for_ever_is_hidden(self, app):
        attributes = installed(app).get("/z/info").get_json()["trace.attributes"]
        assert attributes.keys().isdisjoint({"machine.id", "host.id", "process.command_line", "process.command_args"})

    def test_a_variable_of_the_machine_is_no_namespace(self, app, monkeypatch):
        code = "import os; from flask_management_endpoints import Info; assert 'k8s.namespace.name' not in Info.k8s()"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBERNETES")}
        environment |= {"NAMESPACE": "x", "HOSTNAME": "laptop"}
        assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "status"), [("GET", "health/nope", 404), ("GET", "nope", 404), ("POST", "health", 405)]
    )
    def test_errors_are_json(self, app, method, path, status):
        response = installed(app).open(f"/z/{path}", method=method)
        assert (response.status_code, response.mimetype) == (status, "application/json")
        assert json.loads(response.data)["status"] == status

    def test_so_is_an_error_of_the_apps_own_making(self, app):
        app.before_request(lambda: 1 / 0)
        response = installed(app).get("/z/health")
        assert (response.status_code, response.mimetype) == (500, "application/json")

    @pytest.mark.parametrize("path", ["health", "health/liveness", "info", "version", "health/nope"])
    def test_nothing_is_kept_by_caches(self, app, path):
        assert installed(app).get(f"/z/{path}").headers["Cache-Control"] == "no-store"
