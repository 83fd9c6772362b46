"""GET, with a deadline for the whole answer, a bound on its size, kept connections and no redirects to other hosts.

requests has none of the first two. It still decides about proxies, CA bundles and netrc (``environment``), and makes
the calls that go through a proxy; those are bounded by the runner's deadline and by the time between two reads.
"""

import http.client
import socket
import threading
import time
import weakref
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, quote, urljoin

from flask_management_endpoints.dependencies.environment import Environment, Route
from flask_management_endpoints.dependencies.model import Timeouts
from flask_management_endpoints.dependencies.sockets import DeadlineSocket, connect
from flask_management_endpoints.dependencies.urls import BadUrlError, origin, split
from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.probe import USER_AGENT

MAX_BODY = 1024 * 1024
MAX_REDIRECTS = 3
MAX_KEPT = 4
KEPT_SECONDS = 75.0


class RequestError(Exception):
    """A request that got no usable answer. The message is fit for a log line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    complete: bool
    """False when the body is longer than `MAX_BODY`; ``body`` is then its beginning."""
    location: str | None = None


@dataclass(slots=True)
class _Kept:
    socket: DeadlineSocket
    since: float


class Client:
    """Connections of one app to the services it depends on."""

    def __init__(self) -> None:
        self._environment = Environment()
        self._kept: dict[tuple[str, str, int], list[_Kept]] = {}
        self.reset_after_fork()
        reset_in_children(self)
        weakref.finalize(self, _close, self._kept)

    def reset_after_fork(self) -> None:
        """Let go of the connections.

        The parent still uses them. (Closing a forked copy of a socket leaves the parent's open.)
        """
        self._lock = threading.Lock()
        self.close()

    @staticmethod
    def warm_up() -> None:
        """Import requests now: inside the first check it would take 30 to 300 ms of that check's time."""
        import requests  # noqa: F401

    def get(
        self, url: str, *, timeouts: Timeouts, until: float, headers: Mapping[str, str], follow: bool = True
    ) -> Answer:
        """Return the answer to GET ``url``.

        Parameters
        ----------
        timeouts
            Seconds to connect, and seconds for the answer after that.
        until
            When the answer must be there at the latest, on the monotonic clock.
        follow
            Whether to go where a redirect leads, on the same host.

        Raises
        ------
        RequestError
            When there is no whole answer in time, a certificate is bad, or a redirect leads elsewhere or in circles.
        """
        try:
            parts = split(url)
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._get_once(parts, timeouts, until, headers)
                if answer.location is None or not follow:
                    return answer
                parts = _redirected(parts, answer.location)
        except TimeoutError:
            raise RequestError("no whole answer in time") from None
        except (OSError, http.client.HTTPException, BadUrlError, UnicodeError) as error:
            raise RequestError(f"{type(error).__name__}: {error}") from None
        raise RequestError(f"redirects more than {MAX_REDIRECTS} times")

    def _get_once(self, parts: SplitResult, timeouts: Timeouts, until: float, headers: Mapping[str, str]) -> Answer:
        route = self._environment.route(parts)
        if route.proxied:
            return _through_proxy(parts, timeouts, until, headers)
        request = _request(parts, route, headers)
        kept = self._take(parts)
        if kept is not None:
            kept.until = min(until, time.monotonic() + timeouts.read)
            with suppress(
                ConnectionError, http.client.BadStatusLine
            ):  # closed by the server between two requests: once more, freshly
                return self._exchange(parts, kept, request)
        fresh = self._connect(parts, route, min(until, time.monotonic() + timeouts.connect))
        fresh.until = min(until, time.monotonic() + timeouts.read)
        return self._exchange(parts, fresh, request)

    def _connect(self, parts: SplitResult, route: Route, until: float) -> DeadlineSocket:
        scheme, host, port = origin(parts)
        sock = connect(host, port, until)
        if scheme != "https":
            return DeadlineSocket(sock)
        try:
            sock.settimeout(max(0.001, until - time.monotonic()))
            return DeadlineSocket(self._environment.tls(route.ca_bundle).wrap_socket(sock, server_hostname=host))
        except BaseException:
            sock.close()
            raise

    def _exchange(self, parts: SplitResult, sock: DeadlineSocket, request: bytes) -> Answer:
        keep = False
        try:
            sock.sendall(request)
            with http.client.HTTPResponse(
                cast("socket.socket", sock), method="GET"
            ) as response:  # it only needs makefile()
                response.begin()
                body = response.read(MAX_BODY + 1)
                if response.length and len(body) <= MAX_BODY:  # closed early: read(n) takes that for the end
                    raise http.client.IncompleteRead(body, response.length)
                keep = response.isclosed() and not response.will_close
                body = _decoded(body, response.headers.get("Content-Encoding"))
                return Answer(response.status, body[:MAX_BODY], len(body) <= MAX_BODY, _location(response))
        finally:
            if keep:
                self._keep(parts, sock)
            else:
                sock.close()

    def _take(self, parts: SplitResult) -> DeadlineSocket | None:
        with self._lock:
            kept = self._kept.pop(origin(parts), [])
            found = next(_usable(kept), None)
            if kept:
                self._kept[origin(parts)] = kept
        return found

    def _keep(self, parts: SplitResult, sock: DeadlineSocket) -> None:
        with self._lock:
            kept = self._kept.setdefault(origin(parts), [])
            if len(kept) < MAX_KEPT:
                kept.append(_Kept(sock, time.monotonic()))
                return
        sock.close()

    def close(self) -> None:
        """Close all kept connections."""
        with self._lock:
            _close(self._kept)


def _close(kept: dict[tuple[str, str, int], list[_Kept]]) -> None:
    while kept:
        for entry in kept.popitem()[1]:
            entry.socket.close()


def _usable(kept: list[_Kept]) -> Iterator[DeadlineSocket]:
    while kept:
        entry = kept.pop()
        if time.monotonic() - entry.since < KEPT_SECONDS and entry.socket.is_idle():
            yield entry.socket
        else:
            entry.socket.close()


def _request(parts: SplitResult, route: Route, headers: Mapping[str, str]) -> bytes:
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?[]")
    host = parts.netloc.rpartition("@")[2]
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        f"User-Agent: {USER_AGENT}",
        "Accept: application/json, */*;q=0.5",
    ]
    lines += ["Accept-Encoding: identity", *(f"{name}: {value}" for name, value in headers.items())]
    if route.authorization:
        lines.append(f"Authorization: {route.authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _decoded(body: bytes, encoding: str | None) -> bytes:
    """Return the body without gzip, for servers that compress though asked not to; its size stays bounded."""
    if encoding not in ("gzip", "x-gzip"):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, MAX_BODY + 1)
    except zlib.error as error:
        raise http.client.HTTPException(f"gzip: {error}") from None


