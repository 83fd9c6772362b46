"""Reads for the command line, by the official client: one look at a cluster, from several threads.

It writes nothing, watches nothing, and gives JSON as the API server sent it. The operator's requests are `client`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import msgspec
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3 import Retry
from urllib3.exceptions import HTTPError, MaxRetryError

from apphealth.kube.configuration import ClusterAccess
from apphealth.kube.errors import UnauthorizedError, UnreachableError, error_from
from apphealth.model import raw

CONNECTIONS = 8
"""Connections that are kept: as many as threads may read at once."""
TIMEOUT = 30.0
"""Seconds for one request."""
RETRIES = 4
"""How often a request is sent again that the server answers with Retry-After."""
PAGE = "500"
"""Objects asked for at once."""


class Reader:
    """GETs from one API server; safe to use from several threads.

    Use it as a context manager: it owns connections.

    Parameters
    ----------
    access
        The cluster, with a token that is good for as long as one command takes.
    """

    def __init__(self, access: ClusterAccess) -> None:
        configuration = access.configuration
        configuration.connection_pool_maxsize = CONNECTIONS
        # With it, the official client runs a plugin whose tokens are short-lived again before every single request.
        configuration.refresh_api_key_hook = None
        configuration.client_go_retries = True
        configuration.retries = Retry(RETRIES, connect=0, read=0, redirect=0, raise_on_redirect=False)
        self._server = configuration.host
        self._api = ApiClient(configuration)
        self._api.user_agent = "apphealth"

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()

    def get(self, path: str, **params: str) -> dict[str, Any]:
        """GET an object or a list.

        Parameters
        ----------
        path
            Where it is, with nothing left to quote.
        **params
            The query.

        Raises
        ------
        KubeError
            One of its subclasses, for every answer of 300 and more, and for no answer.
        """
        request = self._api.param_serialize(
            "GET",
            path,
            query_params=list(params.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=TIMEOUT)
            body = response.read()
        except ApiException as error:
            if error.status:
                raise error_from(error.status, error.headers or {}, b"") from error
            raise UnreachableError(f"cannot reach {self._server}: {error.reason}") from error
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            raise UnreachableError(f"cannot reach {self._server}: {reason}") from error
        if response.status >= 400:
            raise error_from(response.status, response.headers, body)
        if response.status >= 300:
            raise UnauthorizedError(f"{self._server} redirects elsewhere: it is no API server", status=response.status)
        found: dict[str, Any] = msgspec.json.decode(body)
        return found

    def items(self, path: str) -> Iterator[dict[str, Any]]:
        """GET a list page by page; for errors see `get`.

        Parameters
        ----------
        path
            The collection.
        """
        token = ""
        while True:
            page = self.get(path, limit=PAGE, **({"continue": token} if token else {}))
            yield from page.get("items") or ()
            token = raw.text(raw.mapping(page.get("metadata")).get("continue"))
            if not token:
                return
