"""The floor: the barest client that does the same, on the same connections, with bodies that are bytes already.

As a program (`python -m tests.bench.bare KUBECONFIG JOBS`) it is a process of its own, as the operator is: it loads its
jobs, says `ready`, and starts at the first line on its standard input.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from apphealth.kube.configuration import find_access

CONNECTIONS = 8
JSON = "application/json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One request. A PATCH that meets a conflict is sent again with the resourceVersion of the moment."""

    method: str
    path: str
    content_type: str
    body: msgspec.Raw


Job = Sequence[Step]
"""Requests that are sent one after another: what one workload needs."""


class Bare:
    """A session with an API server.

    Attributes
    ----------
    conflicts
        PATCHes that had to be sent again.
    """

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.conflicts = 0

    async def get(self, path: str, accept: str = JSON) -> Any:
        """GET an object or a list."""
        async with self.session.get(self.server + path, headers={"Accept": accept}) as answer:
            answer.raise_for_status()
            return msgspec.json.decode(await answer.read())

    async def items(self, path: str, accept: str = JSON) -> AsyncIterator[dict[str, Any]]:
        """GET a list page by page."""
        token = ""
        while True:
            page = await self.get(f"{path}{'&' if '?' in path else '?'}limit=500&continue={token}", accept)
            for item in page["items"] or ():
                yield item
            if not (token := page["metadata"].get("continue", "")):
                return

    async def send(self, jobs: Iterable[Job], connections: int = CONNECTIONS) -> None:
        """Do all jobs, some at a time."""
        rest = iter(jobs)

        async def worker() -> None:
            for job in rest:
                for step in job:
                    await self._send(step)

        await asyncio.gather(*(worker() for _ in range(connections)))

    async def _send(self, step: Step, tries: int = 5) -> None:
        headers = {"Content-Type": step.content_type}
        async with self.session.request(
            step.method, self.server + step.path, data=bytes(step.body), headers=headers
        ) as answer:
            text = await answer.read()
        if answer.status == 409 and step.method == "PATCH" and tries:
            self.conflicts += 1
            await self._send(await self._renewed(step), tries - 1)
        elif answer.status >= 400 and not (answer.status == 404 and step.method == "DELETE"):
            raise RuntimeError(f"{step.method} {step.path}: {answer.status} {text[:500].decode(errors='replace')}")

    async def _renewed(self, step: Step) -> Step:
        body = msgspec.json.decode(step.body)
        found = await self.get(step.path.partition("?")[0])
        body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        return step_of(step.method, step.path, body, step.content_type)


@asynccontextmanager
async def connect(kubeconfig: Path, connections: int = CONNECTIONS) -> AsyncIterator[Bare]:
    """Open a session with the rights of a kubeconfig."""
    access = find_access(kubeconfig)
    connector = aiohttp.TCPConnector(limit=connections, ssl=access.ssl_context or True)
    headers = {"Accept-Encoding": "identity"}
    if authorization := access.authorization():
        headers["Authorization"] = authorization
    timeout = aiohttp.ClientTimeout(total=None, sock_read=600)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        yield Bare(access.configuration.host, session)


def step_of(method: str, path: str, body: Mapping[str, Any] | None, content_type: str = JSON) -> Step:
    """Make a request of a body."""
    return Step(method, path, content_type, msgspec.Raw(msgspec.json.encode(body) if body is not None else b""))


def write_jobs(jobs: Iterable[Job], target: Path) -> None:
    """Write jobs to a file, for the program."""
    target.write_bytes(msgspec.json.encode([[[s.method, s.path, s.content_type, s.body] for s in job] for job in jobs]))


async def _program(kubeconfig: Path, jobs_file: Path) -> None:
    jobs = msgspec.json.decode(jobs_file.read_bytes(), type=list[list[Step]])
    async with connect(kubeconfig) as bare:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        before, cpu = time.time(), _cpu()
        await bare.send(jobs)
        found = {"began": before, "seconds": time.time() - before, "cpu": _cpu() - cpu, "conflicts": bare.conflicts}
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(_program(Path(sys.argv[1]), Path(sys.argv[2])))
