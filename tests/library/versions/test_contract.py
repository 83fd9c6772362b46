"""What 1.1.0 promised by what it did.

Each test passes on 1.1.0 and on ours: `test_compatibility.py` runs this file on both.
"""

import os
import time

import flask
import pytest

from flask_management_endpoints import Info, ManagementEndpoints, z_blueprint

PROBES = ["liveness", "ping", "readiness"]


def installed(app, **endpoints):
    if endpoints:
        app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    return app.test_client()


class TestHowItIsInstalled:
    def test_the_extension_takes_an_app(self, app):
        ManagementEndpoints(app)
        assert app.test_client().get("/z/health").status_code == 200

    def test_the_extension_initialises_an_app_later(self, app):
        ManagementEndpoints(prefix="/admin", no_log=True).init_app(app)
        assert app.test_client().get("/admin/health").status_code == 200

    def test_arguments_may_be_positional(self, app):
        ManagementEndpoints(app, "/admin", True)
        assert app.test_client().get("/admin/health/ping").status_code == 200

    def test_the_blueprint_alone_is_enough(self, app):
        app.register_blueprint(z_blueprint)
        assert app.test_client().get("/z/health/liveness").get_json() == {"status": "UP"}

    def test_the_blueprint_takes_a_prefix(self, app):
        app.register_blueprint(z_blueprint, url_prefix="/admin")
        client = app.test_client()
        assert client.get("/admin/health").status_code == 200
        assert client.get("/z/health").status_code == 404

    @pytest.mark.parametrize(
        ("endpoint", "values", "url"),
        [
            ("version", {}, "/z/version"),
            ("info", {}, "/z/info"),
            ("health", {}, "/z/health"),
            ("nested_health_check", {"check_name": "readiness"}, "/z/health/readiness"),
        ],
    )
    def test_url_for_knows_the_endpoints(self, app, endpoint, values, url):
        installed(app)
        with app.test_request_context():
            assert flask.url_for(f"management_endpoints.{endpoint}", **values) == url

    def test_two_apps_may_take_it(self, app):
        other = flask.Flask("other")
        for one in (app, other):
            ManagementEndpoints(one)
        assert [one.test_client().get("/z/info").get_json()["app"]["name"] for one in (app, other)] == ["shop", "other"]


def test_the_modules_that_version_1_had_are_still_there():
    from flask_management_endpoints.blueprint import DEFAULT_URL_PREFIX
    from flask_management_endpoints.blueprint import z_blueprint as same_blueprint
    from flask_management_endpoints.ext import ManagementEndpoints as SameExtension
    from flask_management_endpoints.info import Info as SameInfo

    assert (same_blueprint, SameExtension, SameInfo) == (z_blueprint, ManagementEndpoints, Info)
    assert DEFAULT_URL_PREFIX == "/z"


class TestRoutes:
    @pytest.mark.parametrize("path", ["version", "info", "health", *(f"health/{probe}" for probe in PROBES)])
    @pytest.mark.parametrize(
        ("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 405), ("DELETE", 405)]
    )
    def test_looking_is_allowed_and_writing_is_not(self, app, path, method, status):
        response = installed(app).open(f"/z/{path}", method=method)
        assert response.status_code == status
        if method in ("HEAD", "OPTIONS"):
            assert response.data == b""
        if method == "OPTIONS":
            assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}

    @pytest.mark.parametrize(
        "path", ["health/", "info/", "version/", "health/readiness/", "health/nope", f"health/{'x' * 129}", "nope"]
    )
    def test_anything_else_is_404(self, app, path):
        assert installed(app).get(f"/z/{path}").status_code == 404


