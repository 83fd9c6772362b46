"""Apps that aren't like the example.

Registered twice, odd prefixes, behind proxies, with handlers and logins of their own.
"""

import threading
from pathlib import Path

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_management_endpoints import ManagementEndpoints, z_blueprint


class TestRegisteredTwice:
    def test_under_the_same_prefix_nothing_changes(self, app, caplog):
        first = ManagementEndpoints(app)
        first.check("it")(lambda: True)
        ManagementEndpoints(app)
        app.register_blueprint(z_blueprint)
        body = app.test_client().get("/z/health").get_json()
        assert body == {"components": {"it": {"status": "UP"}}, "status": "UP"}
        assert "registered already under '/z'" in caplog.text

    def test_under_two_prefixes_both_answer(self, app):
        ManagementEndpoints(app)
        ManagementEndpoints(app, prefix="/admin")
        client = app.test_client()
        assert [client.get(f"{prefix}/health/readiness").status_code for prefix in ("/z", "/admin")] == [200, 200]
        assert client.get("/admin").get_json()["_links"]["health"]["href"] == "/admin/health"

    def test_what_one_app_has_of_its_own_is_not_seen_by_another(self, app):
        shared, own, other = ManagementEndpoints(), ManagementEndpoints(), flask.Flask("other")
        own.check("own")(lambda: True)
        for each in (app, other):
            shared.init_app(each)
        own.init_app(app)
        names = [set(each.test_client().get("/z/health").get_json()["components"]) for each in (app, other)]
        assert names == [{"own"}, set()]

    def test_after_the_blueprint_the_extension_still_brings_its_checks(self, app):
        app.register_blueprint(z_blueprint)
        management = ManagementEndpoints(app)
        management.check("it", groups=["readiness"])(lambda: False)
        assert app.test_client().get("/z/health/readiness").status_code == 503


@pytest.mark.parametrize("prefix", ["/z/", "z", "/a/b/c", "/ä ö", "/z.z~z", "/%7Ez", "/z*", "/.well-known"])
def test_prefixes_with_odd_characters(app, prefix):
    ManagementEndpoints(app, prefix=prefix)
    client = app.test_client()
    base = "/" + prefix.strip("/")
    assert client.get(f"{base}/health/liveness".replace("%", "%25")).get_json() == {"status": "UP"}
    assert client.get(f"{base}/nope".replace("%", "%25")).mimetype == "application/json"


@pytest.mark.parametrize("prefix", ["z", "/z", "/z/"])
def test_however_the_prefix_is_written_hosts_are_asked_at_it(app, peer, prefix):
    users = peer()
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
    ManagementEndpoints(app, prefix=prefix, app_hooks=False)
    assert app.test_client().get("/z/health").status_code == 200
    assert users.paths == ["/z/health"]


@pytest.mark.parametrize("prefix", ["", "/"])
def test_no_prefix_at_all_leaves_the_rest_to_the_app(app, prefix):
    @app.get("/")
    def home():
        return "home"

    @app.errorhandler(404)
    def lost(error):
        return "lost", 404

    ManagementEndpoints(app, prefix=prefix)
    client = app.test_client()
    assert client.get("/health/liveness").get_json() == {"status": "UP"}
    assert [client.get("/").text, client.get("/nope").text] == ["home", "lost"]


class TestTheIndex:
    def test_it_lists_the_endpoints(self, app):
        management = ManagementEndpoints(app)
        management.check("db", groups=["payments"])(lambda: True)
        links = app.test_client().get("/z").get_json()["_links"]
        assert {name: link["href"] for name, link in links.items()} == {
            "self": "/z",
            "health": "/z/health",
            "health-liveness": "/z/health/liveness",
            "health-readiness": "/z/health/readiness",
            "health-startup": "/z/health/startup",
            "health-ping": "/z/health/ping",
            "health-payments": "/z/health/payments",
            "info": "/z/info",
            "version": "/z/version",
        }

    def test_every_link_answers(self, app):
        app.config["Z_ENDPOINTS"] = {"metrics": True}
        ManagementEndpoints(app)
        client = app.test_client()
        links = client.get("/z/").get_json()["_links"]
        assert {client.get(link["href"]).status_code for link in links.values()} == {200}
        assert "metrics" in links

    def test_behind_a_proxys_prefix(self, app):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)
        ManagementEndpoints(app)
        response = app.test_client().get("/z", headers={"X-Forwarded-Prefix": "/shop"})
        assert response.get_json()["_links"]["health"]["href"] == "/shop/z/health"

    def test_mounted_below_another_app(self, app):
        ManagementEndpoints(app)
        client = Client(DispatcherMiddleware(flask.Flask("outer"), {"/shop": app}))
        assert client.get("/shop/z").json["_links"]["self"]["href"] == "/shop/z"
        assert client.get("/shop/z/health").json == {"components": {}, "status": "UP"}


