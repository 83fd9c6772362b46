"""A thin client: one method, JSON in and out, typed errors, bounded connections.

Why not the official one: docs/decisions, "The official client, beside the hot path".
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import aiohttp
import msgspec
from aiohttp import ClientMiddlewareType

from apphealth.kube.configuration import CredentialsError
from apphealth.kube.credentials import Credentials
from apphealth.kube.errors import NotLeadingError, TooManyRequestsError, UnauthorizedError, UnreachableError, error_from

JSON = "application/json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

CONNECTIONS = 8
"""Most requests at once. Measured: an API server on two cores is fastest with 4 to 8."""
TIMEOUT = 30.0
"""Seconds for one request, including the wait for a free connection."""
TRIES = 4
"""How often a request is sent while the server answers 429: a request answered by 429 had no effect."""
MAX_RETRY_AFTER = 60.0
"""Longest wait that a 429 may ask for, in seconds."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
T = TypeVar("T")


def open_session(
    credentials: Credentials,
    *,
    limit: int = 0,
    timeout: aiohttp.ClientTimeout | None = None,
    middlewares: Sequence[ClientMiddlewareType] = (),
    response_class: type[aiohttp.ClientResponse] = aiohttp.ClientResponse,
) -> aiohttp.ClientSession:
    """Open a session that sends the credentials.

    It asks for no compression: on a cluster's network, compressing costs the API server more than it saves.

    Parameters
    ----------
    credentials
        The API server's address, and the identity.
    limit
        Most connections at once; 0 is no limit.
    timeout, middlewares, response_class
        As for `aiohttp.ClientSession`.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, ssl=credentials.ssl_context or True),
        headers={"User-Agent": "apphealth", "Accept-Encoding": "identity"},
        proxy=credentials.proxy,
        timeout=timeout or aiohttp.ClientTimeout(),
        middlewares=(credentials.authorize, *middlewares),
        response_class=response_class,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def reason_of(error: Exception) -> str:
    """Return why a connection failed, in the operating system's words where there are any: `Connection refused`."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLError):  # its number isn't the operating system's
        return str(error)
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        return os.strerror(cause.errno)
    return str(error) or type(error).__name__


class Client:
    """Requests to one API server.

    Use it as an asynchronous context manager: it owns connections.

    Parameters
    ----------
    credentials
        The API server's address, and the identity.
    connections
        Most requests at once.
    timeout
        Seconds for one request.
    tries
        How often a request is sent while the server answers 429.
    may_write
        Returns whether writes may be sent; without it they always may.
    observe
        Called after each request with the method, the answer's status (0: no answer) and the seconds that it took.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        connections: int = CONNECTIONS,
        timeout: float = TIMEOUT,
        tries: int = TRIES,
        may_write: Callable[[], bool] | None = None,
        observe: Callable[[str, int, float], None] | None = None,
    ) -> None:
        self._tries = tries
        self._observe = observe
        self._may_write = may_write
        self._server = credentials.server
        self._session = open_session(
            credentials, limit=connections, timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=timeout / 3)
        )
        self._not_before = 0.0

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self,
        method: Method,
        path: str,
        *,
        body: object = None,
        content_type: str = JSON,
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> bytes:
        """Send a request and return the answer's body.

        After a 429 the request is sent again, `tries` times in all. All requests of this client wait meanwhile: the
        server has asked for fewer requests.

        Parameters
        ----------
        method, path, params
            The request line: HTTP method, path below the server's address, query.
        body
            The object to send, encoded as JSON; None: no body.
        content_type, accept
            The headers Content-Type (if there is a body) and Accept.

        Raises
        ------
        NotLeadingError
            It is a write, and writes may not be sent.
        KubeError
            One of its subclasses, for every answer of 400 and more, and for no answer.
        """
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Accept": accept} if data is None else {"Accept": accept, "Content-Type": content_type}
        for attempt in range(1, self._tries + 1):
            await self._wait_turn()
            if method != "GET" and self._may_write is not None and not self._may_write():
                raise NotLeadingError("not sent: another replica may be the leader by now")
            try:
                return await self._send(method, path, data, headers, params)
            except TooManyRequestsError as error:
                if attempt == self._tries:
                    raise
                self._pause(error.retry_after)
        raise AssertionError("unreachable: the last try returns or raises")

    async def get(self, path: str, type_: type[T], *, params: Mapping[str, str] | None = None) -> T:
        """GET an object and decode it as `type_`; for errors see `request`.

        Parameters
        ----------
        path
            The path, without query.
        type_
            The type to decode the answer into.
        params
            The query.
        """
        return msgspec.json.decode(await self.request("GET", path, params=params), type=type_)

    async def _send(
        self,
        method: Method,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
    ) -> bytes:
        started, status = time.perf_counter(), 0
        try:
            async with self._session.request(
                method, self._server + path, data=data, headers=headers, params=params, allow_redirects=False
            ) as response:
                content, status = await response.read(), response.status
        except CredentialsError as error:
            raise UnauthorizedError(str(error), status=401) from error
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {self._server} in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"cannot reach {self._server}: {reason_of(error)}") from error
        finally:
            if self._observe is not None:
                self._observe(method, status, time.perf_counter() - started)
        if response.status >= 400:
            raise error_from(response.status, response.headers, content)
        if response.status >= 300:
            raise UnauthorizedError(f"{self._server} redirects elsewhere: it is no API server", status=response.status)
        return content

    async def _wait_turn(self) -> None:
        if (wait := self._not_before - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait)

    def _pause(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + min(max(seconds, 0.0), MAX_RETRY_AFTER)
        self._not_before = max(self._not_before, until)