class TestBodies:
    @pytest.mark.parametrize("probe", PROBES)
    def test_without_configuration_a_probe_is_up(self, app, probe):
        response = installed(app).get(f"/z/health/{probe}")
        assert (response.status_code, response.mimetype, response.get_json()) == (
            200,
            "application/json",
            {"status": "UP"},
        )

    def test_without_configuration_health_is_up_and_empty(self, app):
        response = installed(app).get("/z/health")
        assert (response.status_code, response.mimetype) == (200, "application/json")
        assert response.get_json() == {"components": {}, "status": "UP"}

    def test_a_failing_readiness_is_503(self, app):
        response = installed(app, check_functions={"readiness": {"db": lambda: False}}).get("/z/health/readiness")
        assert (response.status_code, response.get_json()) == (503, {"status": "DOWN"})

    def test_a_failing_health_is_503_and_says_which(self, app):
        response = installed(app, check_functions={"health": {"db": lambda: False, "cache": lambda: True}}).get(
            "/z/health"
        )
        assert response.status_code == 503
        assert response.get_json() == {
            "components": {"db": {"status": "DOWN"}, "cache": {"status": "UP"}},
            "status": "DOWN",
        }


class TestConfigurationIsReadAtEachRequest:
    def test_set_after_construction(self, app):
        client = installed(app)
        app.config["Z_ENDPOINTS"] = {"check_functions": {"readiness": {"db": lambda: False}}}
        assert client.get("/z/health/readiness").status_code == 503

    def test_set_between_two_requests(self, app):
        client = installed(app, check_functions={"readiness": {"db": lambda: False}})
        assert client.get("/z/health/readiness").status_code == 503
        app.config["Z_ENDPOINTS"]["check_functions"]["readiness"]["db"] = lambda: True
        assert client.get("/z/health/readiness").status_code == 200


class TestCheckFunctions:
    @pytest.mark.parametrize(
        ("value", "status"),
        [
            (True, "UP"),
            (1, "UP"),
            ("yes", "UP"),
            ([0], "UP"),
            (False, "DOWN"),
            (None, "DOWN"),
            (0, "DOWN"),
            ("", "DOWN"),
            ([], "DOWN"),
        ],
    )
    def test_truth_decides(self, app, value, status):
        client = installed(app, check_functions={"health": {"it": lambda: value}})
        assert client.get("/z/health").get_json()["components"]["it"]["status"] == status

    @pytest.mark.parametrize(
        ("path", "called"),
        [
            ("health", ["health", "readiness"]),
            ("health/readiness", ["readiness"]),
            ("health/liveness", []),
            ("health/ping", []),
        ],
    )
    def test_each_endpoint_runs_its_own(self, app, path, called):
        calls = []
        functions = {
            group: {group: lambda group=group: calls.append(group) or True} for group in ("health", "readiness")
        }
        installed(app, check_functions=functions).get(f"/z/{path}")
        assert calls == called

    def test_they_run_one_after_another_in_the_order_written(self, app):
        running, order = [], []

        def check(name):
            def run():
                assert not running
                running.append(name)
                time.sleep(0.02)
                order.append(running.pop())
                return True

            return run

        client = installed(
            app, check_functions={"readiness": {"c": check("c")}, "health": {"a": check("a"), "b": check("b")}}
        )
        assert client.get("/z/health").status_code == 200
        assert order == ["a", "b", "c"]

    def test_they_run_in_the_requests_own_context(self, app):
        seen = {}

        @app.before_request
        def remember():
            flask.g.user = "ada"

        def check():
            seen.update(app=flask.current_app.name, path=flask.request.path, user=flask.g.user)
            return True

        assert (
            installed(app, check_functions={"readiness": {"it": check}}).get("/z/health/readiness").status_code == 200
        )
        assert seen == {"app": "shop", "path": "/z/health/readiness", "user": "ada"}

    def test_what_they_put_into_g_stays_for_the_hooks_after_them(self, app):
        seen = []

        @app.teardown_request
        def look(error):
            seen.append(flask.g.get("session"))

        def check():
            flask.g.session = "open"
            return True

        installed(app, check_functions={"health": {"it": check}}).get("/z/health")
        assert seen == ["open"]

    def test_readiness_asks_no_dependencies(self, app, backend):
        users = backend()
        client = installed(app, service_dependencies={"users": users.host})
        assert client.get("/z/health/readiness").status_code == 200
        assert users.paths == []

    @pytest.mark.parametrize("probe", ["liveness", "ping"])
    def test_liveness_and_ping_ask_nobody(self, app, backend, probe):
        users = backend()
        users.says({"status": "DOWN"}, 503)
        client = installed(
            app, service_dependencies={"users": users.host}, check_functions={"readiness": {"db": lambda: False}}
        )
        assert client.get(f"/z/health/{probe}").status_code == 200
        assert users.paths == []


