"""Checks that an app registers: what they may return, where they count, in which context they run."""

import asyncio
import logging
import os
import threading
import time

import flask
import pytest

from flask_management_endpoints import ManagementEndpoints, Result, Status
from flask_management_endpoints.checks.definition import InvalidCheckError


class Unprintable:
    def __bool__(self):
        raise ValueError("ambiguous")


class Truth:
    """Something with a truth of its own, as numpy's booleans are."""

    def __init__(self, value):
        self.value = value

    def __bool__(self):
        return self.value


class Nameless:
    """A check without a ``__name__`` to fall back on."""

    def __call__(self):
        return True


async def soon(value):
    await asyncio.sleep(0)
    return value


ANSWERS = [
    pytest.param(True, "UP", id="True"),
    pytest.param(False, "DOWN", id="False"),
    pytest.param(None, "DOWN", id="None"),
    pytest.param((True, "fine"), "UP", id="ok and detail"),
    pytest.param((False, "msg"), "DOWN", id="not ok and detail"),
    pytest.param((False, None), "DOWN", id="not ok and no detail"),
    pytest.param((False, {"lag": 3}), "DOWN", id="not ok and details"),
    pytest.param((0, "no"), "DOWN", id="falsy and detail"),
    pytest.param((None, "no"), "DOWN", id="None and detail"),
    pytest.param((Truth(False), "no"), "DOWN", id="a truth of its own and detail"),
    pytest.param((Truth(True), "yes"), "UP", id="true by itself and detail"),
    pytest.param(Truth(False), "DOWN", id="false by itself"),
    pytest.param(("DOWN", "no"), "DOWN", id="a name and detail"),
    pytest.param((Status.DEGRADED, "slow"), "DEGRADED", id="a status and detail"),
    pytest.param(1, "UP", id="a number"),
    pytest.param(Status.DEGRADED, "DEGRADED", id="a status"),
    pytest.param(Result(Status.OUT_OF_SERVICE, "holiday"), "OUT_OF_SERVICE", id="a result"),
    pytest.param(Unprintable(), "DOWN", id="nonsense"),
]


def serve(app, **options):
    return ManagementEndpoints(app, **options), app.test_client()


@pytest.mark.parametrize(("value", "status"), ANSWERS)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", ["registered", "configured"])
def test_what_a_check_may_return(app, value, status, asynchronous, way):
    management, client = serve(app)

    def check():
        return soon(value) if asynchronous else value

    if way == "registered":
        management.check("it")(check)
    else:
        app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"it": check}}}
    response = client.get("/z/health")
    assert response.get_json()["components"] == {"it": {"status": status}}
    assert response.status_code == (200 if status in ("UP", "DEGRADED") else 503)


@pytest.mark.parametrize(
    ("value", "registered", "configured"),
    [
        ("DOWN", "DOWN", "UP"),
        ("UP", "UP", "UP"),
        ("DEGRADED", "DEGRADED", "UP"),
        ("yes", "DOWN", "UP"),
        ({"status": "DOWN"}, "DOWN", "UP"),
        ({"status": "UP", "lag": 3}, "UP", "UP"),
        ({"lag": 3}, "DOWN", "UP"),
        (("x", 503), "DOWN", "UP"),
        ((1, 2, 3), "DOWN", "UP"),
        ([False], "DOWN", "UP"),
        (object(), "DOWN", "UP"),
        ("", "DOWN", "DOWN"),
        ([], "DOWN", "DOWN"),
    ],
)
def test_what_is_no_answer_is_down_in_a_registered_check_and_truth_in_version_1s(app, value, registered, configured):
    management, client = serve(app)
    app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"configured": lambda: value}}}
    management.check("registered")(lambda: value)
    components = client.get("/z/health").get_json()["components"]
    assert {name: one["status"] for name, one in components.items()} == {
        "registered": registered,
        "configured": configured,
    }


def test_the_reason_says_what_was_returned_and_what_to_return(app, caplog):
    management, client = serve(app)
    management.check("it")(lambda: ("x", 503))
    client.get("/z/health")
    assert "returned ('x', 503); return True, False, (ok, detail), a Status or a Result" in caplog.text


