"""A socket whose every read ends by one fixed time.

A socket's own timeout starts anew with each byte: a server that sends one byte every 0.4 s held version 1's 0.5 s
timeout for 6 s.
"""

import io
import selectors
import socket
import time

from flask_management_endpoints.raw import Raw


class DeadlineSocket:
    """What `http.client` needs of a socket, with a deadline for everything it does.

    The deadline can be moved for the next request.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.until = 0.0

    def sendall(self, data: Raw) -> None:
        """Send ``data``, or raise `TimeoutError` at the deadline."""
        self._arm()
        self._sock.sendall(data)

    def makefile(self, _mode: str = "rb", *_: object) -> io.BufferedReader:
        """Return a buffered reader over the socket."""
        return io.BufferedReader(_Raw(self), 16384)

    def recv_into(self, buffer: Raw) -> int:
        """Read what there is, or raise `TimeoutError` at the deadline."""
        self._arm()
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def is_idle(self) -> bool:
        """Return whether a kept connection is still usable.

        Nothing to read, since the end of the stream is readable too. Windows has no poll, and eventlet takes it away.
        """
        kind = getattr(selectors, "PollSelector", selectors.SelectSelector)
        try:
            with kind() as selector:
                selector.register(self._sock, selectors.EVENT_READ)
                return not selector.select(0)
        except (OSError, ValueError):
            return False

    def _arm(self) -> None:
        remaining = self.until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the time for this check is over")
        self._sock.settimeout(remaining)


class _Raw(io.RawIOBase):
    """The unbuffered end of `DeadlineSocket.makefile`. Closing it leaves the socket open, for the next request."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self._deadline_socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Raw) -> int:
        return self._deadline_socket.recv_into(buffer)


def connect(host: str, port: int, until: float) -> socket.socket:
    """Return a connected TCP socket, trying each address of ``host`` until one accepts.

    Raises
    ------
    OSError
        When no address accepts by ``until`` (monotonic seconds), or the name isn't known.
    """
    problem = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out while connecting")
            sock.settimeout(remaining)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem
