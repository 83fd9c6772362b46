"""One changed Deployment, until its patch is seen.

A user's PATCH takes the probes out of a Deployment; a watch sees that, and then sees them put back. The time between
the two events is the sample: what lies before the first is the user's, not ours. Beside a bare watcher that sends a
PATCH it has ready as soon as it sees a Deployment without probes.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass

import msgspec
from tests.bench import objects
from tests.bench.bare import STRATEGIC_MERGE, Bare, step_of
from tests.bench.options import Options
from tests.bench.recording import PROBES, record
from tests.bench.report import Result, Row, measured, middle, percentile
from tests.bench.testbed import Testbed, testbed
from tests.bench.watching import Seen, watch

_PAUSE = 0.05
"""Seconds between a patch and the next change."""
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, and how long its answer took, in milliseconds."""

    who: str
    name: str
    milliseconds: float


def run(options: Options) -> Result:
    """Measure on a cluster of `small` Deployments."""
    with measured("latency") as result, testbed("latency", controllers=False) as bed:
        changes = asyncio.run(_measure(bed, options.small, options.changes))
        result.samples = [asdict(change) for change in changes]
        result.rows = _rows(changes)
    return result


async def _measure(bed: Testbed, size: int, changes: int) -> list[Change]:
    await bed.fill(size)
    await bed.make_rule()
    with bed.operator() as operator:
        await asyncio.to_thread(operator.wait_looked_around)
        found = await _series(bed, "operator", size, changes)
    async with bed.admin() as bare:
        recording = await record(bare)
    bodies = bed.folder / "bodies.json"
    bodies.write_bytes(msgspec.json.encode({name: body for (_, name), body in recording.patches.items()}))
    command = [sys.executable, "-m", "tests.bench.watching", str(bed.kubeconfig), str(bodies)]
    client = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert client.stdout is not None
    await client.stdout.readline()
    try:
        return found + await _series(bed, "bare", size, changes)
    finally:
        client.terminate()
        await client.wait()


async def _series(bed: Testbed, who: str, size: int, changes: int) -> list[Change]:
    async with bed.admin() as bare:
        seen: asyncio.Queue[Seen] = asyncio.Queue()
        begun = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(watch(bare, seen.put_nowait, begun))
            await begun.wait()
            found = [await _change(bare, seen, who, number % size) for number in range(changes)]
            watcher.cancel()
        return found


async def _change(bare: Bare, seen: asyncio.Queue[Seen], who: str, number: int) -> Change:
    await asyncio.sleep(_PAUSE)
    name = objects.name_of(number)
    without = dict.fromkeys(PROBES) | {"name": "web"}
    body = {"spec": {"template": {"spec": {"containers": [without]}}}}
    path = f"/apis/apps/v1/namespaces/{objects.namespace_of(number)}/deployments/{name}?fieldManager=somebody"
    await bare.send([[step_of("PATCH", path, body, STRATEGIC_MERGE)]])
    async with asyncio.timeout(_PATIENCE):
        changed = await _event(seen, name, probed=False)
        patched = await _event(seen, name, probed=True)
    return Change(who=who, name=name, milliseconds=(patched.at - changed.at) * 1000)


async def _event(seen: asyncio.Queue[Seen], name: str, *, probed: bool) -> Seen:
    while True:
        event = await seen.get()
        if event.name == name and event.probed is probed:
            return event


def _rows(changes: list[Change]) -> list[Row]:
    ours, theirs = ([c.milliseconds for c in changes if c.who == who] for who in ("operator", "bare"))
    what, note = "one change until its patch is seen", f"{len(ours)} changes"
    return [
        Row(what=f"{what}, median", value=middle(ours), unit="ms", floor=middle(theirs), note=note),
        Row(
            what=f"{what}, p99",
            value=percentile(ours, 99),
            unit="ms",
            floor=percentile(theirs, 99),
            limit=100,
            absolute=True,
            note=note,
        ),
        Row(what=f"{what}, worst", value=max(ours), unit="ms", floor=max(theirs), note=note),
    ]
