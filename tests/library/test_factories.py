"""App factories that run more than once, as in every test suite, and what such apps leave behind."""

import gc
import threading
import time
import weakref

import click
import flask
import pytest

from flask_management_endpoints import ManagementEndpoints


@pytest.mark.parametrize("order", ["init_app first", "checks first"])
def test_a_factory_may_register_its_checks_again(app, order):
    management = ManagementEndpoints()

    def create_app(answer):
        app = flask.Flask("shop")
        if order == "init_app first":
            management.init_app(app)

        @management.check("db", groups=["readiness"])
        def db():
            return answer

        if order == "checks first":
            management.init_app(app)
        return app

    assert create_app(False).test_client().get("/z/health/readiness").status_code == 503
    assert create_app(True).test_client().get("/z/health/readiness").status_code == 200


def test_another_function_of_the_same_name_is_still_a_mistake(app):
    management = ManagementEndpoints(app)
    management.check("db")(lambda: True)
    ManagementEndpoints(flask.Flask("other"))
    management.init_app(flask.Flask("another"))

    def db():
        return True

    with pytest.raises(ValueError, match="'db' is registered already"):
        management.check("db")(db)


def test_so_is_the_same_function_twice_in_one_factory(app):
    management = ManagementEndpoints(app)
    for attempt in (1, 2):
        check = management.check("db")
        if attempt == 2:
            with pytest.raises(ValueError, match="registered already"):
                check(bool)
        else:
            check(bool)


def test_apps_that_are_thrown_away_leave_no_thread_and_no_app():
    def use(number):
        app = flask.Flask(f"app{number}")
        management = ManagementEndpoints(app)
        management.check("it", refresh_seconds=0.05)(lambda: True)
        assert app.test_client().get("/z/health").status_code == 200
        return weakref.ref(app)

    apps = [use(number) for number in range(10)]
    limit = time.monotonic() + 15
    while time.monotonic() < limit:
        gc.collect()
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("health-refresh")]
        alive = [app for app in apps if app() is not None]
        if not threads and not alive:
            break
        time.sleep(0.1)
    assert (threads, alive) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": "1"}, "timeout='1' isn't a positive number"),
        ({"timeout": float("nan")}, "timeout=nan isn't a positive number"),
        ({"timeout": True}, "timeout=True isn't a positive number"),
        ({"refresh_seconds": "soon"}, "refresh_seconds='soon'"),
        ({"cache_seconds": float("nan")}, "cache_seconds=nan isn't a number of seconds"),
        ({"cache_seconds": float("inf")}, "cache_seconds=inf isn't a number of seconds"),
        ({"cache_seconds": "5"}, "cache_seconds='5'"),
        ({"failure_threshold": 1.5}, "failure_threshold=1.5 isn't a whole number"),
        ({"success_threshold": "2"}, "success_threshold='2'"),
    ],
)
def test_a_time_or_threshold_that_is_no_number_is_told_by_name(app, arguments, message):
    with pytest.raises(ValueError, match=message):
        ManagementEndpoints(app).check("it", **arguments)(lambda: True)


def test_the_apps_own_health_command_stays(app):
    @app.cli.command("health")
    def own():
        click.echo("the app's own")

    ManagementEndpoints(app)
    assert app.test_cli_runner().invoke(args=["health"]).output == "the app's own\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("-inf")]], ids=str)
def test_what_is_no_number_is_null_in_the_info(app, value):
    app.config["Z_ENDPOINTS"] = {"info": {"load": {"value": value}}}
    ManagementEndpoints(app)
    text = app.test_client().get("/z/info").text
    assert "NaN" not in text
    assert "Infinity" not in text
    assert '"load": {"value": ' in text
