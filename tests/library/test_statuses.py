"""Which status wins in /health, and which HTTP status says it; and that probes care for neither."""

from http import HTTPStatus

import pytest

from flask_management_endpoints import ManagementEndpoints, Result, Status
from flask_management_endpoints.checks.outcome import HTTP_STATUSES, WORST_FIRST, worst
from flask_management_endpoints.config.statuses import read_mapping, read_order
from flask_management_endpoints.report import Component, by_name, overall, well

UP, DEGRADED, UNKNOWN, OUT, DOWN = Status
UNKNOWN_WORST = [UNKNOWN, DOWN, OUT, DEGRADED, UP]
UPSIDE_DOWN = [UP, DEGRADED, UNKNOWN, OUT, DOWN]
PROBES = ("liveness", "ping", "readiness", "startup", "payments")


def component(status, name="it", **fields):
    return Component(name, Result(status), **fields)


def test_the_defaults_are_what_they_were():
    assert WORST_FIRST == (DOWN, OUT, UNKNOWN, DEGRADED, UP)
    assert HTTP_STATUSES == {UP: 200, DEGRADED: 200, UNKNOWN: 503, OUT: 503, DOWN: 503}
    assert [status.ok for status in Status] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, list(WORST_FIRST), id="absent"),
        pytest.param(["UNKNOWN", "DOWN", "OUT_OF_SERVICE", "DEGRADED", "UP"], UNKNOWN_WORST, id="names"),
        pytest.param(tuple(UNKNOWN_WORST), UNKNOWN_WORST, id="statuses"),
    ],
)
def test_an_order_is_read(value, expected):
    problems = []
    order = read_order(value, "it", problems)
    assert list(order) == expected
    assert all(type(status) is Status for status in order)
    assert problems == []


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([*UPSIDE_DOWN[:-1], "DWON"], id="unknown"),
        pytest.param(UPSIDE_DOWN[1:], id="missing"),
        pytest.param([*UPSIDE_DOWN, UP], id="twice"),
        pytest.param("UP", id="text"),
        pytest.param(set(UPSIDE_DOWN), id="without an order"),
    ],
)
def test_an_order_with_a_mistake_is_the_default(value):
    problems = []
    assert read_order(value, "it", problems) == WORST_FIRST
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("value", "changed", "mistakes"),
    [
        pytest.param({}, {}, 0, id="nothing"),
        pytest.param({"DEGRADED": 503}, {DEGRADED: 503}, 0, id="one, and the others stay"),
        pytest.param({DOWN: HTTPStatus.OK, "UNKNOWN": 599}, {DOWN: 200, UNKNOWN: 599}, 0, id="the first and the last"),
        pytest.param({"DOWN": 199, "UNKNOWN": 200}, {UNKNOWN: 200}, 1, id="too low"),
        pytest.param({"DOWN": 600, "UP": 204}, {UP: 204}, 1, id="too high"),
        pytest.param({"DOWN": 500.0}, {}, 1, id="no whole number"),
        pytest.param({"DOWN": None, 7: 200, "down": 200}, {}, 3, id="every mistake is told"),
    ],
)
def test_a_mapping_changes_what_it_names_rightly_and_keeps_the_rest(value, changed, mistakes):
    problems = []
    assert read_mapping(value, "it", problems) == {**HTTP_STATUSES, **changed}
    assert len(problems) == mistakes


@pytest.mark.parametrize(
    ("statuses", "order", "expected"),
    [
        ([], UPSIDE_DOWN, UP),
        ([UP, UNKNOWN, DOWN], WORST_FIRST, DOWN),
        ([UP, UNKNOWN, DOWN], UNKNOWN_WORST, UNKNOWN),
        ([UP, OUT, DOWN], UNKNOWN_WORST, DOWN),
        ([DOWN, UP], UPSIDE_DOWN, UP),
    ],
)
def test_the_first_in_the_order_wins(statuses, order, expected):
    assert worst(statuses, order) is expected
    assert overall([component(status) for status in statuses], order) is expected


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param([component(UP), component(DEGRADED)], True, id="up and degraded"),
        pytest.param([component(UP), component(UNKNOWN)], False, id="unknown"),
        pytest.param([component(OUT)], False, id="out of service"),
        pytest.param([component(DOWN, required=False)], True, id="optional"),
        pytest.param([component(DOWN, counted=False)], True, id="not counted"),
    ],
)
def test_what_is_well(components, expected):
    assert well(components) is expected


@pytest.mark.parametrize(("order", "expected"), [(WORST_FIRST, DOWN), (UNKNOWN_WORST, UNKNOWN)])
def test_of_two_of_one_name_the_worse_is_shown(order, expected):
    pair = [component(DOWN), component(UNKNOWN)]
    for components in (pair, pair[::-1]):
        assert by_name(components, order)["it"].result.status is expected


def serve(app, statuses, **endpoints):
    app.config["Z_ENDPOINTS"] = endpoints
    management = ManagementEndpoints(app)
    for number, status in enumerate(statuses):
        groups = ["readiness", "liveness", "startup", "payments"]
        management.check(f"check-{number}", groups=groups)(lambda status=status: status)
    return app.test_client()


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("code", [200, 204, 299, 418, 503, 599])
def test_health_answers_with_the_mapped_http_status_and_probes_as_ever(app, status, code):
    client = serve(app, [status], http_mapping={status.value: code})
    assert client.get("/z/health").status_code == code
    usual = 200 if status in (UP, DEGRADED) else 503
    assert {client.get(f"/z/health/{name}").status_code for name in PROBES} == {usual}


def test_an_order_changes_health_and_never_hides_a_down_from_a_probe(app):
    client = serve(app, [UP, DOWN], status_order=UPSIDE_DOWN)
    response = client.get("/z/health")
    assert (response.status_code, response.get_json()["status"]) == (200, "UP")
    for name in PROBES:
        response = client.get(f"/z/health/{name}")
        assert (response.status_code, response.get_json()) == (503, {"status": "DOWN"})


def test_order_and_mapping_go_together(app):
    client = serve(app, [DEGRADED, UNKNOWN], status_order=[*UNKNOWN_WORST[1:], UNKNOWN], http_mapping={"DEGRADED": 429})
    response = client.get("/z/health")
    assert (response.status_code, response.get_json()["status"]) == (429, "DEGRADED")


@pytest.mark.parametrize("reason", ["broken", "refused", "not started", "maintenance"])
def test_what_the_app_says_of_itself_is_503_for_probes_whatever_the_mapping(app, reason):
    app.config["Z_ENDPOINTS"] = {
        "http_mapping": dict.fromkeys(map(str, Status), 200),
        "status_order": UPSIDE_DOWN,
        "maintenance": reason == "maintenance",
    }
    management = ManagementEndpoints(app, startup_gate=reason == "not started")
    if reason == "broken":
        management.broken("it")
    elif reason == "refused":
        management.refuse_traffic("it")
    probe = "liveness" if reason == "broken" else "readiness"
    assert app.test_client().get(f"/z/health/{probe}").status_code == 503


def test_the_command_line_shows_the_order_and_exits_by_what_is_down(app):
    serve(app, [UP, DOWN], status_order=UPSIDE_DOWN, http_mapping={"DOWN": 200})
    result = app.test_cli_runner().invoke(args=["health"])
    assert '"status": "UP"\n}' in result.output
    assert result.exit_code == 1
