"""Who we are to the API server: a small value, and the header that is made from it for each request."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse

REREAD = 60.0
"""Seconds after which a token's file is read again; Kubernetes renews it long before the old one ends."""


class CredentialsError(Exception):
    """No way to reach a cluster; the message says what is missing and what to do."""


class TokenSource(Protocol):
    """Gives the bearer token of the moment."""

    def __call__(self, *, fresh: bool = False) -> str:
        """Return it; with `fresh`, the one in hand has just been refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the API server is, and how to prove who we are."""

    server: str
    namespace: str = "default"
    """The namespace that the configuration names: in a cluster, the operator's own."""
    ssl_context: ssl.SSLContext | None = None
    token: TokenSource | None = None
    basic: tuple[str, str] | None = field(default=None, repr=False)
    """User and password."""
    proxy: str | None = None
    in_pod: bool = False
    """They are those of the pod that we run in."""


def fixed_token(value: str) -> TokenSource:
    """Return a source of one token that never changes."""

    def source(*, fresh: bool = False) -> str:  # noqa: ARG001 -- the protocol's
        return value

    return source


def file_token(path: Path, *, clock: Callable[[], float] = time.monotonic) -> TokenSource:
    """Return a source that reads a file, and reads it again every `REREAD` seconds, or when its token was refused."""
    value, read_at = "", float("-inf")

    def source(*, fresh: bool = False) -> str:
        nonlocal value, read_at
        if fresh or clock() - read_at > REREAD:
            value, read_at = path.read_text().strip(), clock()
        return value

    return source


def authorizer(credentials: Credentials) -> ClientMiddlewareType:
    """Return the aiohttp middleware that adds the credentials, and once tries a newer token when one is refused."""

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if credentials.basic is not None:
            pair = base64.b64encode(":".join(credentials.basic).encode()).decode()
            request.headers["Authorization"] = f"Basic {pair}"
        if credentials.token is None:
            return await handler(request)
        token = credentials.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = await handler(request)
        if response.status == 401 and (renewed := await asyncio.to_thread(credentials.token, fresh=True)) != token:
            response.release()
            request.headers["Authorization"] = f"Bearer {renewed}"
            response = await handler(request)
        return response

    return middleware
