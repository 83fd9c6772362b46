"""The Flask apps of the mixed namespace, none of which says what it is."""

from flask import Flask

from flask_management_endpoints import ManagementEndpoints


def at_z() -> Flask:
    """Take the library as it is."""
    return _managed("/z")


def at_admin() -> Flask:
    """Take it elsewhere."""
    return _managed("/admin")


def kubernetes_style() -> Flask:
    """Have nothing but /livez and /readyz of its own."""
    app = _app()
    app.add_url_rule("/livez", "livez", lambda: "ok\n")
    app.add_url_rule("/readyz", "readyz", lambda: "ok\n")
    return app


def _managed(prefix: str) -> Flask:
    app = _app()
    ManagementEndpoints(app, prefix)
    return app


def _app() -> Flask:
    app = Flask("mixed")
    app.add_url_rule("/", "hello", lambda: "hello\n")
    return app
