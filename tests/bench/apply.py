"""`kubectl apply` of a ClusterAppHealth, until the last Deployment is patched and the last HealthPlan written.

Beside a bare client that sends the very same requests, with the same rights, to the same API server in the same run.
Times are the API server's own, from its audit log: from the moment that the rule exists (the bare client: starts) to
the answer to the last write.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
import yaml
from tests.bench import objects
from tests.bench.audit import WRITES, Entry, count
from tests.bench.bare import METADATA_LIST, Bare, write_jobs
from tests.bench.options import Options
from tests.bench.recording import CONFIG_MAPS, DEPLOYMENTS, HEALTH_PLANS, Recording, mark_observed, record, undo
from tests.bench.report import Result, Row, console, measured, middle
from tests.bench.testbed import Testbed, testbed, until

_WRITTEN = frozenset({"deployments", "healthplans", "configmaps"})
_POLL = 0.25
_CONTROLLERS = "kube-controller-manager"
_CONTROLLERS_START = 10.0
"""Seconds that the controllers get to look around after their start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the operator or of the bare client."""

    who: str
    count: int
    controllers: bool
    seconds: float
    """Until the answer to the last write."""
    cpu: float
    """Seconds of CPU that the client itself used."""
    server_cpu: float
    """Seconds of CPU that the control plane used meanwhile."""
    kubectl: float = 0.0
    """Seconds from starting kubectl until the rule exists."""
    requests: dict[str, int] = field(default_factory=dict)


def run(options: Options) -> Result:
    """Measure at each size, with and without kube-controller-manager."""
    with measured("apply") as result:
        for size, controllers in options.sizes:
            with testbed("apply", controllers=controllers) as bed:
                runs = asyncio.run(_pairs(bed, size, controllers, options.pairs))
            result.samples += [asdict(one) for one in runs]
            result.rows += _rows(size, controllers, runs)
    return result


async def _pairs(bed: Testbed, size: int, controllers: bool, pairs: int) -> list[Run]:
    """Run both, as often as asked, taking turns in who is first; a first run, which isn't counted, is the recording."""
    await bed.fill(size)
    await _settle(bed, controllers)
    await _operator_run(bed, size, controllers)
    async with bed.admin() as bare:
        recording = await record(bare)
    runs = []
    for number in range(pairs):
        for side in ("operator", "bare") if number % 2 == 0 else ("bare", "operator"):
            await _clean(bed, controllers)
            if side == "operator":
                runs.append(await _operator_run(bed, size, controllers))
            else:
                runs.append(await _bare_run(bed, size, controllers, recording))
            console.print(f"  {runs[-1].who}: {runs[-1].seconds:.2f} s, load {os.getloadavg()[0]:.2f}")
    return runs


async def _operator_run(bed: Testbed, size: int, controllers: bool) -> Run:
    with bed.operator() as operator:
        await asyncio.to_thread(operator.wait_looked_around)
        mark, cpu, server, started = bed.audit.mark(), operator.cpu, bed.server_cpu(), time.time()
        await asyncio.to_thread(bed.cluster.apply, yaml.safe_dump(objects.rule()))
        await _written(bed, size)
        entries = bed.audit.since(mark)
        cpu, server = operator.cpu - cpu, bed.server_cpu() - server
    exists = next(e.done for e in entries if e.user.username != bed.audit.user and e.verb in WRITES)
    mine = [entry for entry in entries if entry.user.username == bed.audit.user]
    return Run(
        who="operator",
        count=size,
        controllers=controllers,
        seconds=_last_write(mine) - exists,
        cpu=cpu,
        server_cpu=server,
        kubectl=exists - started,
        requests=count(mine),
    )


async def _bare_run(bed: Testbed, size: int, controllers: bool, recording: Recording) -> Run:
    async with bed.admin() as bare:
        jobs = bed.folder / "jobs.json"
        write_jobs(await recording.jobs(bare), jobs)
    command = [sys.executable, "-m", "tests.bench.bare", str(bed.kubeconfig), str(jobs)]
    client = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert client.stdin is not None
    assert client.stdout is not None
    await client.stdout.readline()
    mark, server = bed.audit.mark(), bed.server_cpu()
    client.stdin.write(b"go\n")
    # Watched in the same way as the operator, so that this costs both the same.
    await _written(bed, size)
    found = msgspec.json.decode(await client.stdout.readline())
    server = bed.server_cpu() - server
    await client.wait()
    mine = bed.audit.of_user(mark)
    return Run(
        who="bare",
        count=size,
        controllers=controllers,
        seconds=_last_write(mine) - found["began"],
        cpu=found["cpu"],
        server_cpu=server,
        requests=count(mine),
    )


async def _written(bed: Testbed, size: int) -> None:
    """Wait until there are as many HealthPlans and ConfigMaps as Deployments, and every Deployment is patched."""
    async with bed.admin() as bare:
        await until(lambda: _planned(bare, size), _POLL)
        await until(lambda: _all_patched(bare), _POLL)
        await until(lambda: _all_delivered(bare, size), _POLL)


async def _planned(bare: Bare, size: int) -> bool:
    page = await bare.get(f"{HEALTH_PLANS}?limit=1", METADATA_LIST)
    return len(page["items"] or ()) + int(page["metadata"].get("remainingItemCount", 0)) >= size


async def _all_patched(bare: Bare) -> bool:
    return all([_patched(deployment) async for deployment in bare.items(DEPLOYMENTS)])


async def _all_delivered(bare: Bare, size: int) -> bool:
    return len([None async for _ in bare.items(CONFIG_MAPS)]) >= size


def _patched(deployment: dict[str, Any]) -> bool:
    return all("livenessProbe" in container for container in deployment["spec"]["template"]["spec"]["containers"])


def _last_write(entries: list[Entry]) -> float:
    return max(e.done for e in entries if e.verb in WRITES and e.object_ref.resource in _WRITTEN)


async def _settle(bed: Testbed, controllers: bool) -> None:
    if controllers:
        await bed.wait_observed()


async def _clean(bed: Testbed, controllers: bool) -> None:
    """Take everything back, without the controllers, so that none of what follows from it is still going on."""
    if controllers:
        bed.cluster.stop(_CONTROLLERS)
    async with bed.admin() as bare:
        await undo(bare)
        if controllers:
            await mark_observed(bare)
    if controllers:
        bed.cluster.resume(_CONTROLLERS)
        await asyncio.sleep(_CONTROLLERS_START)


def _rows(size: int, controllers: bool, runs: list[Run]) -> list[Row]:
    ours, theirs = ([run for run in runs if run.who == who] for who in ("operator", "bare"))
    what = f"apply, {size:,} Deployments" + (", controllers running" if controllers else "")
    seconds, floor = (middle([run.seconds for run in side]) for side in (ours, theirs))
    kubectl = middle([run.kubectl for run in ours])
    alone, both = (
        [middle([run.cpu + extra * run.server_cpu for run in side]) for side in (ours, theirs)] for extra in (0, 1)
    )
    return [
        Row(what=what, value=seconds, unit="s", floor=floor, limit=1.3, note=f"median of {len(ours)}"),
        Row(what=f"{what}: from pressing return", value=seconds + kubectl, unit="s", note="kubectl included"),
        Row(what=f"{what}: CPU of the client", value=alone[0], unit="s", floor=alone[1]),
        Row(what=f"{what}: CPU of client and control plane", value=both[0], unit="s", floor=both[1]),
    ]
