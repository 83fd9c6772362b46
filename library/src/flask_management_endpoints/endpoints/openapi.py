"""The endpoints as an OpenAPI 3.1 document, for gateways and generators of clients.

Its own document rather than a part of the app's: who describes the app's API to its users leaves operations out.
"""

from collections.abc import Iterable
from typing import Any

_STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
_ERROR = {
    "type": "object",
    "required": ["status", "error"],
    "properties": {"status": {"type": "integer"}, "error": {"type": "string"}},
}
_HEALTH = {
    "type": "object",
    "required": ["status", "components"],
    "properties": {
        "status": {"$ref": "#/components/schemas/Status"},
        "components": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["status"],
                "properties": {"status": {"$ref": "#/components/schemas/Status"}},
            },
        },
    },
}


def description(title: str, base: str, probes: Iterable[str], statuses: Iterable[str], documents: Iterable[str]) -> Any:  # noqa: ANN401 - JSON
    """Return the document.

    Parameters
    ----------
    title
        The app's name.
    base
        Where the endpoints are.
    probes, statuses, documents
        The names below ``/health/``, every status, and which of ``health``, ``info`` and ``version`` there are.
    """
    paths = {
        f"/health/{name}": _operation(f"The probe or group {name}", "Probe", up="UP", down="DOWN") for name in probes
    }
    for name in documents:
        summary, schema = _DOCUMENTS[name]
        kind = "text/plain" if name == "version" else "application/json"
        paths[f"/{name}"] = _operation(
            summary, schema, kind=kind, up=summary, down="Not well" if name == "health" else ""
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Management endpoints of {title}", "version": "2.0"},
        "servers": [{"url": base or "/"}],
        "paths": paths,
        "components": {
            "schemas": {
                "Status": {"type": "string", "enum": list(statuses)},
                "Probe": _STATUS,
                "Health": _HEALTH,
                "Info": {"type": "object"},
                "Version": {"type": "string"},
                "Error": _ERROR,
            }
        },
    }


_DOCUMENTS = {
    "health": ("Every check and dependency", "Health"),
    "info": ("The app and where it runs", "Info"),
    "version": ("The version that runs", "Version"),
}


def _operation(summary: str, schema: str, *, kind: str = "application/json", up: str, down: str = "") -> dict[str, Any]:
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    responses = {"200": {"description": up, "content": content}}
    if down:
        responses["503"] = {"description": down, "content": content}
    return {"get": {"summary": summary, "tags": ["management"], "responses": responses}}
