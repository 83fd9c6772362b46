"""What anybody may see of another service's JSON, and which endpoints and checks can be left out."""

import time

import pytest

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.scrub import scrubbed

SECRETS = {
    "JDBC with a login": "jdbc:mysql://root:hunter2/x",
    "a webhook": "https://hooks.slack.com/services/T000/B000/XXXX",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dGVzdA",
    "an Authorization header": "Bearer abc",
    "the same, lower case": "basic dTpw",
    "an AWS key id": "AKIAIOSFODNN7EXAMPLE",
    "a GitHub token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "a Slack token": "xoxb-1234567890-abcdef",
    "a login": "shop@db-1",
    "a key file": "-----BEGIN PRIVATE KEY-----",
    "name and value in a text": "cannot log in with password=hunter2",
    "an internal host": "users-db.prod.svc.cluster.local",
    "host and port": "users-db:5432",
    "an address": "connected to 10.1.2.3",
    "random letters": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
HARMLESS = ["1.2.3", "UP", "2026-11-21T12:30:00Z", "2026-11-21 12:30", "12:30", "H2", "PostgreSQL 15.2", "isValid()",
            "3872655d0b9ed2f4a0d1cf6ee3b5f0e6a1b2c3d4", "it works, thanks", "Größe: 3", "users", "a:1"]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_secret_is_hidden_whatever_it_is_called(app, peer, behaviours, secret):
    answer = {
        "status": "UP",
        "detail": secret,
        "list": [secret, "fine"],
        "components": {"db": {"status": "UP", "detail": {"x": secret}}, secret: {"status": "UP"}},
    }
    users = peer(behaviours.says(answer))
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health").get_json()["components"]["users"] == {
        "components": {"db": {"detail": {}, "status": "UP"}},
        "list": ["fine"],
        "status": "UP",
    }


@pytest.mark.parametrize("text", HARMLESS)
def test_what_does_not_is_shown(text):
    assert scrubbed({"detail": text}) == {"detail": text}


@pytest.mark.parametrize("text", [*(character * 199 for character in "aA1.:-/="), "aA1" * 66, "a:1" * 66, "1.1." * 49])
def test_a_long_text_takes_no_long_time(text):
    """Thousands of such texts are in the megabyte that is read of an answer at most; what backtracks takes minutes."""
    started = time.process_time()
    for _ in range(500):
        scrubbed({"x": text})
    assert time.process_time() - started < 1.0


def test_resource_attributes_of_the_environment_are_scrubbed(app, monkeypatch):
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES", "team=web,api.key=k,collector=https://ada:hunter2@otel,service.name=shop"
    )
    ManagementEndpoints(app)
    attributes = app.test_client().get("/z/info").get_json()["trace.attributes"]
    assert (attributes["team"], attributes["service.name"]) == ("web", "shop")
    assert attributes.keys().isdisjoint({"api.key", "collector"})
    app.config["Z_ENDPOINTS"] = {"show_sensitive_info": True}
    attributes = app.test_client().get("/z/info").get_json()["trace.attributes"]
    assert attributes["collector"] == "https://ada:hunter2@otel"


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(
            lambda app, patch: app.config.update(Z_ENDPOINTS={"hidden_endpoints": ["info", "health"]}), id="list"
        ),
        pytest.param(lambda app, patch: app.config.update(Z_ENDPOINTS_HIDDEN_ENDPOINTS="info, health"), id="text"),
        pytest.param(lambda app, patch: patch.setenv("Z_ENDPOINTS_HIDDEN_ENDPOINTS", "health,info"), id="environment"),
    ],
)
def test_endpoints_can_be_left_out(app, monkeypatch, where):
    where(app, monkeypatch)
    ManagementEndpoints(app)
    client = app.test_client()
    paths = ("/z/info", "/z/health", "/z/version", "/z/health/liveness", "/z/health/readiness", "/z")
    assert [client.get(path).status_code for path in paths] == [404, 404, 200, 200, 200, 200]
    assert {"info", "health"}.isdisjoint(client.get("/z").get_json()["_links"])


@pytest.mark.parametrize("name", ["index", "health", "info", "version", "metrics"])
def test_each_of_them(app, name):
    app.config["Z_ENDPOINTS"] = {"hidden_endpoints": [name], "metrics": True}
    ManagementEndpoints(app)
    client = app.test_client()
    paths = {"index": "/z", "health": "/z/health", "info": "/z/info", "version": "/z/version", "metrics": "/z/metrics"}
    assert {key for key, path in paths.items() if client.get(path).status_code == 404} == {name}


def test_a_probe_cannot_be(app, caplog):
    app.config["Z_ENDPOINTS"] = {"hidden_endpoints": ["liveness"]}
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health/liveness").status_code == 200
    assert "'liveness'" in caplog.text


def test_checks_can_be_disabled_by_their_names(app, peer, monkeypatch):
    users = peer()
    app.config["Z_ENDPOINTS"] = {
        "service_dependencies": {"users": users.host},
        "check_functions": {"readiness": {"cache": lambda: False}},
    }
    management = ManagementEndpoints(app)
    management.check("db", groups=["readiness", "liveness"])(lambda: False)
    client = app.test_client()
    assert client.get("/z/health/readiness").status_code == 503
    monkeypatch.setenv("Z_ENDPOINTS_DISABLED_CHECKS", "db, cache,users")
    assert client.get("/z/health").get_json() == {"components": {}, "status": "UP"}
    assert [client.get(f"/z/health/{name}").status_code for name in ("readiness", "liveness")] == [200, 200]
    assert users.paths == []
