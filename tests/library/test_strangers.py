"""What a stranger sends changes no probe's answer: not its own, and not anybody's after it."""

import secrets
import string
import threading
import time

import flask
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.dependencies.hops import HEADER, parse

PATHS = ["health", "health/liveness", "health/ping", "health/readiness", "health/startup", "health/edge"]
UNASKED = {"good": {"status": "UNKNOWN"}, "bad": {"status": "UNKNOWN"}}
PATIENCE = 60
OWN = {"own": {"status": "UP"}, "it": {"status": "UP"}}
TEXT = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=80)
HEX = st.text("0123456789abcdefABCDEF", min_size=28, max_size=36)
REAL = st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=1, max_size=9).map(",".join)
KNOWN = [HEADER, "Forwarded", "Cache-Control", "Authorization", "Cookie", "Accept", "Content-Type", "If-None-Match"]
KNOWN += ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-For", "X-HTTP-Method-Override", "Origin", "Range"]
NAMES = st.just(HEADER) | st.sampled_from(KNOWN) | st.text(string.ascii_letters + "-", min_size=1, max_size=20)


@pytest.fixture
def backends(peer, behaviours):
    """One dependency that is well, and one that isn't."""
    return {"good": peer().host, "bad": peer(behaviours.says({"status": "DOWN"}, 503)).host}


@pytest.fixture
def shop(app, backends):
    app.config["Z_ENDPOINTS"] = {
        "service_dependencies": {"good": backends["good"], "bad": {"url": backends["bad"], "groups": ["readiness"]}},
        "check_functions": {"readiness": {"own": lambda: True}},
        "groups": {"edge": ["good"]},
    }
    ManagementEndpoints(app).check("it", groups=["liveness", "startup"])(lambda: True)
    return app


def answers(app, **environ):
    client, found = app.test_client(), {}
    for path in PATHS:
        response = client.get(f"/z/{path}", environ_overrides=environ)
        found[path] = (response.status_code, response.get_json())
    return found


def test_no_header_host_or_path_changes_an_answer(shop, backends):
    shop.add_url_rule("/empty", view_func=lambda: "")
    expected = answers(shop)
    assert [expected[path][0] for path in PATHS] == [503, 200, 200, 503, 200, 200]
    asked_by_a_service = expected | {  # which is all that a header can ask for: the answer without other services
        "health": (200, {"components": UNASKED | OWN, "status": "UP"}),
        "health/readiness": (200, {"status": "UP"}),
    }
    places = st.sampled_from([f"{place}/z" for place in backends.values()])
    hops = st.lists(HEX | HEX.map(lambda text: f"#{text}") | places | TEXT, max_size=12).map(",".join)
    hosts = st.sampled_from([*backends.values(), "localhost", "[::1]:80", "x" * 300, "a,b", "u@h", ""]) | TEXT

    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(st.dictionaries(NAMES, hops | REAL | TEXT, max_size=5), hosts, st.sampled_from(["", "/z", "/shop"]), TEXT)
    def the_same(headers, host, mounted_at, path):
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        environ |= {"HTTP_HOST": host, "SCRIPT_NAME": mounted_at}
        assume(shop.test_client().get("/empty", environ_overrides=environ).status_code == 200)  # else Flask refuses it
        hops_count = parse(environ.get("HTTP_X_HEALTH_HOPS"))
        assert answers(shop, **environ) == (asked_by_a_service if hops_count else expected)
        client = shop.test_client()
        client.get("/z/health", environ_overrides={**environ, "PATH_INFO": f"/z/{path}"})
        client.get("/z/health/readiness", environ_overrides={**environ, "QUERY_STRING": path})
        assert answers(shop) == expected

    the_same()


@pytest.mark.parametrize("hops", range(1, 9))
def test_no_number_of_hops_ends_a_start_up_that_another_service_holds_up(app, backends, hops):
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"bad": {"url": backends["bad"], "groups": ["startup"]}}}
    ManagementEndpoints(app)
    client = app.test_client()
    headers = {HEADER: ",".join(secrets.token_hex(16) for _ in range(hops))}
    for path in ("startup", "readiness"):
        assert client.get(f"/z/health/{path}", headers=headers).status_code == 503
        assert client.get(f"/z/health/{path}").status_code == 503


def test_hundreds_of_strangers_leave_nothing_behind(shop):
    answers(shop)
    runner = shop.extensions["management_endpoints"].runner
    before = len(runner._tracks)
    for number in range(300):
        shop.test_client().get("/z/health", headers={HEADER: secrets.token_hex(16), "Host": f"x{number}:80"})
        shop.test_client().get("/z/health", headers={HEADER: f"#p{number},x{number}:80", "Host": f"x{number}:80"})
    assert len(runner._tracks) == before


@pytest.mark.parametrize(
    "invented",
    [
        pytest.param(lambda: f"#{secrets.token_hex(4)},x:80/z", id="nonsense"),
        pytest.param(lambda: secrets.token_hex(16), id="as other services write it"),
    ],
)
def test_invented_hops_ask_dependencies_no_more_often_and_hold_no_probe_up(app, peer, behaviours, invented):
    slow = [peer(behaviours.says({"status": "UP"}, delay=0.5)) for _ in range(12)]
    app.config["BACKEND_TIMEOUT"] = PATIENCE
    app.config["Z_ENDPOINTS"] = {
        "service_dependencies": {f"d{number}": one.host for number, one in enumerate(slow)},
        "cache_seconds": 600,
    }
    ManagementEndpoints(app).check("db", groups=["readiness"])(lambda: True)
    app.test_client().get("/z/health")
    stop = time.monotonic() + 1.5

    def ask():
        while time.monotonic() < stop:
            assert app.test_client().get("/z/health", headers={HEADER: invented()}).status_code == 200

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(10)]
    for thread in threads:
        thread.start()
    statuses = set()
    while time.monotonic() < stop:
        statuses.add(app.test_client().get("/z/health/readiness").status_code)
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert (statuses, [len(one.requests) for one in slow]) == ({200}, [1] * 12)


@pytest.mark.parametrize("host", ["", "a,b", "ä", "x" * 300, "a b", "#p", "[::1", "user@host"])
def test_an_odd_host_does_no_harm(app, peer, host):
    users = peer()
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
    ManagementEndpoints(app, prefix="/ä ö")
    for name in (host, "localhost"):
        response = app.test_client().get("/ä ö/health", environ_overrides={"HTTP_HOST": name})
        assert response.status_code in (200, 400)
    assert users.paths[-1] == "/%C3%A4%20%C3%B6/health"


def test_two_apps_of_one_process_answer_for_themselves(app, peer):
    other = flask.Flask("other")
    for one in (app, other):
        one.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": peer().host}}
        ManagementEndpoints(one)
    client = app.test_client()
    client.get("/z/health", headers={HEADER: secrets.token_hex(16)})
    assert other.test_client().get("/z/health").get_json()["components"] == {"users": {"status": "UP"}}