class TestDependencies:
    @pytest.mark.parametrize(
        ("document", "http_status", "status"),
        [
            pytest.param({"status": "UP"}, 200, "UP", id="200 and UP"),
            pytest.param({"status": "UP"}, 201, "DOWN", id="another success"),
            pytest.param({"status": "UP"}, 503, "DOWN", id="UP with an error"),
            pytest.param({"status": "DOWN"}, 200, "DOWN", id="DOWN with 200"),
            pytest.param({"status": "up"}, 200, "DOWN", id="lower case"),
            pytest.param({"state": "UP"}, 200, "DOWN", id="another key"),
            pytest.param({}, 200, "DOWN", id="an empty object"),
        ],
    )
    def test_up_is_200_with_status_up(self, app, backend, document, http_status, status):
        users = backend()
        users.says(document, http_status)
        body = installed(app, service_dependencies={"users": users.host}).get("/z/health").get_json()
        assert body["components"]["users"]["status"] == status
        assert body["status"] == status

    @pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"UP"])
    def test_anything_but_json_is_down(self, app, backend, body):
        users = backend()
        users.body = body
        response = installed(app, service_dependencies={"users": users.host}).get("/z/health")
        assert (response.status_code, response.get_json()["components"]) == (503, {"users": {"status": "DOWN"}})

    @pytest.mark.parametrize(("status", "http_status"), [("UP", 200), ("DOWN", 503)])
    def test_its_keys_are_merged(self, app, backend, status, http_status):
        users = backend()
        users.says({"status": status, "version": "1.2", "components": {"disk": {"status": "UP"}}}, http_status)
        component = (
            installed(app, service_dependencies={"users": users.host})
            .get("/z/health")
            .get_json()["components"]["users"]
        )
        assert component == {"version": "1.2", "components": {"disk": {"status": "UP"}}, "status": status}

    def test_its_status_is_what_we_make_of_it_not_what_it_says(self, app, backend):
        users = backend()
        users.says({"status": "UP", "version": "1.2"}, 500)
        component = (
            installed(app, service_dependencies={"users": users.host})
            .get("/z/health")
            .get_json()["components"]["users"]
        )
        assert component == {"version": "1.2", "status": "DOWN"}

    def test_nobody_there_is_down(self, app, unused_port):
        client = installed(app, service_dependencies={"users": f"127.0.0.1:{unused_port}"})
        assert client.get("/z/health").get_json()["components"] == {"users": {"status": "DOWN"}}

    def test_an_empty_host_is_down_and_the_rest_is_asked(self, app, backend):
        users = backend()
        body = installed(app, service_dependencies={"nobody": "", "users": users.host}).get("/z/health").get_json()
        assert body["components"] == {"nobody": {"status": "DOWN"}, "users": {"status": "UP"}}

    def test_the_environments_proxy_is_used(self, app, backend, monkeypatch):
        proxy = backend()
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        body = installed(app, service_dependencies={"users": "users.invalid"}).get("/z/health").get_json()
        assert (body["status"], proxy.paths) == ("UP", ["http://users.invalid/z/health"])

    def test_no_proxy_is_honoured(self, app, backend, monkeypatch):
        proxy, users = backend(), backend()
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert installed(app, service_dependencies={"users": users.host}).get("/z/health").get_json()["status"] == "UP"
        assert (proxy.paths, users.paths) == ([], ["/z/health"])

    @pytest.mark.parametrize("timeout", [0.3, (2, 0.3)], ids=["seconds", "connect and read"])
    def test_backend_timeout_bounds_a_silent_one(self, app, silent_port, quickest, timeout):
        app.config["BACKEND_TIMEOUT"] = timeout
        client = installed(app, service_dependencies={"users": f"127.0.0.1:{silent_port}"})
        assert client.get("/z/health").status_code == 503
        assert quickest(lambda: client.get("/z/health")) < 1.5