class TestOneLineAChange:
    @staticmethod
    def lines(caplog):
        return [one.getMessage() for one in caplog.records if one.getMessage().startswith("health of ")]

    def test_a_recovery_is_as_visible_as_the_trouble(self, app, caplog):
        management, client = serve(app)
        answers = [False, True]
        management.check("it")(lambda: answers.pop(0))
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                client.get("/z/health")
        assert self.lines(caplog) == ["health of it: UP -> DOWN: the check returned False", "health of it: DOWN -> UP"]

    def test_health_and_readiness_of_a_dependency_may_differ(self, app, peer, behaviours, caplog):
        up, down = behaviours.says({"status": "UP"}), behaviours.says({"status": "DOWN"}, 503)
        users = peer(lambda connection, head: (up if "/readiness " in head else down)(connection, head))
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": {"url": users.host, "groups": ["readiness"]}}}
        _, client = serve(app)
        for _ in range(3):
            assert client.get("/z/health").status_code == 503
            assert client.get("/z/health/readiness").status_code == 200
        assert self.lines(caplog) == ["health of users: UP -> DOWN: answers HTTP 503, status DOWN"]

    def test_one_name_in_both_groups_of_functions(self, app, caplog):
        _, client = serve(app)
        app.config["Z_ENDPOINTS"] = {
            "check_functions": {"health": {"db": lambda: False}, "readiness": {"db": lambda: True}}
        }
        for _ in range(3):
            client.get("/z/health")
            client.get("/z/health/readiness")
        assert self.lines(caplog) == ["health of db (health): UP -> DOWN: the check returned False"]


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(1), RecursionError()])
@pytest.mark.parametrize("way", ["registered", "configured"])
def test_an_exception_is_down_and_logged_once_for_each_change(app, caplog, error, way):
    management, client = serve(app)
    broken = [True]

    def check():
        if broken[0]:
            raise error
        return True

    if way == "registered":
        management.check("it")(check)
    else:
        app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"it": check}}}
    with caplog.at_level(logging.INFO):
        for state in (True, True, True, False, False, True, True):
            broken[0] = state
            assert client.get("/z/health").status_code == (503 if state else 200)
    changes = [
        record.getMessage().split(": ", 1)[1] for record in caplog.records if "health of it" in record.getMessage()
    ]
    reason = type(error).__name__ + (f": {error}" if str(error) else "")
    assert changes == [f"UP -> DOWN: {reason}", "DOWN -> UP", f"UP -> DOWN: {reason}"]


def test_a_coroutine_function_in_a_running_loop_is_awaited_too(app):
    _, client = serve(app)
    app.config["Z_ENDPOINTS"] = {"check_functions": {"readiness": {"it": lambda: soon(False)}}}

    async def main():
        return client.get("/z/health/readiness").status_code

    assert asyncio.run(main()) == 503


@pytest.mark.parametrize(
    ("groups", "required", "down"),
    [
        ((), True, {"health"}),
        ("readiness", True, {"health", "health/readiness"}),
        (["liveness"], True, {"health", "health/liveness", "health/ping"}),
        (["startup"], True, {"health", "health/startup", "health/readiness"}),
        (["payments"], True, {"health", "health/payments"}),
        (["readiness", "payments"], True, {"health", "health/readiness", "health/payments"}),
        (["readiness"], False, set()),
    ],
)
def test_where_a_failing_check_counts(app, groups, required, down):
    management, client = serve(app)
    management.check("it", groups=groups, required=required)(lambda: False)
    paths = ["health", "health/liveness", "health/ping", "health/readiness", "health/startup", "health/payments"]
    assert {path for path in paths if client.get(f"/z/{path}").status_code == 503} == down


def test_startup_stays_up_once_its_checks_have_passed(app):
    management, client = serve(app)
    answers = [False, True, False]
    management.check("warm", groups=["startup"])(lambda: answers.pop(0))
    assert [client.get("/z/health/startup").status_code for _ in range(3)] == [503, 200, 200]


