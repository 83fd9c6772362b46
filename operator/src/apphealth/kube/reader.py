"""Requests of the command line, by the official client: one look at a cluster, or one small change.

It watches nothing, and gives JSON as the API server sent it. The operator's requests are `client`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
MANAGER = "apphealth-cli"
"""The field manager of the command line's changes. It is not the operator's: they are the user's."""
PAGE = "500"
"""Objects asked for at once."""


class Reader:
    """Requests to one API server; safe to use from several threads.

    Use it as a context manager: it owns connections.

    Parameters
    ----------
    access
        The cluster, with a token that is good for as long as one command takes.
    timeout
        Seconds for one request.
    """

    def __init__(self, access: ClusterAccess, *, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
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
        return self._request("GET", path, params=params)

    def merge(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH an object by a JSON merge patch, and return it; for errors see `get`.

        Parameters
        ----------
        path
            The object.
        body
            The fields to set; those that are None are removed.
        """
        return self._request("PATCH", path, params={"fieldManager": MANAGER}, body=body)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST an object to its collection, and return it; for errors see `get`.

        Parameters
        ----------
        path
            The path of the collection.
        body
            The object.
        """
        return self._request("POST", path, params={"fieldManager": MANAGER}, body=body, kind="application/json")

    def delete(self, path: str) -> None:
        """DELETE an object; for errors see `get`."""
        self._request("DELETE", path, params={})

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        kind: str = "application/merge-patch+json",
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = kind
        request = self._api.param_serialize(
            method,
            path,
            query_params=list(params.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=self._timeout)
            answer = response.read()
        except ApiException as error:
            if error.status:
                raise error_from(error.status, error.headers or {}, b"") from error
            raise UnreachableError(f"cannot reach {self._server}: {error.reason}") from error
        except HTTPError as error:
            reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            raise UnreachableError(f"cannot reach {self._server}: {reason}") from error
        if response.status >= 400:
            raise error_from(response.status, response.headers, answer)
        if response.status >= 300:
            raise UnauthorizedError(f"{self._server} redirects elsewhere: it is no API server", status=response.status)
        found: dict[str, Any] = msgspec.json.decode(answer)
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
