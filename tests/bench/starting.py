"""The operator's start in a large cluster: time until its store is full, and the most memory that it takes.

The time counts from the start of the process, the interpreter and all imports included. Beside it, for scale, a bare
client that lists and decodes the same Deployments and Services, and keeps nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass

from tests.bench.options import Options
from tests.bench.recording import DEPLOYMENTS, HEALTH_PLANS
from tests.bench.report import Result, Row, measured, middle
from tests.bench.testbed import Testbed, testbed

_SERVICES = "/api/v1/services"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start."""

    plans: bool
    """Whether there are HealthPlans."""
    ready: float
    """Seconds until the store is full."""
    looked_around: float
    """Seconds until every workload has been planned and compared."""
    peak_mb: float
    """The most memory until the store is full."""
    peak_after_mb: float
    """The most memory until every workload has been looked at."""
    cpu: float
    """Seconds of CPU in all."""
    floor: float
    """Seconds of the bare lists, right before."""


def run(options: Options) -> Result:
    """Measure with `count` Deployments and Services, without a rule, and with one and its HealthPlans."""
    with measured("start") as result, testbed("start", controllers=False) as bed:
        starts = asyncio.run(_measure(bed, options.count, options.pairs))
        result.samples = [asdict(start) for start in starts]
        result.rows = [*_rows(options.count, starts, plans=False), *_rows(options.count, starts, plans=True)]
    return result


async def _measure(bed: Testbed, size: int, times: int) -> list[Start]:
    await bed.fill(size)
    starts = [await _start(bed, plans=False) for _ in range(times)]
    await bed.make_rule()
    with bed.operator() as operator:
        await asyncio.to_thread(operator.wait_looked_around)
    return starts + [await _start(bed, plans=True) for _ in range(times)]


async def _start(bed: Testbed, *, plans: bool) -> Start:
    floor = await _lists(bed, plans=plans)
    with bed.operator() as operator:
        ready = await asyncio.to_thread(operator.wait_ready)
        peak = operator.peak_mb
        looked_around = await asyncio.to_thread(operator.wait_looked_around)
        return Start(
            plans=plans,
            ready=ready,
            looked_around=looked_around,
            peak_mb=peak,
            peak_after_mb=operator.peak_mb,
            cpu=operator.cpu,
            floor=floor,
        )


async def _lists(bed: Testbed, *, plans: bool) -> float:
    started = time.perf_counter()
    async with bed.admin() as bare:
        for path in (DEPLOYMENTS, _SERVICES, *([HEALTH_PLANS] if plans else [])):
            async for _ in bare.items(path):
                pass
    return time.perf_counter() - started


def _rows(size: int, starts: list[Start], *, plans: bool) -> list[Row]:
    some = [start for start in starts if start.plans is plans]
    what = f"start, {size:,} Deployments + Services" + (" + HealthPlans" if plans else "")
    seconds, megabytes = (15.0, 195.0) if plans else (10.0, 155.0)

    def row(name: str, value: float, unit: str, limit: float | None = None, floor: float | None = None) -> Row:
        note = f"median of {len(some)}"
        return Row(what=f"{what}: {name}", value=value, unit=unit, limit=limit, floor=floor, absolute=True, note=note)

    return [
        row("store full", middle([s.ready for s in some]), "s", seconds, middle([s.floor for s in some])),
        row("all looked at", middle([s.looked_around for s in some]), "s"),
        row("peak memory, store full", middle([s.peak_mb for s in some]), "MB", megabytes),
        row("peak memory, all looked at", middle([s.peak_after_mb for s in some]), "MB", megabytes),
    ]
