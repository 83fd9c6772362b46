"""``/info``: the app, and where it runs, in the words of OpenTelemetry's resource conventions."""

from flask_management_endpoints.info.document import Info

__all__ = ["Info"]