class TestHandlersOfTheApp:
    def test_its_503_handler_does_not_touch_our_answers(self, app):
        app.errorhandler(503)(lambda error: ("sorry", 200))
        app.errorhandler(Exception)(lambda error: ("sorry", 200))
        ManagementEndpoints(app).check("it", groups=["readiness"])(lambda: False)
        response = app.test_client().get("/z/health/readiness")
        assert (response.status_code, response.get_json()) == (503, {"status": "DOWN"})

    def test_its_404_handler_is_for_its_own_pages(self, app):
        app.errorhandler(404)(lambda error: ("lost", 404))
        ManagementEndpoints(app)
        client = app.test_client()
        assert client.get("/nope").text == "lost"
        assert client.get("/z/health/nope").get_json() == {"status": 404, "error": "Not Found"}

    def test_its_own_answer_to_an_unauthorised_request_is_kept(self, app):
        app.before_request(lambda: flask.abort(401))
        app.errorhandler(401)(lambda error: ("log in first", 401))
        ManagementEndpoints(app)
        response = app.test_client().get("/z/health")
        assert (response.status_code, response.text) == (401, "log in first")

    def test_without_one_the_refusal_is_json_with_its_headers(self, app):
        @app.before_request
        def login():
            from werkzeug.datastructures import WWWAuthenticate

            flask.abort(flask.Response("no", 401)) if flask.request.args else None
            raise __import__("werkzeug.exceptions").exceptions.Unauthorized(www_authenticate=WWWAuthenticate("basic"))

        ManagementEndpoints(app)
        response = app.test_client().get("/z/health")
        assert (response.status_code, response.get_json()["status"]) == (401, 401)
        assert response.headers["WWW-Authenticate"] == "Basic"
        assert app.test_client().get("/z/health?plain=1").data == b"no"

    def test_a_login_may_be_kept_away_from_probes(self, app):
        @app.before_request
        def login():
            return "log in first", 401

        @app.get("/")
        def home():
            return "home"

        ManagementEndpoints(app, app_hooks=False)
        client = app.test_client()
        paths = ("/z", "/z/health", "/z/health/liveness", "/z/info", "/z/version", "/")
        assert [client.get(path).status_code for path in paths] == [200] * 5 + [401]
        assert client.get("/z/health/nope").get_json() == {"status": 404, "error": "Not Found"}
        assert client.post("/z/health").status_code == 405

    def test_without_hooks_functions_still_have_the_request(self, app):
        seen = []
        app.before_request(lambda: ("log in first", 401))
        app.config["Z_ENDPOINTS"] = {
            "check_functions": {"readiness": {"it": lambda: seen.append(flask.request.path) or True}}
        }
        ManagementEndpoints(app, app_hooks=False)
        assert app.test_client().get("/z/health/readiness").status_code == 200
        assert seen == ["/z/health/readiness"]


def test_five_hundred_probes_at_once(app):
    management = ManagementEndpoints(app)
    calls = []
    gate = threading.Event()

    @management.check(groups=["readiness"], timeout=60)
    def slow():
        calls.append(1)
        return gate.wait(60)

    statuses = []
    paths = ("/z/health/readiness", "/z/health", "/z/health/liveness", "/z/info")
    threads = [
        threading.Thread(target=lambda path=paths[number % 4]: statuses.append(app.test_client().get(path).status_code))
        for number in range(500)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 500
    assert app.extensions["management_endpoints"].runner.pool.threads <= 2
    assert len(calls) < 250


def test_a_read_only_file_system(app, monkeypatch):
    def refuse(self, mode="r", *args, **kwargs):
        if set(mode) & set("wax+"):
            raise OSError(30, "Read-only file system")
        return opened(self, mode, *args, **kwargs)

    opened = Path.open
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("tempfile.mkstemp", lambda *args, **kwargs: refuse(None, "w"))
    app.config["Z_ENDPOINTS"] = {"enable_service_instance_id": True}
    ManagementEndpoints(app)
    client = app.test_client()
    assert [client.get(f"/z{path}").status_code for path in ("", "/health", "/info", "/version")] == [200] * 4


@pytest.mark.parametrize("size", [10, 1000])
def test_probes_stay_short(app, size):
    management = ManagementEndpoints(app)
    for number in range(size):
        management.check(f"check{number}", groups=["readiness"])(lambda: True)
    response = app.test_client().get("/z/health/readiness")
    assert response.data == b'{"status": "UP"}'
