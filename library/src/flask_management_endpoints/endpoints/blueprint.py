"""The blueprint, and what happens when an app takes it."""

from typing import Any, cast

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState
from flask.sansio.app import App
from werkzeug.exceptions import HTTPException

from flask_management_endpoints.checks.registry import Registry
from flask_management_endpoints.endpoints import respond, views
from flask_management_endpoints.endpoints.completion import Completion, Mount
from flask_management_endpoints.health import Health
from flask_management_endpoints.prefix import normal_prefix
from flask_management_endpoints.raw import Raw

DEFAULT_PREFIX = "/z"
NAME = views.EXTENSION


class ManagementBlueprint(Blueprint):
    """A blueprint that an app may take twice.

    Under the same prefix nothing happens the second time, under another it is there too.
    """

    def register(self, app: App, options: dict[str, Any]) -> None:
        """Register with ``app``; see the class."""
        prefix = normal_prefix(options.get("url_prefix", self.url_prefix))
        mounts = Completion.of(cast("Flask", app)).mounts
        if any(mount.prefix == prefix for mount in mounts):
            app.logger.warning("management endpoints are registered already under %r; once is enough", prefix or "/")
            return
        if mounts and "name" not in options:
            options = {**options, "name": f"{NAME}_{len(mounts) + 1}"}
        super().register(app, {**options, "url_prefix": prefix})


z_blueprint = ManagementBlueprint(NAME, __name__, url_prefix=DEFAULT_PREFIX)


@z_blueprint.record
def _attach(state: BlueprintSetupState) -> None:
    """Give the app its `Health`, if `ManagementEndpoints` hasn't yet, and remember where the endpoints are."""
    app, prefix = cast("Flask", state.app), state.url_prefix or ""
    if NAME not in app.extensions:
        app.extensions[NAME] = Health(app, prefix, Registry())
    name = f"{state.name_prefix}.{state.name}".lstrip(".")
    Completion.of(app).add(Mount(prefix, name, state.subdomain))
    views.health_of(app).settings()


for _path, _name, _view in (
    ("/version", "version", views.version),
    ("/info", "info", views.info),
    ("/health", "health", views.health),
    ("/health/<check_name>", "nested_health_check", views.nested_health_check),
):
    z_blueprint.add_url_rule(_path, _name, _view, methods=["GET"], provide_automatic_options=False)


def _as_json(error: HTTPException) -> Raw:
    return respond.problem(error)


for _code in (404, 405, 500):
    z_blueprint.register_error_handler(_code, _as_json)
z_blueprint.register_error_handler(HTTPException, _as_json)
