"""A mistake is told at start-up, by key, value and the nearest valid name; at run time it never takes the app down."""

import logging
from collections import UserDict

import pytest

from flask_management_endpoints import ManagementEndpoints


def yes():
    return True


MISTAKES = [
    pytest.param({"helth": {}}, "Z_ENDPOINTS: 'helth' isn't known; known are", id="an unknown key"),
    pytest.param({"service_dependancies": {}}, "did you mean 'service_dependencies'?", id="a misspelt key"),
    pytest.param(
        {"check_functions": {"helth": {"db": yes}}},
        "Z_ENDPOINTS['check_functions']: 'helth' isn't known; did you mean 'health'?",
        id="a misspelt group",
    ),
    pytest.param(
        {"check_functions": {"liveness": {"db": yes}}},
        "'liveness' isn't known; known are health, readiness",
        id="a group that runs no functions",
    ),
    pytest.param(
        {"check_functions": {"health": {"db": "SELECT 1"}}},
        "['health']['db']: 'SELECT 1' isn't a function",
        id="no function",
    ),
    pytest.param(
        {"check_functions": [yes]}, "Z_ENDPOINTS['check_functions']: [<function yes", id="no dictionary of groups"
    ),
    pytest.param({"check_functions": {"health": [yes]}}, "isn't a dictionary", id="no dictionary of functions"),
    pytest.param("production", "Z_ENDPOINTS: 'production' isn't a dictionary", id="no dictionary at all"),
    pytest.param(
        {"service_dependencies": ["users"]},
        "['service_dependencies']: ['users'] isn't a dictionary",
        id="a list of dependencies",
    ),
    pytest.param(
        {"service_dependencies": {"users": None}},
        "['users']: None isn't a host, a URL or a dictionary",
        id="a dependency that is None",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"urll": "x"}}},
        "['users']: 'urll' isn't known; did you mean 'url'?",
        id="a misspelt field",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"url": "x", "timeout": -1}}},
        "['timeout']: -1 isn't seconds",
        id="a negative timeout",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"url": "x", "required": "yes"}}},
        "['required']: 'yes' isn't True or False",
        id="required as text",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"url": "x", "check": "http"}}},
        "['check']: 'http' isn't \"actuator\"",
        id="an unknown check",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"url": "x", "groups": ["liveness"]}}},
        "a dependency never takes part in liveness",
        id="a dependency in liveness",
    ),
    pytest.param(
        {"groups": {"a/b": []}}, "Z_ENDPOINTS['groups']: 'a/b' isn't a group's name", id="a group with a slash"
    ),
    pytest.param(
        {"groups": {"rediness": []}},
        "Z_ENDPOINTS['groups']: 'rediness' is a group of its own; did you mean 'readiness'?",
        id="a group that is almost a probe",
    ),
    pytest.param(
        {"service_dependencies": {"users": {"url": "x", "groups": ["Readiness"]}}},
        "['users']: 'Readiness' is a group of its own; did you mean 'readiness'?",
        id="a dependency's group that is almost a probe",
    ),
    pytest.param({"groups": {"a": 7}}, "['a']: 7 isn't a list of component names", id="members that are no list"),
    pytest.param(
        {"show_details": "all"}, '[\'show_details\']: \'all\' isn\'t "never", "safe" or "always"', id="show_details"
    ),
    pytest.param({"deadline": "soon"}, "['deadline']: 'soon' isn't a number of seconds or None", id="a deadline"),
    pytest.param({"max_threads": 0}, "['max_threads']: 0 isn't a whole number, 1 or more", id="no threads"),
    pytest.param({"cache_seconds": True}, "['cache_seconds']: True isn't a number", id="a truth for a number"),
    pytest.param(
        {"status_order": ["DWON", "OUT_OF_SERVICE", "UNKNOWN", "DEGRADED", "UP"]},
        "Z_ENDPOINTS['status_order']: 'DWON' isn't known; did you mean 'DOWN'?",
        id="an order of a misspelt status",
    ),
    pytest.param(
        {"status_order": ["DOWN", "OUT_OF_SERVICE", "UNKNOWN", "UP"]},
        "Z_ENDPOINTS['status_order']: 'DEGRADED' is missing; name every status, worst first, for example ['DOWN',",
        id="an order without a status",
    ),
    pytest.param({"status_order": []}, "['status_order']: 'UP' is missing", id="an order of nothing"),
    pytest.param(
        {"status_order": ["DOWN", "DOWN", "OUT_OF_SERVICE", "UNKNOWN", "DEGRADED", "UP"]},
        "Z_ENDPOINTS['status_order']: 'DOWN' is there more than once",
        id="an order with a status twice",
    ),
    pytest.param(
        {"status_order": "DOWN,UP"}, "['status_order']: 'DOWN,UP' isn't a list of all statuses", id="an order as text"
    ),
    pytest.param({"status_order": [["DOWN"]]}, "\"['DOWN']\" isn't known; did you mean", id="an order of lists"),
    pytest.param({"status_ordr": []}, "'status_ordr' isn't known; did you mean 'status_order'?", id="a misspelt order"),
    pytest.param(
        {"http_mapping": {"DEGRADE": 503}},
        "Z_ENDPOINTS['http_mapping']: 'DEGRADE' isn't known; did you mean 'DEGRADED'?",
        id="a mapping of a misspelt status",
    ),
    pytest.param(
        {"http_mapping": {"DEGRADED": 600}},
        "Z_ENDPOINTS['http_mapping']['DEGRADED']: 600 isn't an HTTP status, a whole number from 200 to 599",
        id="a mapping to no HTTP status",
    ),
    pytest.param({"http_mapping": {"UP": "200"}}, "['UP']: '200' isn't an HTTP status", id="a mapping to text"),
    pytest.param({"http_mapping": {"UP": True}}, "['UP']: True isn't an HTTP status", id="a mapping to a truth"),
    pytest.param({"http_mapping": [503]}, "['http_mapping']: [503] isn't a dictionary", id="a mapping as a list"),
    pytest.param(
        {"version_function": "1.0"}, "['version_function']: '1.0' isn't a function", id="a version that is no function"
    ),
]


