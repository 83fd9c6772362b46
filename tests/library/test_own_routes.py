"""The app's own routes, error handlers and hooks come first, also under the prefix, whatever was registered first."""

import flask
import pytest
from werkzeug.test import Client

from flask_management_endpoints import ManagementEndpoints, z_blueprint

ORDERS = ["ours first", "theirs first"]


def install(app, order, theirs, **arguments):
    if order == "theirs first":
        theirs(app)
    management = ManagementEndpoints(app, **arguments)
    if order == "ours first":
        theirs(app)
    return management, app.test_client()


def an_admin(app):
    """Like Flask-Admin: a home page with a slash, pages below, one that only takes POST."""
    admin = flask.Blueprint("admin", __name__, url_prefix="/admin")
    admin.add_url_rule("/", "home", lambda: "the admin's home")
    admin.add_url_rule("/user/", "users", lambda: "the admin's users")
    admin.add_url_rule("/post", "post", lambda: "posted", methods=["POST"])
    admin.add_url_rule("/info", "edit_info", lambda: "edited", methods=["POST"])
    app.register_blueprint(admin)


@pytest.mark.parametrize("order", ORDERS)
class TestBesideAnAdmin:
    def test_its_home_page_stays(self, app, order):
        _, client = install(app, order, an_admin, prefix="/admin")
        assert client.get("/admin/").text == "the admin's home"
        response = client.get("/admin")
        assert (response.status_code, response.location) == (308, "http://localhost/admin/")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/admin/user/", 200),
            ("GET", "/admin/user", 308),
            ("POST", "/admin/post", 200),
            ("GET", "/admin/post", 405),
            ("POST", "/admin/info", 200),
            ("PUT", "/admin/info", 405),
            ("GET", "/admin/info", 200),
            ("GET", "/admin/health/liveness", 200),
            ("GET", "/admin/nope", 404),
        ],
    )
    def test_every_path_answers_as_without_us(self, app, order, method, path, status):
        _, client = install(app, order, an_admin, prefix="/admin")
        assert client.open(path, method=method).status_code == status

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_catch_all_below_the_prefix_stays(self, app, order, method):
        def single_page_app(app):
            app.add_url_rule("/z/<path:page>", "page", lambda page: f"page {page}", methods=["GET", "POST"])

        _, client = install(app, order, single_page_app)
        assert client.open("/z/cart/7", method=method).text == "page cart/7"
        assert client.get("/z/health/liveness").get_json() == {"status": "UP"}
        assert client.get("/z").get_json()["_links"]["self"]["href"] == "/z"

    def test_metrics_of_the_app_stay(self, app, order):
        app.config["Z_ENDPOINTS_METRICS"] = True
        _, client = install(app, order, lambda app: app.add_url_rule("/z/metrics", "own", lambda: "own metrics"))
        assert client.get("/z/metrics").text == "own metrics"

    def test_its_404_handler_answers_for_unknown_paths_below_the_prefix_too(self, app, order):
        def lost(app):
            app.register_error_handler(404, lambda error: ("lost", 404))

        _, client = install(app, order, lost)
        assert client.get("/z/nope").text == "lost"

    def test_so_does_a_handler_for_every_http_error(self, app, order):
        def any_error(app):
            app.register_error_handler(Exception, lambda error: ("sorry", error.code))

        _, client = install(app, order, any_error)
        assert [client.get(path).text for path in ("/z/nope", "/nope")] == ["sorry", "sorry"]


def test_without_a_handler_unknown_paths_are_json_below_the_prefix_only(app):
    ManagementEndpoints(app)
    client = app.test_client()
    assert client.get("/z/nope").get_json() == {"status": 404, "error": "Not Found"}
    assert client.post("/z").get_json() == {"status": 405, "error": "Method Not Allowed"}
    assert [client.get(path).mimetype for path in ("/nope", "/zones", "/zebra/x")] == ["text/html"] * 3


def test_whoever_took_the_wsgi_app_before_us_gets_the_routes_from_the_second_request_on(app):
    taken = Client(app.wsgi_app)
    ManagementEndpoints(app)
    assert taken.get("/z/health/liveness").json == {"status": "UP"}
    assert taken.get("/z").json["_links"]["self"]["href"] == "/z"
    assert taken.post("/z/health").status_code == 405
    assert not list(flask.request_started.receivers_for(app))


def test_a_nested_blueprint_is_completed_too(app):
    parent = flask.Blueprint("parent", __name__, url_prefix="/parent")
    parent.register_blueprint(z_blueprint)
    app.register_blueprint(parent)
    client = app.test_client()
    assert client.get("/parent/z").get_json()["_links"]["health"]["href"] == "/parent/z/health"
    assert client.post("/parent/z/health").status_code == 405
    assert client.options("/parent/z/health/liveness").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_mount_added_after_the_first_request_is_completed(app):
    ManagementEndpoints(app)
    assert app.test_client().get("/z").status_code == 200
    app._got_first_request = False  # as tools do that rebuild an app in tests
    ManagementEndpoints(app, prefix="/admin")
    assert app.test_client().get("/admin").status_code == 200


class TestPastTheHooks:
    @pytest.fixture
    def calls(self, app):
        calls = []

        @app.before_request
        def login():
            calls.append("before")
            flask.g.db = "open"

        @app.teardown_request
        def close(error):
            calls.append(f"close {flask.g.db}")

        @app.teardown_appcontext
        def remove(error):
            calls.append("remove")

        return calls

    @pytest.mark.parametrize("path", ["/zones", "/z/cart", "/z/health/extra/path"])
    def test_the_apps_own_pages_run_their_hooks_once(self, app, calls, path):
        app.add_url_rule("/zones", "zones", lambda: "page")
        app.add_url_rule("/z/cart", "cart", lambda: "page")
        app.add_url_rule("/z/health/extra/path", "extra", lambda: "page")
        ManagementEndpoints(app, app_hooks=False)
        assert app.test_client().get(path).text == "page"
        assert calls == ["before", "close open", "remove"]

    def test_a_teardown_that_needs_them_does_not_break_a_probe(self, app, calls, caplog):
        ManagementEndpoints(app, app_hooks=False)
        client = app.test_client()
        assert [client.get("/z/health/liveness").status_code for _ in range(3)] == [200] * 3
        assert calls == ["remove"] * 3
        assert caplog.text.count("teardown function of the app raised") == 1

    def test_every_mount_is_covered(self, app):
        app.before_request(lambda: ("log in first", 401))
        ManagementEndpoints(app, app_hooks=False)
        ManagementEndpoints(app, prefix="/admin")
        client = app.test_client()
        paths = ("/z", "/z/health", "/admin", "/admin/health/liveness", "/admin/nope")
        assert [client.get(path).status_code for path in paths] == [200] * 4 + [401]

    def test_a_raising_version_function_is_a_500_as_json(self, app):
        app.config["Z_ENDPOINTS"] = {"version_function": lambda: 1 / 0}
        ManagementEndpoints(app, app_hooks=False)
        response = app.test_client().get("/z/version")
        assert (response.status_code, response.get_json()["status"]) == (500, 500)

    def test_an_untrusted_host_is_refused_by_the_app(self, app):
        app.config["TRUSTED_HOSTS"] = ["shop.example"]
        ManagementEndpoints(app, app_hooks=False)
        client = app.test_client()
        assert client.get("/z/health", headers={"Host": "shop.example"}).status_code == 200
        assert client.get("/z/health", headers={"Host": "evil.example"}).status_code == 400