def _location(response: http.client.HTTPResponse) -> str | None:
    return response.headers.get("Location") if response.status in (301, 302, 303, 307, 308) else None


def _redirected(parts: SplitResult, location: str) -> SplitResult:
    target = split(urljoin(parts.geturl(), location))
    if target.hostname != parts.hostname or (parts.scheme, target.scheme) == ("https", "http"):
        raise RequestError("redirects to another host, which is not followed")
    return target


def _through_proxy(parts: SplitResult, timeouts: Timeouts, until: float, headers: Mapping[str, str]) -> Answer:
    import requests

    remaining = until - time.monotonic()
    limits = (min(timeouts.connect, remaining), min(timeouts.read, remaining))
    if remaining <= 0:
        raise TimeoutError
    wanted = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
    try:
        with requests.get(
            parts.geturl(), timeout=limits, headers=wanted, stream=True, allow_redirects=False
        ) as response:
            body = bytearray()
            read = getattr(response.raw, "read1", response.raw.read)  # urllib3 has read1 since 2.1
            while len(body) <= MAX_BODY and (piece := read(65536)):
                body += piece
                if time.monotonic() > until:
                    raise TimeoutError
            location = response.headers.get("Location") if response.is_redirect else None
            body = bytearray(_decoded(bytes(body), response.headers.get("Content-Encoding")))
            return Answer(response.status_code, bytes(body[:MAX_BODY]), len(body) <= MAX_BODY, location)
    except requests.Timeout:
        raise TimeoutError from None
