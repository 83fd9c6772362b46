"""The operator's own health: `/livez` answers while the event loop runs, `/readyz` says 200 when ready; `/metrics`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4


@asynccontextmanager
async def serve_health(port: int, ready: Callable[[], str], metrics: Callable[[], bytes]) -> AsyncIterator[int]:
    """Serve the endpoints on all addresses.

    Parameters
    ----------
    port
        The port to serve on; 0: any free port.
    ready
        Returns what the operator is waiting for; empty when it is ready.
    metrics
        Returns the metrics in the text format of Prometheus.

    Yields
    ------
    int
        The port.

    Raises
    ------
    OSError
        The port is taken.
    """

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        missing = ready()
        return web.Response(text=f"{missing or 'ok'}\n", status=503 if missing else 200)

    async def serve_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", serve_metrics)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
