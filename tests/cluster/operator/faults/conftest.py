"""A proxy between the operator and the API server: it counts what is asked, and answers wrongly when told to."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and "limit" in self.query

    @property
    def is_write(self) -> bool:
        return self.method in WRITES


@dataclass(frozen=True)
class Fault:
    """A wrong answer, or (status 0) a cut connection; `delay` seconds come before it, or before the right one."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    delay: float = 0
    after: bool = False
    """Only when the API server has done what was asked: cut the connection, or answer `delay` seconds late."""


class Proxy:
    """The proxy, in a thread of its own. Set `fault` to a function that says what goes wrong with a request."""

    def __init__(self, api: Any) -> None:
        self.upstream = api.configuration.host
        self.context = ssl.create_default_context(cafile=api.configuration.ssl_ca_cert)
        self.seen: list[Request] = []
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.port = 0
        self._watches: list[web.Request] = []
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._main)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the proxy doesn't end"

    def cut_watches(self) -> int:
        """Cut all watches that are open; returns how many."""
        cut = list(self._watches)
        for request in cut:
            self._loop.call_soon_threadsafe(lambda r=request: r.transport and r.transport.abort())
        return len(cut)

    def writes(self) -> list[Request]:
        return [request for request in self.seen if request.is_write]

    def lists(self) -> list[Request]:
        return [request for request in self.seen if request.is_list]

    def _main(self) -> None:
        # The runner cancels what still converses at the end, so that nothing is left for the garbage collector.
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._run())

    async def _run(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.context)) as self._session:
            app = web.Application(client_max_size=64 * 1024 * 1024)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = Request(request.method, request.path, dict(request.query))
        self.seen.append(asked)
        fault = self.fault(asked)
        if fault is not None:
            if not fault.after:
                await asyncio.sleep(fault.delay)
            if fault.status == 0 and not fault.after:
                request.transport.abort()
                return web.Response()
            if fault.status:
                return web.json_response(fault.body or {}, status=fault.status, headers=dict(fault.headers))
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
        try:
            async with self._session.request(
                request.method,
                self.upstream + request.path_qs,
                data=await request.read() or None,
                skip_auto_headers=("Content-Type", "Accept-Encoding"),
                headers=headers,
                timeout=aiohttp.ClientTimeout(),
            ) as answer:
                if fault is not None and fault.after:
                    await answer.read()
                    await asyncio.sleep(fault.delay)
                    if fault.status == 0:
                        request.transport.abort()
                        return web.Response()
                return await self._pass_on(request, answer, asked)
        except aiohttp.ClientError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    async def _pass_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, asked: Request
    ) -> web.StreamResponse:
        kept = {k: v for k, v in answer.headers.items() if k.lower() in ("content-type", "retry-after")}
        if not asked.is_watch:
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        self._watches.append(request)
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except ConnectionError:
            pass
        finally:
            self._watches.remove(request)
        return response


@pytest.fixture
def proxy(api: Any) -> Iterator[Proxy]:
    """Provide the proxy."""
    found = Proxy(api)
    found.start()
    yield found
    found.close()


@pytest.fixture
def proxied(proxy: Proxy, installed: Path, tmp_path: Path) -> Path:
    """Provide the operator's kubeconfig, leading to the proxy."""
    config = yaml.safe_load(installed.read_text())
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{proxy.port}"}
    target = tmp_path / "proxied.kubeconfig"
    target.write_text(yaml.safe_dump(config))
    return target


@pytest.fixture
def fault() -> type[Fault]:
    """Provide a way to make faults: `fault(status, headers=..., body=..., delay=..., after=...)`."""
    return Fault
