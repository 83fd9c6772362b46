"""The credentials of requests by aiohttp, ours and kopf's: what the official client found, kept fresh beside the loop.

To renew a token, the official client starts a program, reads files or asks an identity provider, and waits. So that
happens in a thread, and once for all requests that need it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from apphealth.kube.configuration import ClusterAccess, find_access

CHECK = 60.0
"""Seconds between two looks at the age of the token. Kubernetes counts those who use a token for more than an hour."""

log = logging.getLogger(__name__)


def find_credentials(kubeconfig: Path | None = None, context: str | None = None) -> Credentials:
    """Find the cluster to talk to, and log in.

    Parameters
    ----------
    kubeconfig, context
        As for `find_access`.

    Raises
    ------
    CredentialsError
        There is no cluster to talk to, or its configuration can't be used.
    """
    find = partial(find_access, kubeconfig, context)
    return Credentials(find(), find)


class Credentials:
    """Where the API server is, and how to prove who we are.

    Parameters
    ----------
    access
        The cluster.
    find
        Reads the configuration and logs in anew, for when the API server refuses what is in use.

    Attributes
    ----------
    server, proxy
        URLs.
    namespace
        The namespace that the configuration names: in a cluster, the operator's own.
    in_pod
        Whether they are those of the pod that we run in.
    ssl_context
        For all connections to the server; None for one without TLS.
    header
        The Authorization header of the moment; None if there is none.

    Raises
    ------
    CredentialsError
        There is no token to be had.
    """

    def __init__(self, access: ClusterAccess, find: Callable[[], ClusterAccess] | None = None) -> None:
        self.server = access.configuration.host.rstrip("/")
        self.proxy = access.configuration.proxy
        self.namespace = access.namespace
        self.in_pod = access.in_pod
        self.ssl_context = access.ssl_context
        self.header = access.authorization()
        self._access = access
        self._find = find
        self._checked_at = time.monotonic()
        self._renewal: asyncio.Future[bool] | None = None

    async def authorize(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Add the credentials to a request, and try once with newer ones if they are refused: a middleware of aiohttp.

        Parameters
        ----------
        request
            The request to send.
        handler
            Sends it.

        Raises
        ------
        CredentialsError
            They are refused, and no others can be had.
        """
        request.server_hostname = self._access.configuration.tls_server_name
        self._check()
        header = self._put_into(request)
        response = await handler(request)
        if response.status == 401 and await self._renewed(header):
            response.release()
            self._put_into(request)
            response = await handler(request)
        return response

    def _put_into(self, request: ClientRequest) -> str | None:
        if self.header is not None:
            request.headers["Authorization"] = self.header
        return self.header

    def _check(self) -> None:
        """Have the token renewed before its end, if it is time to look at that; the request doesn't wait for it."""
        if time.monotonic() - self._checked_at > CHECK:
            self._checked_at = time.monotonic()
            asyncio.get_running_loop().run_in_executor(None, self._access.authorization).add_done_callback(
                self._checked
            )

    def _checked(self, check: asyncio.Future[str | None]) -> None:
        if check.cancelled():
            return
        if error := check.exception():
            log.warning("the token was not renewed: %s", error)
        else:
            self.header = check.result()

    async def _renewed(self, refused: str | None) -> bool:
        """Whether there is another token than the one that was refused."""
        if self.header != refused:
            return True
        if self._renewal is None:
            # A future of the executor, not a task: when kopf ends, it cancels every task that was started after it.
            self._renewal = asyncio.get_running_loop().run_in_executor(None, self._log_in)
            self._renewal.add_done_callback(self._logged_in)
        return await asyncio.shield(self._renewal)

    def _log_in(self) -> bool:
        if self._find is None:
            return False
        found = self._find()
        header = found.authorization()
        changed = header != self.header
        self._access, self.header = found, header
        return changed

    def _logged_in(self, renewal: asyncio.Future[bool]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # taken here in case that nobody waits any more
