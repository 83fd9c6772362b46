"""Version 1's place of the blueprint, for those who imported it from here."""

from flask_management_endpoints.endpoints.blueprint import DEFAULT_PREFIX as DEFAULT_URL_PREFIX
from flask_management_endpoints.endpoints.blueprint import z_blueprint

__all__ = ["DEFAULT_URL_PREFIX", "z_blueprint"]
