"""Version 1's place of `ManagementEndpoints`, for those who imported it from here."""

from flask_management_endpoints.extension import ManagementEndpoints

__all__ = ["ManagementEndpoints"]
