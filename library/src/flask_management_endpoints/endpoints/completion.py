"""What an app gets at its first request, when all of its own routes and error handlers are known.

Version 1 had five routes. What is newer must never take a path, a method or an error handler away from the app, in
whatever order the app and its extensions register theirs: Flask-Admin at ``/admin`` keeps its home page under the
prefix ``/admin``.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request, request_started
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from flask_management_endpoints.drain import DRAIN
from flask_management_endpoints.endpoints import respond, views
from flask_management_endpoints.raw import Raw

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

KEY = "management_endpoints.completion"
_COMPLETING = threading.Lock()
"""One for all apps: werkzeug compiles each rule, and CPython 3.11 may fail where two threads compile at once."""
_OTHER_METHODS: tuple[tuple[str, Callable[..., Raw], frozenset[str]], ...] = (
    ("options", views.options, frozenset({"OPTIONS"})),
    ("method_not_allowed", views.method_not_allowed, frozenset({"POST", "PUT", "PATCH", "DELETE"})),
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One place at which the endpoints are."""

    prefix: str
    name: str
    """The blueprint's name there, dotted if it is nested."""
    subdomain: str | None = None


class Completion:
    """The mounts of one app. Completing it twice adds nothing, so that threads may race for the first request."""

    def __init__(self, app: "Flask") -> None:
        self.mounts: list[Mount] = []
        self._app = app
        self._done = False
        app.wsgi_app = _CompletesFirst(self, app.wsgi_app)  # type: ignore[method-assign]
        request_started.connect(self._after_all, app)

    @classmethod
    def of(cls, app: "Flask") -> "Completion":
        """Return the app's completion; make it if there is none."""
        found: Completion | None = app.extensions.get(KEY)
        if found is None:
            found = app.extensions[KEY] = cls(app)
        return found

    def add(self, mount: Mount) -> None:
        """Note that the endpoints are at ``mount`` as well."""
        self.mounts.append(mount)
        self._done = False

    def complete(self) -> None:
        """Add what is missing, unless that has been done."""
        DRAIN.serving = True
        if self._done:
            return
        with _COMPLETING:
            views.health_of(self._app).begin_to_serve()
            for mount in self.mounts:
                self._add_new_routes(mount)
                self._add_other_methods(mount)
            self._make_errors_json()
            self._done = True

    def _after_all(self, _app: "Flask", **_: object) -> None:
        """Complete the app during its first request, for who took ``app.wsgi_app`` before ours (connexion does)."""
        self.complete()
        request_started.disconnect(self._after_all, self._app)

    def _add_new_routes(self, mount: Mount) -> None:
        taken = {rule.rule.rstrip("/") for rule in self._app.url_map.iter_rules()}
        for path, endpoint, view in _new_routes(self._app):
            if f"{mount.prefix}{path}" not in taken and (mount.prefix or path):
                for ending in ("", "/") if not path else ("",):
                    self._route(mount, f"{mount.prefix}{path}{ending}", endpoint, view, ["GET"])

    def _add_other_methods(self, mount: Mount) -> None:
        """Answer OPTIONS, and reject writing with 405, where the app has no rule of its own for the method."""
        rules = list(self._app.url_map.iter_rules())
        for ours in [rule for rule in rules if rule.endpoint.rpartition(".")[0] == mount.name]:
            taken = {method for rule in rules if rule.rule == ours.rule for method in rule.methods or ()}
            for endpoint, view, methods in _OTHER_METHODS:
                self._route(mount, ours.rule, endpoint, view, methods - taken)

    def _route(self, mount: Mount, path: str, endpoint: str, view: Callable[..., Raw], methods: Iterable[str]) -> None:
        wanted = list(methods)
        if wanted:
            name = f"{mount.name}.{endpoint}"
            self._app.view_functions[name] = view
            self._app.url_map.add(Rule(path, endpoint=name, methods=wanted, subdomain=mount.subdomain))

    def _make_errors_json(self) -> None:
        """Answer unknown paths under a prefix with JSON, unless the app has a handler of its own for such errors."""
        handlers = self._app.error_handler_spec[None]
        for error in (NotFound, MethodNotAllowed):
            general = [kind for kind in handlers[None] if issubclass(error, kind)]
            if not handlers[error.code] and not general:
                handlers[error.code][error] = self._as_json_if_ours

    def _as_json_if_ours(self, error: HTTPException) -> Raw:
        ours = any(mount.prefix and under(request.path, mount.prefix) for mount in self.mounts)
        return respond.problem(error) if ours else error


def under(path: str, prefix: str) -> bool:
    """Return whether ``path`` is ``prefix`` or below it, by whole segments: ``/zones`` isn't below ``/z``."""
    return path == prefix or path.startswith(f"{prefix}/")


def _new_routes(app: "Flask") -> Iterator[tuple[str, str, Callable[..., Raw]]]:
    """Return what 1.1.0 didn't have: path, endpoint and view."""
    yield "", "index", views.index
    yield "/livez", "livez", views.livez
    yield "/readyz", "readyz", views.readyz
    yield "/openapi.json", "openapi", views.openapi
    if views.health_of(app).settings().options["metrics"]:
        yield "/metrics", "metrics", views.metrics


class _CompletesFirst:
    """WSGI middleware that completes the app before its first request."""

    def __init__(self, completion: Completion, wsgi: "WSGIApplication") -> None:
        self._completion = completion
        self._wsgi = wsgi

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        self._completion.complete()
        return self._wsgi(environ, start_response)
