"""Whether the watches reach the API server: one log line when they don't any more, and one when they do again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from apphealth.kube.client import reason_of

log = logging.getLogger(__name__)


class Contact:
    """A middleware of the watches' session that logs when contact to the API server is lost, and when it is back.

    kopf's own log would have a traceback for each attempt of each watch.

    Parameters
    ----------
    server
        The API server's address.
    clock
        Seconds, rising.
    """

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._lost_at: float | None = None

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request, and take note of whether the server answers."""
        try:
            response = await handler(request)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            self._lost(reason_of(error))
            raise
        self._back()
        return response

    def _lost(self, reason: str) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock()
            log.warning("no contact to the API server %s: %s (trying again)", self._server, reason)

    def _back(self) -> None:
        if self._lost_at is not None:
            log.info("the API server answers again, after %.0f s", self._clock() - self._lost_at)
            self._lost_at = None
