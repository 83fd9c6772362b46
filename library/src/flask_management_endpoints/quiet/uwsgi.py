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


KEY = "management_endpoints.uwsgi_log"


class LogAllButProbes:
    """WSGI middleware that asks ``log_this_request`` for each request but successful probes under ``prefixes``."""

    def __init__(self, wsgi: "WSGIApplication", log_this_request: Callable[[], object]) -> None:
        self.prefixes: set[str] = set()
        self._wsgi = wsgi
        self._log_this_request = log_this_request

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        path = str(environ.get("PATH_INFO", ""))
        ours = any(under(path, prefix) for prefix in self.prefixes)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:  # noqa: ANN401 - as WSGI has it
            if not (ours and status.startswith("200")):
                self._log_this_request()
            return start_response(status, headers, *rest)

        return self._wsgi(environ, start)


def silence_uwsgi(app: "Flask", prefix: str) -> None:
    """Leave successful probes out of uwsgi's access log, if uwsgi serves ``app`` and runs with ``disable-logging``."""
    uwsgi = uwsgi_module()
    if uwsgi is None or not uwsgi.opt.get("disable-logging"):
        return
    middleware: LogAllButProbes | None = app.extensions.get(KEY)
    if middleware is None:  # one for all prefixes: two would each log the other's
        middleware = app.extensions[KEY] = LogAllButProbes(app.wsgi_app, uwsgi.log_this_request)
        app.wsgi_app = middleware  # type: ignore[method-assign]
    middleware.prefixes.add(normal_prefix(prefix))