MEMBERS = [
    pytest.param(
        {"groups": {"external": ["usres"]}, "check_functions": {"health": {"users": yes}}},
        "['external']: 'usres' isn't known; did you mean 'users'?",
        id="unknown",
    ),
    pytest.param(
        {"groups": {"liveness": ["users"]}, "check_functions": {"health": {"users": yes}}},
        "['liveness']: 'users': liveness asks registered checks only",
        id="a function, in liveness",
    ),
    pytest.param(
        {"groups": {"liveness": ["users"]}, "service_dependencies": {"users": "127.0.0.1:9"}},
        "['liveness']: 'users': liveness asks registered checks only",
        id="another service, in liveness",
    ),
]


@pytest.mark.parametrize(("endpoints", "message"), MEMBERS)
def test_a_wrong_member_of_a_group_is_told_at_the_first_request_once(app, caplog, endpoints, message):
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    assert caplog.records == []
    for path in ("health/liveness", "health/readiness", "health"):
        app.test_client().get(f"/z/{path}")
    assert [record.levelno for record in caplog.records if message in record.getMessage()] == [logging.WARNING]


@pytest.mark.parametrize("group", ["liveness", "readiness", "startup", "external"])
def test_a_member_that_is_registered_after_the_app_was_initialised_is_no_mistake(app, caplog, group):
    app.config["Z_ENDPOINTS"] = {"groups": {group: ["db"]}}
    ManagementEndpoints(app).add("db", lambda: False)
    assert app.test_client().get(f"/z/health/{group}").status_code == 503
    assert [record.getMessage() for record in caplog.records if "configuration" in record.getMessage()] == []


