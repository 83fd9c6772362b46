"""The examples of seed 000, each as an app of its own."""

import os

from flask import Flask

from flask_management_endpoints import ManagementEndpoints, z_blueprint


def blueprint() -> Flask:
    """Register the blueprint alone."""
    app = Flask("blueprint")
    app.register_blueprint(z_blueprint)
    return app


def admin() -> Flask:
    """Mount the endpoints elsewhere, and depend on services in both spellings."""
    app = Flask("admin")
    app.register_blueprint(z_blueprint, url_prefix="/admin")
    app.config.update(
        Z_ENDPOINTS={
            "service_dependencies": {
                # a base URL: what is asked is appended
                "users_api": os.environ["USERS_API"],
                # just a host: scheme and path are filled in
                "widget_api": os.environ["WIDGET_API"],
            }
        }
    )
    return app


def checks() -> Flask:
    """Run a function of one's own as part of the health check."""
    app = Flask("checks")
    app.register_blueprint(z_blueprint, url_prefix="/admin")
    database = {"down": False}

    def select_one() -> int:
        if database["down"]:
            raise ConnectionError("no route to the database")
        return 1

    def db_check() -> bool:
        try:
            return select_one() == 1
        except ConnectionError as err:
            app.logger.error("DB health check failed: %s", err)  # noqa: TRY400 - word for word as in the document
            return False

    app.config.update(Z_ENDPOINTS={"check_functions": {"health": {"db": db_check}}})

    @app.post("/database/<state>")
    def set_database(state: str) -> dict[str, bool]:
        database["down"] = state == "down"
        return database

    return app


def extension() -> Flask:
    """Use the extension: no log lines for its endpoints, and a version from a closure."""
    app = Flask("extension")
    ManagementEndpoints(app, no_log=True)
    app.config.update(Z_ENDPOINTS={"version_function": lambda: "9.8.7"})

    @app.get("/")
    def hello() -> str:
        return "hello\n"

    return app
