"""The endpoints past the app's own hooks, for apps whose ``before_request`` asks for a login.

The app's hooks run for the endpoints too, as for any view, unless ``app_hooks=False``: then this middleware serves
them before the app does.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask


class PastTheHooks:
    """WSGI middleware that serves what belongs to the blueprint ``name`` without the app's request hooks."""

    def __init__(self, app: "Flask", wsgi: "WSGIApplication", prefix: str, name: str) -> None:
        self._app = app
        self._wsgi = wsgi
        self._prefix = prefix
        self._name = name

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        if str(environ.get("PATH_INFO", "")).startswith(self._prefix):
            with self._app.request_context(environ) as context:
                request = context.request
                if request.url_rule is not None and request.blueprint == self._name:
                    answer: Iterable[bytes] = self._answer(request)(environ, start_response)
                    return answer
        return self._wsgi(environ, start_response)

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - flask.Request, whose view_args are untyped
        try:
            return self._app.make_response(
                self._app.ensure_sync(self._app.view_functions[request.endpoint])(**request.view_args)
            )
        except Exception as error:  # noqa: BLE001 - as Flask itself does around its views
            return self._app.make_response(self._app.handle_user_exception(error))
