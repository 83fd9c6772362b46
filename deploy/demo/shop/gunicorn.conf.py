"""gunicorn's settings: the arbiter answers liveness on its own port, even while every worker is stuck."""

from flask_management_endpoints.gunicorn import *  # noqa: F403 -- the hooks that gunicorn looks up by name
