"""Health, readiness, info and version endpoints for Flask, made for Kubernetes probes.

Exports only, and lazily: ``python -m flask_management_endpoints check URL`` runs as an exec probe every few seconds,
and importing Flask would cost it five times what the probe itself does.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_management_endpoints.checks.definition import InvalidCheckError
    from flask_management_endpoints.checks.outcome import Result, Status
    from flask_management_endpoints.endpoints.blueprint import z_blueprint
    from flask_management_endpoints.extension import ManagementEndpoints
    from flask_management_endpoints.info import Info
    from flask_management_endpoints.transitions import Change

__all__ = ["Change", "Info", "InvalidCheckError", "ManagementEndpoints", "Result", "Status", "z_blueprint"]
__version__ = "2.0.0"

_HOMES = {
    "Change": "flask_management_endpoints.transitions",
    "Info": "flask_management_endpoints.info",
    "InvalidCheckError": "flask_management_endpoints.checks.definition",
    "ManagementEndpoints": "flask_management_endpoints.extension",
    "Result": "flask_management_endpoints.checks.outcome",
    "Status": "flask_management_endpoints.checks.outcome",
    "z_blueprint": "flask_management_endpoints.endpoints.blueprint",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
