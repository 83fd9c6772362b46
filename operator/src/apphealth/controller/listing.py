"""Reading lists: page by page, straight into the store.

kopf lists each kind before it watches it, at the start and whenever a watch has been broken for too long. It turns
every item into an event with a worker of its own, and neither says when a list is complete nor what it no longer has.
So the session that we give kopf reads the pages itself, and hands kopf the same pages without items: the store is
complete exactly when the last page is, deletions are found, and 20,000 objects need no 20,000 workers. See
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

from apphealth.controller.echoes import EchoFree
from apphealth.controller.resources import Resource, watched
from apphealth.kube.client import open_session
from apphealth.kube.credentials import Credentials
from apphealth.kube.meta import Meta

_PARTIAL = "application/json;as={};g=meta.k8s.io;v=v1"
Knows = Callable[[Resource, Meta], bool]
"""Tells whether an object is known in this version, or a newer one, already."""
TakePage = Callable[[Resource, Sequence[dict[str, Any]], bool, bool], None]
"""Called with each page: the resource, its items, whether it is the first, whether it is the last."""


def watch_session(
    credentials: Credentials, namespace: str | None, take: TakePage, knows: Knows
) -> aiohttp.ClientSession:
    """Open the session that kopf lists and watches with.

    Parameters
    ----------
    credentials
        Where the API server is, and who we are.
    namespace
        The only namespace that is watched; None: all.
    take
        Gets the pages of lists.
    knows
        Tells which events of watches kopf need not see.
    """
    paths = {resource.path(namespace): resource for resource in watched(namespace)}
    return open_session(
        credentials, middlewares=(_asks_for_metadata(paths),), response_class=_reader(paths, take, knows)
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
        """A response that reads the pages of lists itself, and leaves our own echoes out of watches."""

        async def start(self, connection: Connection) -> ClientResponse:
            """Begin to read; the body of a watch is filtered."""
            await super().start(connection)
            resource = paths.get(self.url.path)
            if resource is not None and self.status == 200 and "watch" in self.url.query:
                # Whatever aiohttp and kopf do with a body, it does as well.
                self.content = EchoFree(self.content, partial(knows, resource))  # type: ignore[assignment]
            return self

        async def json(self, **options: Any) -> Any:  # noqa: ANN401 -- as its base class
            """Return the body; of a list, without the items."""
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