def test_the_bare_decorator_takes_the_functions_name_and_gives_it_back(app):
    management, client = serve(app)

    @management.check
    def disk():
        return True

    assert disk() is True
    assert client.get("/z/health").get_json()["components"] == {"disk": {"status": "UP"}}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("", {}, "a name has 1 to 128 characters and no slash"),
        ("a/b", {}, "a name has"),
        ("x" * 129, {}, "a name has"),
        ("it", {"timeout": 0}, "timeout=0 isn't a positive number"),
        ("it", {"timeout": float("nan")}, "timeout=nan"),
        ("it", {"refresh_seconds": -1}, "refresh_seconds=-1"),
        ("it", {"cache_seconds": -1}, "cache_seconds=-1 is negative"),
        ("it", {"failure_threshold": 0}, "thresholds start at 1"),
        ("it", {"groups": ["a/b"]}, "hold an empty name or a slash"),
        ("taken", {}, "registered already"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused_with_the_reason(name, arguments, message):
    management = ManagementEndpoints()
    management.check("taken")(lambda: True)
    with pytest.raises(InvalidCheckError, match="check ") as error:
        management.check(name, **arguments)(Nameless())
    assert message in str(error.value)


def test_they_run_at_the_same_time_each_in_an_app_context_of_its_own(app):
    management, client = serve(app)
    barrier = threading.Barrier(3)
    contexts = []

    def check():
        barrier.wait(3)
        flask.g.mine = threading.get_ident()
        barrier.wait(3)
        contexts.append((flask.current_app.name, flask.g.mine == threading.get_ident(), flask.has_request_context()))
        return True

    for name in "abc":
        management.check(name)(check)
    assert client.get("/z/health").status_code == 200
    assert contexts == [("shop", True, False)] * 3


def test_app_contexts_are_torn_down(app):
    management, client = serve(app)
    torn = []
    app.teardown_appcontext(lambda error: torn.append(flask.g.get("connection")))

    @management.check
    def db():
        flask.g.connection = "open"
        return True

    client.get("/z/health")
    assert "open" in torn


def test_a_hung_check_is_down_in_time_and_the_next_probe_waits_no_longer(app):
    management, client = serve(app)
    gate = threading.Event()
    management.check("hung", timeout=0.2)(lambda: gate.wait(60))
    management.check("well", timeout=60)(lambda: True)
    for _ in range(3):
        body = client.get("/z/health").get_json()  # while the gate is shut
        assert body["components"] == {"hung": {"status": "DOWN"}, "well": {"status": "UP"}}
    gate.set()


def test_probes_wait_for_nothing_optional(app):
    management, client = serve(app)
    gate = threading.Event()
    management.check("optional", groups=["readiness", "liveness", "startup"], required=False, timeout=60)(
        lambda: gate.wait(60)
    )
    management.check("db", groups=["readiness"], timeout=60)(lambda: True)
    started = time.monotonic()
    for probe in ("readiness", "liveness", "startup"):
        assert client.get(f"/z/health/{probe}").status_code == 200
    assert time.monotonic() - started < 60
    gate.set()


def test_forty_hung_optional_dependencies_and_somebody_at_health_hold_no_probe_up(app, peer):
    app.config["BACKEND_TIMEOUT"] = 60
    gate = threading.Event()
    hung, well = peer(lambda _connection, _head: gate.wait(60) and False), peer()
    optional = {f"o{n}": {"url": f"http://{hung.host}/{n}", "required": False} for n in range(40)}
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {**optional, "users": well.host}}
    management, client = serve(app)
    management.check("db", groups=["readiness"], timeout=60)(lambda: True)
    bodies = []
    person = threading.Thread(target=lambda: bodies.append(app.test_client().get("/z/health").get_json()))
    person.start()
    while len(hung.requests) < 32:  # max_threads
        time.sleep(0.01)
    assert [client.get("/z/health/readiness").status_code for _ in range(5)] == [200] * 5
    assert bodies == []  # they still hang
    gate.set()
    person.join()
    assert (bodies[0]["components"]["users"], bodies[0]["status"]) == ({"status": "UP"}, "DEGRADED")


def test_the_deadline_bounds_the_whole_answer(app):
    management, client = serve(app)
    gate = threading.Event()
    app.config["Z_ENDPOINTS"] = {"deadline": 0.2}
    management.check("slow", timeout=60)(lambda: gate.wait(60))
    started = time.monotonic()
    assert client.get("/z/health").status_code == 503
    assert time.monotonic() - started < 60
    gate.set()


