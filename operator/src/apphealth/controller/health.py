"""The operator's own health: `/livez` answers while the event loop runs, `/readyz` says 200 when ready."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serve_health(port: int, ready: Callable[[], str]) -> AsyncIterator[int]:
    """Serve the endpoints on all addresses.

    Parameters
    ----------
    port
        The port to serve on; 0: any free port.
    ready
        Returns what the operator is waiting for; empty when it is ready.

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

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
