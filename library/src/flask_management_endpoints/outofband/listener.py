"""A very small HTTP server in a thread of the arbiter.

It answers liveness, and nothing a client does can hold it up.
"""

import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

Verdict: TypeAlias = Callable[[], tuple[bool, Mapping[str, Any]]]
MAX_HEAD = 8192
MAX_CLIENTS = 512
BACKLOG = 1024
PATIENCE = 2.0
"""Seconds a client has for its request."""
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the kubelet comes from outside the pod
PATHS = ("/health/liveness", "/health/ping")


@dataclass(slots=True)
class _Client:
    since: float
    data: bytes = b""


class Listener:
    """Answers ``…/health/liveness`` and ``…/health/ping``, under any prefix, with ``verdict``."""

    def __init__(self, address: tuple[str, int], verdict: Verdict, *, share: bool = False) -> None:
        self._verdict = verdict
        self._socket = _bound(address, share=share)
        self._clients: dict[socket.socket, _Client] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)

    @property
    def address(self) -> tuple[str, int]:
        """The address it listens on; the port that the system chose, where 0 was asked for."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def start(self) -> None:
        """Serve from a daemon thread."""
        threading.Thread(target=self._serve, name="health-listener", daemon=True).start()

    def share(self) -> None:
        """Let another process of this user listen on the same port from now on."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    def close(self) -> None:
        """Close the listening socket in this process: for a worker, which inherited a copy."""
        with suppress(OSError):
            self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                for key, _ in self._selector.select(timeout=PATIENCE):
                    self._accept() if key.fileobj is self._socket else self._read(key.fileobj)  # type: ignore[arg-type]
                self._give_up_on_the_slow()
            except (OSError, ValueError):  # one client's trouble, or the end of the process
                time.sleep(0.05)

    def _accept(self) -> None:
        """Take in all who wait. Where there are too many, whoever has been idle for longest goes: never the newest."""
        with suppress(BlockingIOError):
            while True:
                connection, _ = self._socket.accept()
                if len(self._clients) >= MAX_CLIENTS:
                    self._drop(next(iter(self._clients)))
                connection.setblocking(False)
                self._clients[connection] = _Client(time.monotonic())
                self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        client = self._clients[connection]
        try:
            piece = connection.recv(MAX_HEAD)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        client.data += piece
        if piece and b"\r\n\r\n" not in client.data and len(client.data) < MAX_HEAD:
            return
        if piece:
            with suppress(OSError):
                connection.sendall(self._answer(client.data))
        self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._clients.pop(connection, None)
        self._selector.unregister(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        connection.close()

    def _give_up_on_the_slow(self) -> None:
        limit = time.monotonic() - PATIENCE
        for connection in [one for one, client in self._clients.items() if client.since < limit]:
            self._drop(connection)

    def _answer(self, request: bytes) -> bytes:
        method, _, rest = request.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", {"status": 405, "error": "Method Not Allowed"})
        if not path.endswith(PATHS):
            return _response("404 Not Found", {"status": 404, "error": "Not Found"})
        up, body = self._verdict()
        return _response("200 OK" if up else "503 Service Unavailable", body, head=method == b"HEAD")


def _response(status: str, body: Mapping[str, Any], *, head: bool = False) -> bytes:
    text = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        "Cache-Control: no-store",
        f"Content-Length: {len(text)}",
    ]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + (b"" if head else text)


def _bound(address: tuple[str, int], *, share: bool) -> socket.socket:
    """Return a listening socket; ``share``: also if another arbiter of this user listens there and shares its port.

    Every IPv4 address means every IPv6 address too, where the system has them: the kubelet of an IPv6 cluster asks
    there.
    """
    if address[0] == EVERYWHERE and socket.has_dualstack_ipv6():
        with suppress(OSError):  # switched off after all, by the network namespace
            return _bound(("::", address[1]), share=share)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if address[0] == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
