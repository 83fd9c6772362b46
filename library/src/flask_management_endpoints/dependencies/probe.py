"""Asking one dependency, once: from an answer, or none, to a `Result`."""

import json
import time
from collections.abc import Mapping
from contextlib import closing

from flask_management_endpoints.checks.outcome import Result, Status, down
from flask_management_endpoints.dependencies.client import Answer, Client, RequestError
from flask_management_endpoints.dependencies.model import CheckKind, Timeouts
from flask_management_endpoints.dependencies.sockets import connect
from flask_management_endpoints.dependencies.urls import BadUrlError, origin, split


def ask(
    client: Client, kind: CheckKind, url: str, *, timeouts: Timeouts, until: float, headers: Mapping[str, str]
) -> Result:
    """Return how the dependency at ``url`` is. Never raises for what the other side does."""
    try:
        if kind == "tcp":
            return _connects(url, min(until, time.monotonic() + timeouts.connect))
        answer = client.get(url, timeouts=timeouts, until=until, headers=headers, follow=kind == "actuator")
    except (RequestError, BadUrlError) as error:
        return down(str(error))
    return _by_status(answer) if kind == "status" else _by_body(answer)


def _connects(url: str, until: float) -> Result:
    _, host, port = origin(split(url))
    try:
        with closing(connect(host, port, until)):
            return Result(Status.UP)
    except TimeoutError:
        return down("nobody accepts a connection in time")
    except (OSError, UnicodeError) as error:
        return down(f"{type(error).__name__}: {error}")


def _by_status(answer: Answer) -> Result:
    return Result(Status.UP) if 200 <= answer.status < 400 else down(f"answers HTTP {answer.status}")


def _by_body(answer: Answer) -> Result:
    """Read an actuator style answer: UP is exactly 200 with an object whose ``status`` is ``"UP"``."""
    if not answer.complete:
        return down("the answer is longer than 1 MiB")
    try:
        document = json.loads(answer.body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return down(f"answers HTTP {answer.status} without JSON")
    if not isinstance(document, dict):
        return down(f"answers HTTP {answer.status} with JSON that is no object")
    reported = document.pop("status", None)
    if answer.status == 200 and reported in ("UP", "DEGRADED"):
        return Result(Status(reported), None if reported == "UP" else "it is degraded itself", document, remote=True)
    return Result(Status.DOWN, f"answers HTTP {answer.status}, status {str(reported)[:40]}", document, remote=True)
