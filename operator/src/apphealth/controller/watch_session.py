"""The HTTP session that kopf lists and watches with.

kopf lists each resource before it watches it, at the start and whenever a watch has been broken for too long. It turns
every item into an event with a worker of its own, and it reports neither that a list is complete nor which objects the
list lacks. So this session reads the pages of lists itself, and gives kopf the same pages without items: the store is
full as soon as the last page is read, deletions are found, and 20,000 objects need no 20,000 workers. See
docs/decisions, "Lists are read by our own session".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import aiohttp
import msgspec
from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse
from aiohttp.connector import Connection

from apphealth.controller.own_writes import WithoutOwnWrites
from apphealth.kube.client import open_session
from apphealth.kube.credentials import Credentials
from apphealth.kube.meta import Meta
from apphealth.kube.resources import Resource

_PARTIAL = "application/json;as={};g=meta.k8s.io;v=v1"
Knows = Callable[[Resource, Meta], bool]
"""Returns whether the store has an object in this version or a newer one."""
TakePage = Callable[[Resource, Sequence[dict[str, Any]], bool, bool], None]
"""Called with each page: the resource, its items, whether it is the first page, whether it is the last page."""


def watched(namespace: str | None) -> tuple[Resource, ...]:
    """Return the resources to watch.

    Parameters
    ----------
    namespace
        The only namespace to watch: cluster-scoped resources are left out, because rights on the namespace don't allow
        reading them. None: the whole cluster.
    """
    return tuple(resource for resource in Resource if namespace is None or resource.value.namespaced)


def watch_session(
    credentials: Credentials,
    namespace: str | None,
    take: TakePage,
    knows: Knows,
    middlewares: Sequence[ClientMiddlewareType] = (),
) -> aiohttp.ClientSession:
    """Open the session that kopf lists and watches with.

    Parameters
    ----------
    credentials
        The API server's address, and the operator's identity.
    namespace
        The only namespace to watch; None: all.
    take
        Gets the pages of lists.
    knows
        Decides which watch events kopf doesn't have to see.
    middlewares
        See every request.
    """
    paths = {resource.path(namespace): resource for resource in watched(namespace)}
    return open_session(
        credentials, middlewares=(*middlewares, _asks_for_metadata(paths)), response_class=_reader(paths, take, knows)
    )


def _asks_for_metadata(paths: Mapping[str, Resource]) -> ClientMiddlewareType:
    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        resource = paths.get(request.url.path)
        if resource is not None and resource.value.metadata_only:
            kind = "PartialObjectMetadata" if "watch" in request.url.query else "PartialObjectMetadataList"
            request.headers["Accept"] = _PARTIAL.format(kind)
        return await handler(request)

    return middleware


def _reader(paths: Mapping[str, Resource], take: TakePage, knows: Knows) -> type[ClientResponse]:
    class Reader(ClientResponse):
        """A response that reads the pages of lists itself, and filters the operator's own writes out of watches."""

        async def start(self, connection: Connection) -> ClientResponse:
            """Begin to read; the body of a watch is filtered."""
            await super().start(connection)
            resource = paths.get(self.url.path)
            if resource is not None and self.status == 200 and "watch" in self.url.query:
                # It does everything that aiohttp and kopf do with a body.
                self.content = WithoutOwnWrites(self.content, partial(knows, resource))  # type: ignore[assignment]
            return self

        async def json(self, **options: Any) -> Any:  # noqa: ANN401 -- as its base class
            """Return the body; the body of a list without its items."""
            resource = paths.get(self.url.path)
            if resource is None or self.status != 200:
                return await super().json(**options)
            page = msgspec.json.decode(await self.read())
            items: list[dict[str, Any]] = page.get("items") or []
            for item in items:
                item.setdefault("kind", resource.value.kind)
                item.setdefault("apiVersion", resource.api_version)
            take(resource, items, "continue" not in self.url.query, not page["metadata"].get("continue"))
            page["items"] = []
            return page

    return Reader
