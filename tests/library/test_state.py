"""What the app says of itself: started, broken, refusing, in maintenance."""

import logging

import flask
import pytest

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.drain import DRAIN


def probes(client):
    return {name: client.get(f"/z/health/{name}").status_code for name in ("startup", "liveness", "readiness")}


ALL_UP = {"startup": 200, "liveness": 200, "readiness": 200}


def test_without_a_gate_an_app_is_started(app):
    ManagementEndpoints(app)
    assert probes(app.test_client()) == ALL_UP


def test_the_gate_opens_with_mark_started(app):
    management = ManagementEndpoints(app, startup_gate=True)
    assert probes(app.test_client()) == {"startup": 503, "liveness": 200, "readiness": 503}
    management.mark_started()
    management.mark_started()
    assert probes(app.test_client()) == ALL_UP


def test_readiness_waits_for_the_checks_of_the_startup(app):
    management = ManagementEndpoints(app)
    warm = []
    management.check("warm", groups=["startup"])(lambda: bool(warm))
    client = app.test_client()
    assert [client.get("/z/health/readiness").status_code for _ in range(2)] == [503, 503]
    warm.append(1)
    assert client.get("/z/health/readiness").status_code == 200
    warm.clear()
    assert probes(client) == ALL_UP


EARLY = [
    pytest.param(lambda m: m.mark_started(), ALL_UP, id="mark_started"),
    pytest.param(lambda m: m.broken("no disk"), {"startup": 503, "liveness": 503, "readiness": 503}, id="broken"),
    pytest.param(lambda m: (m.mark_started(), m.refuse_traffic("no model"), m.accept_traffic()), ALL_UP, id="several"),
]


@pytest.mark.parametrize(("say", "expected"), EARLY)
def test_what_is_said_before_the_app_is_there_counts(app, say, expected):
    management = ManagementEndpoints(startup_gate=True)
    say(management)
    management.init_app(app)
    assert probes(app.test_client()) == expected
    other = flask.Flask("other")
    management.init_app(other)
    assert probes(other.test_client())["startup"] == 503


def test_broken_and_repaired(app, caplog):
    management = ManagementEndpoints(app)
    with caplog.at_level(logging.INFO):
        management.broken("the worker thread died")
        management.broken("the worker thread died")
        assert probes(app.test_client()) == {"startup": 200, "liveness": 503, "readiness": 200}
        management.repaired()
    assert probes(app.test_client()) == ALL_UP
    assert [r.getMessage() for r in caplog.records if r.name == "flask_management_endpoints"] == [
        "liveness is DOWN: the worker thread died",
        "liveness is UP again",
    ]


def test_refusing_and_accepting(app, caplog):
    management = ManagementEndpoints(app)
    management.refuse_traffic("the model is being replaced")
    management.refuse_traffic("the model is being replaced")
    assert probes(app.test_client()) == {"startup": 200, "liveness": 200, "readiness": 503}
    management.accept_traffic()
    management.accept_traffic()
    assert probes(app.test_client()) == ALL_UP
    assert caplog.text.count("readiness is DOWN: the model is being replaced") == 1


@pytest.mark.parametrize("where", ["Z_ENDPOINTS", "app.config", "environment"])
def test_maintenance_is_an_option(app, monkeypatch, where):
    ManagementEndpoints(app)
    if where == "Z_ENDPOINTS":
        app.config["Z_ENDPOINTS"] = {"maintenance": True}
    elif where == "app.config":
        app.config["Z_ENDPOINTS_MAINTENANCE"] = True
    else:
        monkeypatch.setenv("Z_ENDPOINTS_MAINTENANCE", "yes")
    assert probes(app.test_client()) == {"startup": 200, "liveness": 200, "readiness": 503}


def test_one_object_for_several_apps_speaks_for_the_current_one_or_for_all():
    management = ManagementEndpoints()
    one, other = flask.Flask("one"), flask.Flask("other")
    for each in (one, other):
        management.init_app(each)
    with one.app_context():
        management.broken("only this one")
    assert [each.test_client().get("/z/health/liveness").status_code for each in (one, other)] == [503, 200]
    management.repaired()
    management.refuse_traffic("both")
    assert [probes(each.test_client())["readiness"] for each in (one, other)] == [503, 503]


def test_apps_of_different_objects_share_nothing():
    one, other = flask.Flask("one"), flask.Flask("other")
    first, _ = ManagementEndpoints(one), ManagementEndpoints(other)
    first.check("it", groups=["readiness"])(lambda: False)
    first.broken("it")
    assert probes(other.test_client()) == ALL_UP
    assert other.test_client().get("/z/health").get_json()["components"] == {}


class TestHealthShowsIt:
    """`/z/health` never says UP while a probe says DOWN because of what the app says of itself."""

    @pytest.fixture
    def client(self, app):
        app.config["Z_ENDPOINTS"] = {"show_details": "always"}
        return app.test_client()

    def test_nothing_while_all_is_well(self, app, client):
        ManagementEndpoints(app)
        assert client.get("/z/health").get_json() == {"components": {}, "status": "UP"}

    def test_broken(self, app, client):
        ManagementEndpoints(app).broken("the worker thread died")
        response = client.get("/z/health")
        assert (response.status_code, response.get_json()) == (
            503,
            {
                "components": {"livenessState": {"reason": "the worker thread died", "status": "DOWN"}},
                "status": "DOWN",
            },
        )

    @pytest.mark.parametrize(
        ("why", "status", "whole", "reason"),
        [
            ("refused", "OUT_OF_SERVICE", (503, "OUT_OF_SERVICE"), "a new model"),
            ("gate", "DOWN", (503, "DOWN"), "start-up isn't over"),
            ("maintenance", "OUT_OF_SERVICE", (503, "OUT_OF_SERVICE"), "maintenance"),
            ("drain", "OUT_OF_SERVICE", (200, "DEGRADED"), "draining: the process is about to stop"),
        ],
    )
    def test_not_ready(self, app, client, monkeypatch, why, status, whole, reason):
        management = ManagementEndpoints(app, startup_gate=why == "gate")
        if why == "refused":
            management.refuse_traffic(reason)
        elif why == "drain":
            monkeypatch.setattr(DRAIN, "board_draining", lambda: True)
        app.config["Z_ENDPOINTS"]["maintenance"] = why == "maintenance"
        response = client.get("/z/health")
        assert (response.status_code, response.get_json()) == (
            whole[0],
            {"components": {"readinessState": {"reason": reason, "status": status}}, "status": whole[1]},
        )

    def test_reasons_are_for_those_who_see_details(self, app):
        ManagementEndpoints(app).broken("password hunter2 is wrong")
        assert app.test_client().get("/z/health").get_json()["components"] == {"livenessState": {"status": "DOWN"}}
