"""One filter that understands the access log records of gunicorn and werkzeug."""

import logging
import re

from flask_management_endpoints.prefix import normal_prefix

LOGGERS = ("gunicorn.access", "werkzeug", "wsgi", "hypercorn.access", "uvicorn.access")
_LINE = re.compile(r'"(?:GET|HEAD) (?P<path>[^ ?"]+)[^"]*"\s+(?P<status>\d{3})\b')
_ENDPOINT = re.compile(r"/(?:health(?:/[^/]+)?|info|version|metrics|livez|readyz|openapi\.json)$")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ProbeFilter(logging.Filter):
    """Drops the records of successful requests under the given prefixes."""

    def __init__(self) -> None:
        super().__init__()
        self.prefixes: frozenset[str] = frozenset()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` is to be logged."""
        request = _request(record)
        if request is None:
            return True
        path, status = request
        return not (status == "200" and any(under(path, prefix) for prefix in self.prefixes))


def under(path: str, prefix: str) -> bool:
    """Return whether ``path`` is one of the endpoints at ``prefix``, also behind a proxy's own prefix."""
    match = _ENDPOINT.search(path)
    if match is None:
        return path.rstrip("/") == prefix != ""
    base = path[: match.start()]
    return base == prefix or (prefix != "" and base.endswith(prefix))


def _request(record: logging.LogRecord) -> tuple[str, str] | None:
    """Return path and status of the request that ``record`` tells of."""
    if isinstance(record.args, dict):  # gunicorn: the atoms of its log format
        return str(record.args.get("U", "")), str(record.args.get("s", ""))
    try:
        line = _LINE.search(_ANSI.sub("", record.getMessage()))
    except (TypeError, ValueError):
        return None
    return (line["path"], line["status"]) if line else None


_filter = ProbeFilter()


def silence(prefix: str) -> None:
    """Leave successful requests under ``prefix`` out of the access logs of this process."""
    _filter.prefixes |= {normal_prefix(prefix)}
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
