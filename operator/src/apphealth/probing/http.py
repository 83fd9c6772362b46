"""Asking by HTTP GET, as the kubelet does: the pod's IP, no redirects, no proxies, no cookies, any certificate."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
from yarl import URL

from apphealth.model.probe import HttpGet
from apphealth.probing.connecting import no_connection
from apphealth.probing.tries import MAX_BODY, NoAnswerError, Outcome

USER_AGENT = "kube-probe/apphealth"
"""Begins as the kubelet's: applications and their logs know probes by it."""
MAX_LINE = 8190
"""Most bytes of a status line or a header."""
MAX_HEADERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    location: str = ""
    """Where a redirect leads to."""
    seconds: float = 0.0


async def get(host: str, handler: HttpGet, timeout: float) -> Answer:
    """Ask once; everything together takes at most `timeout` seconds.

    Raises
    ------
    NoAnswerError
        There is no answer, or none that is HTTP and of a sensible size.
    """
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(timeout), _session() as session:
            answer = await _send(session, _url(host, handler), handler)
    except TimeoutError as error:
        raise NoAnswerError(Outcome.BAD, f"no complete answer within {timeout:g} s") from error
    except aiohttp.ClientSSLError as error:
        raise NoAnswerError(Outcome.BAD, "what came back is no TLS") from error
    except OSError as error:  # aiohttp's errors about connections among them
        raise no_connection(error) from error
    except aiohttp.ServerDisconnectedError as error:
        raise NoAnswerError(Outcome.BAD, "the connection was closed without an answer") from error
    except aiohttp.ClientError as error:
        raise NoAnswerError(Outcome.BAD, "what came back is no HTTP") from error
    except ValueError as error:
        raise NoAnswerError(Outcome.BAD, "this path or these headers can't be sent") from error
    seconds = asyncio.get_running_loop().time() - started
    return Answer(status=answer.status, body=answer.body, location=answer.location, seconds=seconds)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_any_certificate(), force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=["Accept-Encoding"],
        auto_decompress=False,
        trust_env=False,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
    )


async def _send(session: aiohttp.ClientSession, url: URL, handler: HttpGet) -> Answer:
    headers = [("User-Agent", USER_AGENT), ("Accept", "*/*")]
    given = {name.lower() for name, _ in handler.headers}
    headers = [pair for pair in headers if pair[0].lower() not in given] + list(handler.headers)
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY:
                response.close()
                raise NoAnswerError(Outcome.BAD, f"{response.status} with more than {MAX_BODY // 1024} KiB")
        location = response.headers.get("Location", "")
        return Answer(status=response.status, body=bytes(body), location=location)


def _url(host: str, handler: HttpGet) -> URL:
    """Return the URL; the slash keeps a hostile path from becoming part of the host."""
    authority = f"[{host}]" if ":" in host else host
    return URL(f"{handler.scheme.lower()}://{authority}:{handler.port}/{handler.path.removeprefix('/')}")


@lru_cache(maxsize=1)
def _any_certificate() -> ssl.SSLContext:
    """Take any certificate, as the kubelet does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