def test_concurrent_requests_share_one_run(app):
    management, _ = serve(app)
    calls, statuses, gate, joined = [], [], threading.Event(), threading.Semaphore(0)
    # functions run when the checks are under way
    app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"joined": lambda: joined.release() or True}}}

    @management.check(timeout=60)
    def slow():
        calls.append(1)
        return gate.wait(60)

    threads = [
        threading.Thread(target=lambda: statuses.append(app.test_client().get("/z/health").status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    assert all(joined.acquire(timeout=60) for _ in threads)
    gate.set()
    for thread in threads:
        thread.join()
    assert (statuses, len(calls)) == ([200] * 20, 1)


def test_a_background_check_never_keeps_a_request_waiting_and_shows_its_age(app):
    management, client = serve(app)
    under_way, gate, answers = threading.Event(), threading.Event(), iter([True])

    @management.check(refresh_seconds=0.1, timeout=60)
    def slow():
        if next(answers, None):
            return True
        under_way.set()
        return gate.wait(60)

    assert client.get("/z/health").status_code == 200
    assert under_way.wait(60)
    body = client.get("/z/health").get_json()  # answered, although the check isn't
    gate.set()
    assert body["components"]["slow"]["status"] == "UP"
    assert body["components"]["slow"]["ageSeconds"] >= 0


def test_a_hung_background_check_becomes_unknown_or_down_never_stays_up(app):
    management, client = serve(app)
    gate = threading.Event()
    answers = iter([True])
    management.check("it", groups=["readiness"], refresh_seconds=0.05, timeout=0.1)(
        lambda: next(answers, None) or gate.wait(60)
    )
    assert client.get("/z/health/readiness").status_code == 200
    limit = time.monotonic() + 30
    while client.get("/z/health/readiness").status_code == 200:
        assert time.monotonic() < limit
        time.sleep(0.05)
    gate.set()


def test_the_cache_spares_the_check(app):
    management, client = serve(app)
    calls = []
    management.check("it", cache_seconds=60)(lambda: calls.append(1) or True)
    for _ in range(3):
        assert client.get("/z/health").get_json()["components"]["it"]["status"] == "UP"
    assert len(calls) == 1


def test_details_are_shown_only_where_show_details_says_so(app):
    management, client = serve(app)
    management.check("lag")(lambda: (False, {"seconds": 7}))
    shown = {}
    for show in ("never", "safe", "always"):
        app.config["Z_ENDPOINTS"] = {"show_details": show}
        shown[show] = client.get("/z/health").get_json()["components"]["lag"]
    assert shown == {
        "never": {"status": "DOWN"},
        "safe": {"status": "DOWN"},
        "always": {"seconds": 7, "reason": "{'seconds': 7}", "status": "DOWN"},
    }


def test_details_that_are_not_json_do_no_harm(app):
    management, client = serve(app)
    app.config["Z_ENDPOINTS"] = {"show_details": "always"}
    loop = {}
    loop["loop"] = loop
    management.check("a")(lambda: (True, {"at": object, (1, 2): "key", "nan": float("nan")}))
    management.check("b")(lambda: (True, loop))
    assert {one["status"] for one in client.get("/z/health").get_json()["components"].values()} == {"UP"}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_check_that_forks_leaves_parent_and_child_in_order(app):
    management, client = serve(app)

    @management.check
    def forks():
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7

    assert [client.get("/z/health").status_code for _ in range(3)] == [200] * 3


def test_a_check_that_changes_the_configuration_does_no_harm(app):
    management, client = serve(app)

    @management.check
    def meddles():
        app.config["Z_ENDPOINTS"] = {
            "service_dependencies": 7,
            "check_functions": [1],
            "groups": "x",
            "deadline": "soon",
        }
        app.config["BACKEND_TIMEOUT"] = object()
        return True

    assert [client.get("/z/health").status_code for _ in range(2)] == [200, 200]


def test_two_of_one_name_do_not_hide_each_other(app):
    _, client = serve(app)
    app.config["Z_ENDPOINTS"] = {
        "check_functions": {"health": {"db": lambda: False}, "readiness": {"db": lambda: True}}
    }
    response = client.get("/z/health")
    assert (response.status_code, response.get_json()["components"]) == (503, {"db": {"status": "DOWN"}})


def test_a_clock_that_jumps_changes_nothing(app, monkeypatch):
    management, client = serve(app)
    calls = []
    management.check("it", cache_seconds=60)(lambda: calls.append(1) or True)
    client.get("/z/health")
    for jump in (-1e9, 1e9):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.8e9 + jump)
        assert client.get("/z/health").get_json()["components"]["it"]["status"] == "UP"
        assert client.get("/z/info").status_code == 200
    assert len(calls) == 1