class TestUrls:
    @pytest.mark.parametrize(
        ("written", "asked"),
        [
            pytest.param("{host}", "/z/health", id="host"),
            pytest.param("{host}/admin/health", "/admin/health", id="host and path"),
            pytest.param("http://{host}/admin", "/admin", id="full URL"),
            pytest.param("http://{host}", "/", id="full URL without a path"),
        ],
    )
    def test_what_is_asked(self, app, backend, written, asked):
        users = backend()
        assert (
            installed(app, service_dependencies={"u": written.format(host=users.host)}).get("/z/health").status_code
            == 200
        )
        assert users.paths == [asked]

    @pytest.mark.parametrize(
        ("environment", "up"),
        [
            pytest.param({}, True, id="http by default"),
            pytest.param({"SCHEME": "https"}, False, id="SCHEME"),
            pytest.param({"PREFERRED_URL_SCHEME": "https"}, False, id="PREFERRED_URL_SCHEME"),
            pytest.param({"PREFERRED_URL_SCHEME": "http", "SCHEME": "https"}, True, id="the former wins"),
        ],
    )
    def test_the_scheme_comes_from_the_environment(self, app, backend, monkeypatch, environment, up):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        users = backend()
        installed(app, service_dependencies={"users": users.host}).get("/z/health")
        assert (users.paths == ["/z/health"]) is up


class TestVersion:
    def test_unknown_by_default(self, app):
        response = installed(app).get("/z/version")
        assert (response.status_code, response.text) == (200, "unknown")

    def test_the_environment_is_read_at_each_request(self, app, monkeypatch):
        client = installed(app)
        monkeypatch.setenv("VERSION", "1.2.3")
        assert client.get("/z/version").text == "1.2.3"
        monkeypatch.setitem(os.environ, "VERSION", "1.2.4")
        assert client.get("/z/version").text == "1.2.4"

    @pytest.mark.parametrize(
        ("returned", "status", "text"),
        [
            pytest.param("2.0", 200, "2.0", id="text"),
            pytest.param(("2.0", 203), 203, "2.0", id="text and status"),
            pytest.param(("2.0", 200, {"X-Build": "7"}), 200, "2.0", id="text, status and headers"),
            pytest.param({"version": "2.0"}, 200, '{"version":"2.0"}', id="an object"),
            pytest.param(flask.Response("2.0", 202), 202, "2.0", id="a response"),
        ],
    )
    def test_the_closure_returns_what_a_view_may(self, app, returned, status, text):
        response = installed(app, version_function=lambda: returned).get("/z/version")
        assert (response.status_code, response.text.replace(" ", "").strip()) == (status, text)


class TestInfo:
    def test_its_shape(self, app):
        info = installed(app).get("/z/info").get_json()
        assert info["app"]["name"] == "shop"
        attributes = info["trace.attributes"]
        assert attributes["service.name"] == "shop"
        assert attributes["process.pid"] == os.getpid()
        assert {"host.name", "host.arch", "os.type", "os.description", "process.runtime.version"} <= attributes.keys()
        assert "service.instance.id" not in attributes

    def test_an_instance_id_if_asked_for(self, app):
        client = installed(app, enable_service_instance_id=True)
        ids = {client.get("/z/info").get_json()["trace.attributes"]["service.instance.id"] for _ in range(2)}
        assert len(ids) == 1

    @pytest.mark.parametrize(
        ("part", "key"), [("host_info", "host.arch"), ("os_info", "os.type"), ("process_info", "process.pid")]
    )
    def test_its_parts_may_be_asked_for_one_by_one(self, part, key):
        assert key in getattr(Info, part)()

    def test_info_is_a_dictionary_of_its_own(self):
        assert Info("shop")["app"] == Info(app_name="shop", enable_service_instance_id=False)["app"] == {"name": "shop"}


class TestTheAppsHooks:
    @pytest.mark.parametrize("path", ["health", "health/liveness", "info", "version"])
    def test_before_request_runs_here_too(self, app, path):
        @app.before_request
        def refuse():
            return "come back later", 418

        response = installed(app).get(f"/z/{path}")
        assert (response.status_code, response.text) == (418, "come back later")

    def test_after_request_runs_here_too(self, app):
        @app.after_request
        def mark(response):
            response.headers["X-Seen"] = "yes"
            return response

        assert installed(app).get("/z/health/ping").headers["X-Seen"] == "yes"
