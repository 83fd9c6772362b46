"""Access logs without the probes: filters for the servers' own loggers. Only what succeeded is left out."""

from flask_management_endpoints.quiet.filters import silence
from flask_management_endpoints.quiet.uwsgi import silence_uwsgi

__all__ = ["silence", "silence_uwsgi"]
