"""Version 1's module of the blueprint, for those who imported names from here."""

from flask_management_endpoints.dependencies.urls import BadUrlError, health_url, preferred_scheme
from flask_management_endpoints.endpoints.blueprint import DEFAULT_PREFIX as DEFAULT_URL_PREFIX
from flask_management_endpoints.endpoints.blueprint import z_blueprint
from flask_management_endpoints.version1 import cascading_checks, checks_with_pluggable_functions

__all__ = [
    "DEFAULT_URL_PREFIX",
    "HealthError",
    "cascading_checks",
    "checks_with_pluggable_functions",
    "z_blueprint",
]


class HealthError(Exception):
    """A check that failed, or a dependency's URL that nothing can be asked at. A check that raises it is DOWN."""


def _backend_host_as_url(backend_name: str, backend_host: str, check_name: str | None = None) -> str:
    """Return the URL to ask, by version 1's rules; its own tests, and apps that copied them, call this.

    Raises
    ------
    HealthError
        When nothing can be asked there.
    """
    prefix = z_blueprint.url_prefix or DEFAULT_URL_PREFIX
    try:
        return health_url(backend_host, scheme=preferred_scheme({}), prefix=prefix, check=check_name or None)
    except BadUrlError as error:
        raise HealthError(f"service_dependencies[{backend_name!r}]: {error}") from error
