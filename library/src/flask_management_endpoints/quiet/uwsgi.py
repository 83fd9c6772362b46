"""uwsgi writes its access log in C, where no Python filter reaches.

What it offers is the reverse: with ``disable-logging`` it logs only the requests that ask for it. So every request
asks, except the successful probes.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask_management_endpoints.execution.pool import uwsgi_module
from flask_management_endpoints.prefix import normal_prefix
from flask_management_endpoints.quiet.filters import under

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask


class LogAllButProbes:
    """WSGI middleware that asks ``log_this_request`` for each request but successful probes under ``prefix``."""

    def __init__(self, wsgi: "WSGIApplication", prefix: str, log_this_request: Callable[[], object]) -> None:
        self._wsgi = wsgi
        self._prefix = normal_prefix(prefix)
        self._log_this_request = log_this_request

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        ours = under(str(environ.get("PATH_INFO", "")), self._prefix)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401 - as WSGI has it
            if not (ours and status.startswith("200")):
                self._log_this_request()
            return start_response(status, headers, *rest)

        return self._wsgi(environ, start)


def silence_uwsgi(app: "Flask", prefix: str) -> None:
    """Leave successful probes out of uwsgi's access log, if uwsgi serves ``app`` and runs with ``disable-logging``."""
    uwsgi = uwsgi_module()
    if uwsgi is not None and uwsgi.opt.get("disable-logging"):
        app.wsgi_app = LogAllButProbes(app.wsgi_app, prefix, uwsgi.log_this_request)  # type: ignore[method-assign]