@pytest.mark.parametrize(("endpoints", "message"), MISTAKES)
def test_it_is_told_at_start_up_once(app, caplog, endpoints, message):
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    assert [record.levelno for record in caplog.records if message in record.getMessage()] == [logging.WARNING]
    for path in ("health", "health/readiness", "info", "version"):
        app.test_client().get(f"/z/{path}")
    assert sum(message in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(("endpoints", "message"), MISTAKES)
def test_made_at_run_time_it_is_told_too_and_nothing_breaks(app, caplog, endpoints, message):
    ManagementEndpoints(app)
    client = app.test_client()
    app.config["Z_ENDPOINTS"] = endpoints
    for path in ("", "/health", "/health/readiness", "/health/liveness", "/info", "/version"):
        assert client.get(f"/z{path}").status_code in (200, 503)
    assert client.get("/z/health/liveness").status_code == 200
    assert message in caplog.text


@pytest.mark.parametrize("value", ["5s", -1, (1, 2, 3), (1, "x"), float("nan"), True, [], {}])
def test_backend_timeout(app, caplog, value):
    app.config["BACKEND_TIMEOUT"] = value
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health").status_code == 200
    assert "BACKEND_TIMEOUT: " in caplog.text
    assert "isn't a number of seconds or a pair (connect, read)" in caplog.text


@pytest.mark.parametrize("name", ["SHOW_DETAILS", "DEADLINE", "MAX_THREADS", "METRICS", "MAINTENANCE"])
def test_the_environment(app, caplog, monkeypatch, name):
    monkeypatch.setenv(f"Z_ENDPOINTS_{name}", "purple")
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health").status_code == 200
    assert f"environment variable Z_ENDPOINTS_{name}: 'purple' isn't" in caplog.text


def test_the_users_configuration_is_never_changed(app):
    endpoints = {"service_dependencies": {"a": {"required": False}}, "check_functions": {}}
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    for path in ("/z/health", "/z/version", "/z/info"):
        app.test_client().get(path)
    assert endpoints == {"service_dependencies": {"a": {"required": False}}, "check_functions": {}}


def test_z_endpoints_wins_over_flasks_config_and_that_over_the_environment(app, monkeypatch):
    ManagementEndpoints(app)

    def maintenance():
        return app.test_client().get("/z/health/readiness").status_code == 503

    monkeypatch.setenv("Z_ENDPOINTS_MAINTENANCE", "true")
    assert maintenance()
    app.config["Z_ENDPOINTS_MAINTENANCE"] = False
    assert not maintenance()
    app.config["Z_ENDPOINTS"] = {"maintenance": True}
    assert maintenance()


def test_groups_of_ones_own_hold_components_of_all_kinds(app, unused_port):
    app.config["Z_ENDPOINTS"] = {
        "service_dependencies": {"users": {"url": f"tcp://127.0.0.1:{unused_port}"}},
        "check_functions": {"health": {"disk": yes}},
        "groups": {"external": ["users"], "internal": ["disk", "memory"], "readiness": ["users"]},
    }
    management = ManagementEndpoints(app)
    management.check("memory")(yes)
    paths = ("external", "internal", "readiness", "liveness")
    assert [app.test_client().get(f"/z/health/{path}").status_code for path in paths] == [503, 200, 503, 200]


@pytest.mark.parametrize(
    ("group", "meant"),
    [("rediness", "readiness"), ("livenes", "liveness"), ("start-up", "startup"), ("Liveness", "liveness")],
)
def test_a_checks_group_that_is_almost_a_probe_is_told_at_once(app, caplog, group, meant):
    management = ManagementEndpoints(app)
    management.check("db", groups=[group, "payments", "ready"])(yes)
    message = f"configuration: check 'db': groups: {group!r} is a group of its own; did you mean {meant!r}?"
    assert [record.getMessage() for record in caplog.records] == [message]
    result = app.test_cli_runner().invoke(args=["health", "config"])
    assert (result.exit_code, repr(group) in result.output) == (1, True)


class Odd:
    """Something whose comparison can't be trusted."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


def in_place(endpoints):
    endpoints["service_dependencies"]["users"]["required"] = False


def deeper(endpoints):
    endpoints["groups"]["readiness"].append("users")


def another_type(endpoints):
    endpoints["service_dependencies"] = UserDict(endpoints["service_dependencies"])


@pytest.mark.parametrize("beside", [None, Odd(), UserDict(x=1), [[[[[[[[1]]]]]]]]], ids=["plain", "odd", "own", "deep"])
def test_whatever_changes_between_two_requests_counts(app, unused_port, beside):
    endpoints = {
        "service_dependencies": {"users": {"url": f"tcp://127.0.0.1:{unused_port}"}},
        "groups": {"readiness": []},
        "info": {"x": beside},
    }
    app.config["Z_ENDPOINTS"] = endpoints
    ManagementEndpoints(app)
    client = app.test_client()
    assert [client.get(f"/z/{path}").status_code for path in ("health", "health/readiness")] == [503, 200]
    deeper(endpoints)
    assert client.get("/z/health/readiness").status_code == 503
    in_place(endpoints)
    assert [client.get(f"/z/{path}").status_code for path in ("health", "health/readiness")] == [200, 200]
    another_type(endpoints)
    endpoints["info"] = {"x": Odd()}
    endpoints["service_dependencies"]["users"] = {"url": f"tcp://127.0.0.1:{unused_port}"}
    assert client.get("/z/health/readiness").status_code == 503
    endpoints["service_dependencies"]["users"] = {"url": f"tcp://127.0.0.1:{unused_port}", "required": False}
    assert client.get("/z/health/readiness").status_code == 200
