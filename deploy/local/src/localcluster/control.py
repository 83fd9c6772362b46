"""Commands to a cluster's supervisor."""

from __future__ import annotations

import json
import socket
from typing import Any

from .errors import LocalClusterError
from .spec import Files


def command(files: Files, operation: str, component: str | None = None) -> dict[str, Any]:
    """Send one command and return the answer.

    Parameters
    ----------
    files
        The cluster's files.
    operation
        ``status``, ``stop``, ``pause``, ``resume`` or ``restart``.
    component
        Name of the component, for all but ``status``.

    Raises
    ------
    LocalClusterError
        If the supervisor refuses, with its reason, or doesn't answer.
    """
    try:
        answer = _exchange(files, json.dumps({"operation": operation, "component": component}))
    except OSError as problem:
        raise LocalClusterError(
            f"the cluster {files.root.name} doesn't answer; it may be starting or going down ({problem})"
        ) from problem
    if error := answer.get("error"):
        raise LocalClusterError(error)
    return answer


def _exchange(files: Files, line: str) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(files.control))
        with connection.makefile("rw") as stream:
            stream.write(line + "\n")
            stream.flush()
            answer: dict[str, Any] = json.loads(stream.readline() or '{"error": "no answer"}')
            return answer
