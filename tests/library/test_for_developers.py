"""What developers reach for: single components, aliases, reports in code, listeners, and who may see details."""

import flask
import jsonschema
import pytest

from flask_management_endpoints import Change, ManagementEndpoints, Result, Status
from flask_management_endpoints.contrib.fixtures import health  # noqa: F401 - a fixture


class TestOneComponent:
    @pytest.fixture
    def client(self, app, peer):
        app.config["Z_ENDPOINTS"] = {
            "service_dependencies": {"users": peer().host},
            "check_functions": {"health": {"cache": lambda: True}},
        }
        management = ManagementEndpoints(app)
        management.check("db")(lambda: False)
        management.check("slow", required=False)(lambda: Result(Status.DEGRADED, "slow", {"lag": 3}))
        return app.test_client()

    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("users", (200, {"status": "UP"})),
            ("cache", (200, {"status": "UP"})),
            ("db", (503, {"status": "DOWN"})),
            ("slow", (200, {"status": "DEGRADED"})),
            ("nope", (404, {"error": "Not Found", "status": 404})),
        ],
    )
    def test_it_has_a_path_of_its_own(self, client, name, answer):
        response = client.get(f"/z/health/{name}")
        assert (response.status_code, response.get_json()) == answer

    def test_nothing_else_is_asked(self, app):
        calls = []
        management = ManagementEndpoints(app)
        for name in ("a", "b"):
            management.add(name, lambda name=name: calls.append(name) or True)
        assert app.test_client().get("/z/health/a").status_code == 200
        assert calls == ["a"]

    def test_a_group_of_its_name_goes_first(self, app):
        management = ManagementEndpoints(app)
        management.add("payments", lambda: False)
        management.add("other", lambda: True, groups=["payments"])
        assert app.test_client().get("/z/health/payments").status_code == 200

    def test_it_shows_what_health_would(self, app, client):
        app.config["Z_ENDPOINTS"]["show_details"] = "always"
        assert client.get("/z/health/slow").get_json() == {"lag": 3, "reason": "slow", "status": "DEGRADED"}
        app.config["Z_ENDPOINTS"]["hidden_endpoints"] = ["health"]
        assert [client.get(f"/z/health/{name}").status_code for name in ("slow", "readiness")] == [404, 200]


@pytest.mark.parametrize("prefix", ["/z", ""])
def test_livez_and_readyz(app, prefix):
    management = ManagementEndpoints(app, prefix=prefix)
    client = app.test_client()
    management.refuse_traffic("later")
    assert [client.get(f"{prefix}/{name}").status_code for name in ("livez", "readyz")] == [200, 503]
    assert client.post(f"{prefix}/livez").status_code == 405


class TestAddAndRemove:
    def test_add_is_check_without_a_decorator(self, app):
        management = ManagementEndpoints(app)
        management.add("db", lambda: False, groups=["readiness"], timeout=1.0, failure_threshold=2)
        assert app.test_client().get("/z/health/readiness").status_code == 503
        with pytest.raises(ValueError, match="registered already"):
            management.add("db", bool)

    def test_remove_takes_it_away(self, app):
        management = ManagementEndpoints(app)
        management.add("db", lambda: False, groups=["readiness", "liveness"])
        management.remove("db")
        client = app.test_client()
        assert [client.get(f"/z/health/{name}").status_code for name in ("readiness", "liveness")] == [200, 200]
        assert client.get("/z/health").get_json()["components"] == {}
        with pytest.raises(KeyError):
            management.remove("db")


class TestReport:
    def test_in_code_it_says_everything(self, app):
        management = ManagementEndpoints(app)
        management.add("db", lambda: (False, "no disk"), groups=["readiness"])
        found = management.report()
        assert found["components"]["db"].pop("durationMs") >= 0
        assert found == {
            "status": "DOWN",
            "components": {"db": {"detail": "no disk", "reason": "no disk", "status": "DOWN"}},
        }

    def test_about_a_probe_or_group(self, app):
        management = ManagementEndpoints(app)
        management.add("db", lambda: True, groups=["payments"])
        assert management.report("payments")["status"] == "UP"
        management.refuse_traffic("later")
        assert management.report("readiness") == {"status": "OUT_OF_SERVICE", "components": {}, "reason": "later"}
        with pytest.raises(LookupError, match="'nope' isn't a probe or group"):
            management.report("nope")

    def test_version_1s_functions_have_a_request_there_too(self, app):
        app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"path": lambda: flask.request.path}}}
        assert ManagementEndpoints(app).report()["components"]["path"]["status"] == "UP"

    def test_of_several_apps_the_current_one_is_meant(self, app):
        management = ManagementEndpoints(app)
        management.init_app(flask.Flask("other"))
        with pytest.raises(RuntimeError, match="there are 2; push an app context"):
            management.report()
        with app.app_context():
            assert management.report()["status"] == "UP"


