"""gunicorn's settings: its arbiter answers liveness on a port of its own, also while every worker is stuck."""

from flask_management_endpoints.gunicorn import *  # noqa: F403 -- the hooks that gunicorn looks up by name
