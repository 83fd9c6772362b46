"""Three endpoints that no real app has: they make an app fail on purpose, so that its probes fail."""

from flask import Flask

from flask_management_endpoints import ManagementEndpoints


def add_switches(app: Flask, management: ManagementEndpoints) -> None:
    """Add ``POST /break``, ``/unready`` and ``/ready``; each changes the process that answers."""

    @app.post("/break")
    def break_() -> str:
        management.broken("somebody posted to /break")
        return "liveness is DOWN from now on\n"

    @app.post("/unready")
    def unready() -> str:
        management.refuse_traffic("somebody posted to /unready")
        return "readiness is DOWN from now on\n"

    @app.post("/ready")
    def ready() -> str:
        management.accept_traffic()
        return "readiness is UP again\n"
