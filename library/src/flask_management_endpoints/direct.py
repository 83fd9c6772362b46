"""The endpoints past the app's own hooks, for apps whose ``before_request`` asks for a login.

The app's hooks run for the endpoints too, as for any view, unless ``app_hooks=False``: then this middleware serves
them before the app does. Every other path, also below the prefix, is left to the app.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException

from flask_management_endpoints.endpoints.completion import Completion, under

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask, Response

logger = logging.getLogger("flask_management_endpoints")


class PastTheHooks:
    """WSGI middleware that serves the endpoints, at every prefix, without the app's request hooks."""

    def __init__(self, app: "Flask", wsgi: "WSGIApplication") -> None:
        self._app = app
        self._wsgi = wsgi
        self._completion = Completion.of(app)
        self._told = False

    @classmethod
    def serve(cls, app: "Flask") -> None:
        """Put the middleware before ``app``, once."""
        if not app.extensions.get("management_endpoints.past_the_hooks"):
            app.extensions["management_endpoints.past_the_hooks"] = True
            app.wsgi_app = cls(app, app.wsgi_app)  # type: ignore[method-assign]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        self._completion.complete()
        if not self._is_ours(environ):
            return self._wsgi(environ, start_response)
        context = self._app.request_context(environ)
        context.push()
        try:
            return self._answer(context.request)(environ, start_response)
        finally:
            self._leave(context)

    def _is_ours(self, environ: "WSGIEnvironment") -> bool:
        """Return whether the request leads to an endpoint of ours.

        Decided without a request context: one that is pushed would run the app's teardown functions when it goes,
        although the app has yet to serve the request.
        """
        path = str(environ.get("PATH_INFO", ""))
        if not any(under(path, mount.prefix) for mount in self._completion.mounts):
            return False
        try:
            adapter = self._app.create_url_adapter(self._app.request_class(environ))
            rule, _ = adapter.match(return_rule=True) if adapter else (None, None)
        except HTTPException:
            return False
        blueprint = rule.endpoint.rpartition(".")[0] if rule else None
        return any(blueprint == mount.name for mount in self._completion.mounts)

    def _answer(self, request: Any) -> "Response":  # noqa: ANN401 - flask.Request, whose view_args are untyped
        view = self._app.view_functions[request.endpoint]
        try:
            try:
                return self._app.make_response(self._app.ensure_sync(view)(**request.view_args))
            except Exception as error:  # noqa: BLE001 - as Flask itself does around its views
                return self._app.make_response(self._app.handle_user_exception(error))
        except Exception as error:  # noqa: BLE001 - what nobody handles is a 500, logged by Flask
            return self._app.handle_exception(error)

    def _leave(self, context: Any) -> None:  # noqa: ANN401 - Flask's request context
        """End the request; a teardown function that needs what ``before_request`` did must not break a probe."""
        try:
            context.pop()
        except Exception:
            if not self._told:
                self._told = True
                logger.exception("a teardown function of the app raised after a health endpoint; told once")
