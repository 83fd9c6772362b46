"""Calling grpc.health.v1.Health/Check over HTTP/2 in plain text, as the kubelet does.

One call of two tiny messages: h2 does the protocol, and the messages are written by hand, so that neither a gRPC
library nor protobuf is needed. Loaded only when a pod is asked by gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import closing

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from apphealth.probing.connecting import open_connection
from apphealth.probing.http import USER_AGENT
from apphealth.probing.tries import MAX_BODY, NoAnswerError, Outcome, Try

SERVING = b"\x08\x01"
"""HealthCheckResponse{status: SERVING}."""
_SERVING_STATUS = {b"": "UNKNOWN", b"\x08\x00": "UNKNOWN", b"\x08\x02": "NOT_SERVING", b"\x08\x03": "SERVICE_UNKNOWN"}
_CODES = {
    "5": "NOT_FOUND: it doesn't know this service",
    "12": "UNIMPLEMENTED: it has no health service",
    "14": "UNAVAILABLE",
}
"""Statuses of gRPC that tell something."""
_GONE = frozenset({"5", "12"})
"""Those of a server that has no such service."""
STREAM = 1


async def check(host: str, port: int, service: str, timeout: float) -> Try:
    """Call once.

    Parameters
    ----------
    host, port, service
        The pod's IP, the port, and the name of the service; empty for the server as a whole.
    timeout
        Seconds for everything together.

    Raises
    ------
    NoAnswerError
        There is no connection, or no answer that is gRPC and of a sensible size.
    """
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await open_connection(host, port, timeout)
            with closing(writer.transport):
                call = _Call(reader, writer)
                await call.run(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", service)
    except TimeoutError as error:
        raise NoAnswerError(Outcome.BAD, f"no complete answer within {timeout:g} s") from error
    except (ProtocolError, UnicodeDecodeError) as error:
        raise NoAnswerError(Outcome.BAD, "what came back is no gRPC", gone=True) from error
    except OSError as error:
        raise NoAnswerError(Outcome.BAD, "the connection was closed without an answer") from error
    return call.judged(asyncio.get_running_loop().time() - started)


class _Call:
    """One call on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._headers: dict[str, str] = {}
        self._data = bytearray()

    async def run(self, authority: str, service: str) -> None:
        """Send the request and read the answer to its end."""
        self._http.initiate_connection()
        self._http.send_headers(STREAM, _request(authority))
        self._http.send_data(STREAM, _message(service), end_stream=True)
        read = 0
        while True:
            self._writer.write(self._http.data_to_send())
            received = await self._reader.read(MAX_BODY)
            read += len(received)
            if read > MAX_BODY:
                raise NoAnswerError(Outcome.BAD, f"more than {MAX_BODY // 1024} KiB")
            if not received:
                closed = "what came back is no gRPC" if read else "the connection was closed without an answer"
                raise NoAnswerError(Outcome.BAD, closed)
            if self._take(self._http.receive_data(received)):
                return

    def _take(self, events: Iterable[Event]) -> bool:
        """Take in what came; returns whether that was all."""
        for event in events:
            match event:
                case ResponseReceived() | TrailersReceived():
                    self._headers.update((str(name), str(value)) for name, value in event.headers or ())
                case DataReceived():
                    self._data += event.data or b""
                case StreamEnded():
                    return True
                case StreamReset() | ConnectionTerminated():
                    raise NoAnswerError(Outcome.BAD, "the call was broken off")
        return False

    def judged(self, seconds: float) -> Try:
        """Say what the answer means."""
        if self._headers.get(":status") != "200" or "grpc-status" not in self._headers:
            raise NoAnswerError(Outcome.BAD, "what came back is no gRPC", gone=True)
        if (code := self._headers["grpc-status"]) != "0":
            known = _CODES.get(code) or (
                f"gRPC status {code}" if code.isdecimal() and len(code) < 3 else "no gRPC status"
            )
            return Try(outcome=Outcome.STARTING if code == "14" else Outcome.BAD, detail=known, gone=code in _GONE)
        message = bytes(self._data[5:])
        if message == SERVING:
            return Try(outcome=Outcome.GOOD, detail="SERVING", seconds=seconds)
        status = _SERVING_STATUS.get(message, "an answer of another kind")
        return Try(outcome=Outcome.STARTING if status == "NOT_SERVING" else Outcome.BAD, detail=status)


def _request(authority: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", USER_AGENT),
    ]


def _message(service: str) -> bytes:
    """Return HealthCheckRequest{service} in its frame: not compressed, then the length."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