class TestListeners:
    def test_each_change_is_told_once(self, app):
        management, answers, changes = ManagementEndpoints(app), [], []
        management.on_change(changes.append)
        management.add("db", lambda: answers[-1])
        client = app.test_client()
        for answer in (True, (False, "no disk"), (False, "no disk"), True, True):
            answers.append(answer)
            client.get("/z/health")
        assert changes == [
            Change("db", Status.UP, Status.DOWN, "no disk"),
            Change("db", Status.DOWN, Status.UP),
        ]

    def test_one_that_raises_breaks_nothing(self, app, caplog):
        management, changes = ManagementEndpoints(), []

        @management.on_change
        def broken(change):
            raise OSError("pager")

        management.on_change(changes.append)
        management.init_app(app)
        management.add("db", lambda: False, groups=["readiness"])
        assert app.test_client().get("/z/health/readiness").status_code == 503
        assert len(changes) == 1
        assert "a listener for changes raised" in caplog.text


class TestWhoMaySeeDetails:
    @pytest.mark.parametrize(
        ("says", "shown"),
        [("always", True), (True, True), ("safe", False), (False, False), (None, False), ("nonsense", False)],
    )
    def test_a_function_decides(self, app, says, shown):
        app.config["Z_ENDPOINTS"] = {"show_details": lambda: says}
        ManagementEndpoints(app).add("db", lambda: (True, {"size": 3}))
        assert ("size" in app.test_client().get("/z/health").text) is shown

    def test_it_sees_the_request(self, app):
        app.config["Z_ENDPOINTS_SHOW_DETAILS"] = lambda: flask.request.headers.get("Authorization") == "Bearer admin"
        ManagementEndpoints(app).add("db", lambda: (True, {"size": 3}))
        client = app.test_client()
        assert "size" not in client.get("/z/health").text
        assert "size" in client.get("/z/health", headers={"Authorization": "Bearer admin"}).text

    def test_one_that_raises_shows_nothing(self, app, caplog):
        app.config["Z_ENDPOINTS"] = {"show_details": lambda: 1 / 0}
        ManagementEndpoints(app).add("db", lambda: (True, {"size": 3}))
        response = app.test_client().get("/z/health")
        assert (response.status_code, response.get_json()["components"]) == (200, {"db": {"status": "UP"}})
        assert "show_details raised" in caplog.text


def test_durations_are_shown_where_they_are_wanted(app):
    ManagementEndpoints(app).add("db", lambda: True)
    client = app.test_client()
    assert client.get("/z/health").get_json()["components"]["db"] == {"status": "UP"}
    app.config["Z_ENDPOINTS"] = {"show_durations": True}
    assert 0 <= client.get("/z/health").get_json()["components"]["db"]["durationMs"] < 1000


class TestTheFixture:
    @pytest.fixture
    def app(self, app):
        management = ManagementEndpoints(app, prefix="/admin")
        management.add("db", lambda: True, groups=["readiness"], cache_seconds=60, failure_threshold=3)
        return app

    def test_it_says_how_the_app_is(self, health):  # noqa: F811 - pytest's way
        assert (health.probe(), health.probe("liveness"), health.components()) == (200, 200, {"db": "UP"})

    def test_it_has_a_check_fail(self, app, health):  # noqa: F811
        health.set("db")
        assert (health.probe(), health.components()) == (503, {"db": "DOWN"})
        health.set("db", "DEGRADED")
        assert (health.probe(), health.components()) == (200, {"db": "DEGRADED"})
        with pytest.raises(KeyError):
            health.set("nope")

    def test_and_only_for_one_test(self, app):
        registry = app.extensions["management_endpoints"].registry
        with registry.replaced("db", lambda: False):
            assert app.test_client().get("/admin/health/readiness").status_code == 503
        assert next(iter(registry)).function() is True


class TestOpenApi:
    def test_every_path_in_it_answers_as_it_says(self, app):
        app.config["Z_ENDPOINTS"] = {"hidden_endpoints": ["info"]}
        management = ManagementEndpoints(app)
        management.add("db", lambda: False, groups=["payments"])
        client = app.test_client()
        document = client.get("/z/openapi.json").get_json()
        assert document["openapi"].startswith("3.1")
        assert {"/health", "/version", "/health/payments", "/health/liveness"} <= set(document["paths"])
        assert "/info" not in document["paths"]
        for path, item in document["paths"].items():
            response = client.get(document["servers"][0]["url"] + path)
            said = item["get"]["responses"][str(response.status_code)]["content"][response.mimetype]
            if response.is_json:
                schema = {**said["schema"], "components": document["components"]}
                jsonschema.validate(response.get_json(), schema)

    def test_it_can_be_left_out(self, app):
        app.config["Z_ENDPOINTS"] = {"hidden_endpoints": ["openapi"]}
        ManagementEndpoints(app)
        assert app.test_client().get("/z/openapi.json").status_code == 404


def test_all_of_it_stays_out_of_the_access_log():
    from flask_management_endpoints.quiet.filters import under

    assert [under(f"/z/{name}", "/z") for name in ("livez", "readyz", "openapi.json", "other")] == [True] * 3 + [False]
