"""Responses: JSON, short, never cached."""

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from werkzeug.exceptions import HTTPException

UP: Final = b'{"status": "UP"}'
DOWN: Final = b'{"status": "DOWN"}'
_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


def verdict(*, up: bool) -> Response:
    """Return a probe's whole answer: UP with 200 or DOWN with 503."""
    return Response(UP if up else DOWN, 200 if up else 503, _HEADERS)


def document(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return ``body`` as JSON."""
    return Response(_json(body), status, _HEADERS)


def _json(body: Mapping[str, Any]) -> str:
    """Return JSON that every parser takes: Python would write NaN and Infinity, which no other language reads."""
    try:
        return json.dumps(body, default=str, skipkeys=True, allow_nan=False)
    except ValueError:
        text = json.dumps(body, default=str, skipkeys=True)
        return json.dumps(json.loads(text, parse_constant=lambda _: None))


def problem(error: HTTPException) -> Response:
    """Return an HTTP error as JSON, with the headers that it brings along (``Allow``, ``WWW-Authenticate``)."""
    response = error.get_response()
    if error.code is None or error.code < 400 or error.response is not None:
        return Response(response.get_data(), response.status_code, list(response.headers))
    answer = document({"status": error.code, "error": error.name}, error.code)
    for name, value in response.headers:
        if name.lower() not in ("content-type", "content-length", "cache-control"):
            answer.headers.add(name, value)
    return answer
