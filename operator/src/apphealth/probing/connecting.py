"""Opening connections, and telling pods that are out of reach from pods that answer badly."""

from __future__ import annotations

import asyncio
import errno

from apphealth.probing.tries import NoAnswerError, Outcome

_NO_WAY = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
"""No host has the address, or the network lets nothing through."""


async def open_connection(host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection.

    Raises
    ------
    NoAnswerError
        Refused (STARTING), or no way there within `timeout` seconds (UNREACHED).
    """
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise NoAnswerError(Outcome.UNREACHED, f"no connection within {timeout:g} s") from error
    except OSError as error:
        raise no_connection(error) from error


async def knock(host: str, port: int, timeout: float) -> None:
    """Open a connection and close it, as a TCP probe does; for errors see `open_connection`."""
    _, writer = await open_connection(host, port, timeout)
    writer.transport.abort()


def no_connection(error: OSError) -> NoAnswerError:
    """Return what the failure to open a connection means for a probe."""
    if error.errno == errno.ECONNREFUSED:  # aiohttp's own class of it, too
        return NoAnswerError(Outcome.STARTING, "connection refused")
    if error.errno in _NO_WAY:
        return NoAnswerError(Outcome.UNREACHED, "no route")
    return NoAnswerError(Outcome.BAD, "the connection was closed without an answer")
