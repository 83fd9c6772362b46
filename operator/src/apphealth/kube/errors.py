"""The failures of requests to the API server: one class for each way in which callers handle them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MAX_MESSAGE = 1000
"""Longest message of the server that is kept, in characters: a rejection may repeat the whole object."""
DEFAULT_RETRY_AFTER = 1.0
"""Seconds to wait on a 429 that doesn't say how long."""


class KubeError(Exception):
    """A request that did not succeed.

    Attributes
    ----------
    message
        The server's own words, cut to `MAX_MESSAGE`.
    status
        The HTTP status; 0 where there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.message = message[:MAX_MESSAGE]
        self.status = status
        super().__init__(self.message)


class UnauthorizedError(KubeError):
    """401: the credentials are not accepted (any more)."""


class ForbiddenError(KubeError):
    """403: a right is missing, or a policy says no."""


class NotFoundError(KubeError):
    """404: the object or its kind does not exist."""


class ConflictError(KubeError):
    """409: the object has changed since it was read, or another object has its name now."""


class AlreadyExistsError(KubeError):
    """409 on a create: an object of this name exists."""


class InvalidError(KubeError):
    """400 or 422: the server rejects the request, and would again."""


class TooManyRequestsError(KubeError):
    """429: the server asks to come back later.

    Attributes
    ----------
    retry_after
        Seconds until then.
    """

    def __init__(self, message: str, *, status: int = 429, retry_after: float = DEFAULT_RETRY_AFTER) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class ServerError(KubeError):
    """5xx: a failure of the server."""


class UnreachableError(KubeError):
    """No connection, or no answer in time. A write may have been carried out."""


class NotLeadingError(KubeError):
    """A write was not sent, because this replica is not (or no longer) the leader."""


class _Details(msgspec.Struct):
    retry_after_seconds: float = msgspec.field(default=0, name="retryAfterSeconds")


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    details: _Details | None = None


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """Return the error for an answer of 400 or more.

    Parameters
    ----------
    status, headers, body
        The answer.
    """
    try:
        told = msgspec.json.decode(body, type=_Status)
    except msgspec.DecodeError:
        told = _Status(message=body[:MAX_MESSAGE].decode("utf-8", "replace").strip())
    message = told.message or f"HTTP status {status}"
    match status:
        case 401:
            return UnauthorizedError(message, status=status)
        case 403:
            return ForbiddenError(message, status=status)
        case 404 | 410:
            return NotFoundError(message, status=status)
        case 409 if told.reason == "AlreadyExists":
            return AlreadyExistsError(message, status=status)
        case 409:
            return ConflictError(message, status=status)
        case 429:
            return TooManyRequestsError(message, retry_after=_retry_after(headers, told.details))
        case _ if status < 500:
            return InvalidError(message, status=status)
        case _:
            return ServerError(message, status=status)


def _retry_after(headers: Mapping[str, str], details: _Details | None) -> float:
    try:
        return float(headers["Retry-After"])
    except (KeyError, ValueError):
        return (details.retry_after_seconds if details else 0) or DEFAULT_RETRY_AFTER
