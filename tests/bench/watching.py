"""The barest watcher.

As a program (`python -m tests.bench.watching KUBECONFIG BODIES`) it also patches what it sees without probes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tests.bench.bare import STRATEGIC_MERGE, Bare, connect, step_of
from tests.bench.recording import DEPLOYMENTS


class _Meta(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Container(msgspec.Struct, rename="camel"):
    liveness_probe: dict[str, Any] | None = None


class _Pod(msgspec.Struct):
    containers: list[_Container] = []


class _Template(msgspec.Struct):
    spec: _Pod = msgspec.field(default_factory=_Pod)


class _Spec(msgspec.Struct):
    template: _Template = msgspec.field(default_factory=_Template)


class _Deployment(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _Spec = msgspec.field(default_factory=_Spec)


class _Event(msgspec.Struct):
    type: str
    object: _Deployment


@dataclass(frozen=True, slots=True)
class Seen:
    """A Deployment as a watch event shows it."""

    at: float
    """When its event was read (`time.perf_counter()`)."""
    name: str
    namespace: str
    uid: str
    resource_version: str
    probed: bool
    """Whether all of its containers have a liveness probe."""


async def watch(bare: Bare, see: Callable[[Seen], None], begun: asyncio.Event) -> None:
    """Watch all Deployments from now on, until cancelled or the API server ends it (5 to 10 minutes)."""
    now = (await bare.get(f"{DEPLOYMENTS}?limit=1"))["metadata"]["resourceVersion"]
    url = f"{bare.server}{DEPLOYMENTS}?watch=1&resourceVersion={now}"
    decoder = msgspec.json.Decoder(_Event)
    async with bare.session.get(url, read_bufsize=1 << 20) as answer:
        answer.raise_for_status()
        begun.set()
        async for line in answer.content:
            at = time.perf_counter()
            see(_seen(at, decoder.decode(line).object))


def _seen(at: float, found: _Deployment) -> Seen:
    meta, containers = found.metadata, found.spec.template.spec.containers
    probed = all(container.liveness_probe is not None for container in containers)
    return Seen(at, meta.name, meta.namespace, meta.uid, meta.resource_version, probed)


async def _program(kubeconfig: Path, bodies_file: Path) -> None:
    bodies: dict[str, dict[str, Any]] = msgspec.json.decode(bodies_file.read_bytes())
    seen: asyncio.Queue[Seen] = asyncio.Queue()
    async with connect(kubeconfig) as bare:
        begun = asyncio.Event()
        watcher = asyncio.create_task(watch(bare, seen.put_nowait, begun))
        await begun.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not watcher.done():
            if not (found := await seen.get()).probed:
                await _patch(bare, found, bodies[found.name])


async def _patch(bare: Bare, found: Seen, body: dict[str, Any]) -> None:
    path = f"/apis/apps/v1/namespaces/{found.namespace}/deployments/{found.name}"
    condition = {"metadata": {"uid": found.uid, "resourceVersion": found.resource_version}}
    query = "?fieldManager=apphealth&fieldValidation=Strict"
    await bare.send([[step_of("PATCH", path + query, body | condition, STRATEGIC_MERGE)]])


if __name__ == "__main__":
    asyncio.run(_program(Path(sys.argv[1]), Path(sys.argv[2])))
