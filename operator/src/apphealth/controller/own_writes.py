"""Filtering the operator's own writes out of watches.

Every write of ours comes back as a watch event. By then the store mostly has that version from the answer to the write.
kopf would still parse the event, start a worker for it and call a handler, only for the store to find nothing new:
while 10,000 workloads are patched, that is a quarter of the operator's CPU. Instead kopf gets a bookmark. A bookmark
carries only the resourceVersion, with which kopf continues after a watch has been broken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec

from apphealth.kube.meta import Meta, Object

_BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":%s}}}'


class _Event(msgspec.Struct):
    type: str
    object: Object


_DECODER = msgspec.json.Decoder(_Event)


class WithoutOwnWrites:
    """The body of a watch response, with a bookmark in place of each event that the store knows already.

    Parameters
    ----------
    content
        The body of the response.
    known
        Returns whether the store has an object in this version or a newer one.
    """

    def __init__(self, content: aiohttp.StreamReader, known: Callable[[Meta], bool]) -> None:
        self._content = content
        self._known = known

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- everything else that aiohttp calls on a body
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield the body in whole lines.

        Parameters
        ----------
        size
            Most bytes that are read from the connection at a time.
        """
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                yield b"".join(self._filtered(line) + b"\n" for line in lines)
        if rest:
            yield rest

    def _filtered(self, line: bytes) -> bytes:
        try:
            event = _DECODER.decode(line)
        except msgspec.MsgspecError:
            return line  # kopf reports what is wrong with it
        meta = event.object.metadata
        if event.type in ("ADDED", "MODIFIED") and self._known(meta):
            return _BOOKMARK % msgspec.json.encode(meta.resource_version)
        return line
