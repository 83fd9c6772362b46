"""HTTP GET as the kubelet sends it: to the pod's IP, without proxies and cookies, with any certificate.

The kubelet (pkg/probe/http) follows redirects to the same host, whatever their scheme and port, for 10 requests and
within the probe's timeout. A redirect to another host is not followed and counts as success. Of a body it reads 10 KiB.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from functools import lru_cache

import aiohttp
from yarl import URL

from apphealth.model.probe import HttpGet
from apphealth.probing.connecting import no_connection
from apphealth.probing.tries import MAX_BODY, NoAnswerError, Outcome, printable

USER_AGENT = "kube-probe/apphealth"
"""Begins as the kubelet's: applications and their logs know probes by it."""
MAX_LINE = 8190
"""Most bytes of a status line or a header."""
MAX_HEADERS = 100
MAX_REQUESTS = 10
"""Requests after which the kubelet follows no further redirect."""
KUBELET_READS = 10 * 1024
"""Bytes of a body that the kubelet reads."""
MAX_SERVER = 100
"""Characters kept of the headers that name programs."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    location: str = ""
    """The target of a redirect that was not followed."""
    server: str = ""
    """The program that says it answered, or passed the answer on: the headers Server and Via."""
    powered: str = ""
    """What the application says it is made with: the header X-Powered-By."""
    redirects: int = 0
    """How many redirects were followed."""
    last: str = ""
    """After redirects, the scheme, port and path that this is the answer of: `https :443/up`."""
    seconds: float = 0.0


async def get(host: str, handler: HttpGet, timeout: float, *, as_kubelet: bool = False) -> Answer:
    """Send a GET, and return the answer.

    Parameters
    ----------
    host, handler
        The pod's IP; port, path, scheme and headers.
    timeout
        Seconds for everything together.
    as_kubelet
        Follow redirects, and read of bodies, as the kubelet does. Otherwise the first answer counts, whole.

    Raises
    ------
    NoAnswerError
        There is no answer, or none that is HTTP and of a sensible size.
    """
    started = asyncio.get_running_loop().time()
    visit = _Visit(_url(host, handler), handler, as_kubelet=as_kubelet)
    try:
        async with asyncio.timeout(timeout), _session() as session:
            answer = await visit.run(session)
    except TimeoutError as error:
        raise visit.failed(NoAnswerError(Outcome.BAD, f"no complete answer within {timeout:g} s", late=True)) from error
    except aiohttp.ClientSSLError as error:
        raise visit.failed(NoAnswerError(Outcome.BAD, "what came back is no TLS", gone=True)) from error
    except OSError as error:  # aiohttp's errors about connections among them
        raise visit.failed(no_connection(error)) from error
    except aiohttp.ServerDisconnectedError as error:
        raise visit.failed(NoAnswerError(Outcome.BAD, "the connection was closed without an answer")) from error
    except aiohttp.ClientError as error:
        raise visit.failed(NoAnswerError(Outcome.BAD, "what came back is no HTTP", gone=True)) from error
    except ValueError as error:
        raise visit.failed(NoAnswerError(Outcome.BAD, "this path or these headers can't be sent")) from error
    return replace(answer, seconds=asyncio.get_running_loop().time() - started)


class _Visit:
    """One GET, and those that redirects lead to."""

    def __init__(self, url: URL, handler: HttpGet, *, as_kubelet: bool) -> None:
        self._url = url
        self._first_host = url.host
        given = {name.lower() for name, _ in handler.headers}
        defaults = [("User-Agent", USER_AGENT), ("Accept", "*/*")]
        self._headers = [pair for pair in defaults if pair[0].lower() not in given] + list(handler.headers)
        self._as_kubelet = as_kubelet
        self._redirects = 0

    async def run(self, session: aiohttp.ClientSession) -> Answer:
        """Send the request, and follow redirects where they are to be followed."""
        while True:
            answer = await self._send(session)
            target = self._followed(answer) if self._as_kubelet else None
            if target is None:
                return replace(answer, redirects=self._redirects, last=self._last)
            self._redirects += 1
            if self._redirects >= MAX_REQUESTS:
                raise NoAnswerError(Outcome.BAD, f"more than {MAX_REQUESTS - 1} redirects")
            self._url = target

    def failed(self, error: NoAnswerError) -> NoAnswerError:
        """Return the error of a request; after a redirect the application runs, so that it isn't starting."""
        if not self._redirects:
            return error
        return NoAnswerError(Outcome.BAD, f"{error.detail} after a redirect to {self._last}")

    @property
    def _last(self) -> str:
        return printable(f"{self._url.scheme} :{self._url.port}{self._url.path}", 100) if self._redirects else ""

    def _followed(self, answer: Answer) -> URL | None:
        """Return the target of a redirect that the kubelet follows; None if it doesn't."""
        if answer.status not in _REDIRECTS or not answer.location:
            return None
        location = URL(answer.location)
        target = self._url.join(location)
        if target.host != self._first_host:
            return None
        if target.scheme not in ("http", "https"):
            raise NoAnswerError(Outcome.BAD, f"{answer.status} to something that is no HTTP")
        if location.absolute:  # a Host header of one's own goes with relative redirects only
            self._headers = [(name, value) for name, value in self._headers if name.lower() != "host"]
        return target

    async def _send(self, session: aiohttp.ClientSession) -> Answer:
        async with session.get(self._url, headers=self._headers, allow_redirects=False) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if self._as_kubelet and len(body) >= KUBELET_READS:
                    response.close()
                    break
                if len(body) > MAX_BODY:
                    response.close()
                    raise NoAnswerError(Outcome.BAD, f"{response.status} with more than {MAX_BODY // 1024} KiB")
            location = response.headers.get("Location", "")
            server = " ".join(response.headers.get(name, "")[:MAX_SERVER] for name in ("Server", "Via")).strip()
            return Answer(
                status=response.status,
                body=bytes(body),
                location=location,
                server=server,
                powered=response.headers.get("X-Powered-By", "")[:MAX_SERVER],
            )


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
