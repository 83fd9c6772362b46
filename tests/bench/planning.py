"""`plan()` alone, without a cluster: time for each workload, and the memory that the store's values take."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
from tests.bench import objects
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured

from apphealth.api.parse import parse_rule
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import parse_namespace, parse_service
from apphealth.store.facts import plan_of
from apphealth.store.world import World


def run(options: Options) -> Result:
    """Measure with `count` workloads, each with a Service, and a rule for all."""
    size, times = options.count, options.pairs
    served = [msgspec.json.encode(_served(number)) for number in range(size)]
    with measured("plan") as result:
        note = f"{size:,} workloads"
        planning, encoding = _planning(served, times)
        result.rows = [
            Row(what="plan(); floor: to encode its record", value=planning, unit="µs", floor=encoding, note=note),
            Row(
                what="reading a Deployment; floor: to decode it",
                value=_each(size, times, lambda: [parse_workload(msgspec.json.decode(raw)) for raw in served]),
                unit="µs",
                floor=_each(size, times, lambda: [msgspec.json.decode(raw) for raw in served]),
                note=note,
            ),
        ]
        kept, transient = _memory(served)
        result.rows += [
            Row(what="kept for one Deployment with its Service", value=kept, unit="KB", note=note),
            Row(what="taken while planning one, and given back", value=transient, unit="KB"),
        ]
    return result


def _planning(served: list[bytes], times: int) -> tuple[float, float]:
    """Return the microseconds of one plan, and those of encoding its record."""
    world = _world(served)
    workloads = list(world.workloads.values())
    records = [plan_of(workload, world).record for workload in workloads]
    planning = _each(len(served), times, lambda: [plan_of(workload, world) for workload in workloads])
    return planning, _each(len(served), times, lambda: [msgspec.json.encode(record) for record in records])


def _world(served: list[bytes]) -> World:
    world = World()
    rule = parse_rule(objects.rule())
    world.put_rule(rule)
    for name in objects.namespaces(len(served)):
        world.namespaces[name] = parse_namespace(objects.namespace(name))
    for number, raw in enumerate(served):
        world.put_workload(parse_workload(msgspec.json.decode(raw)))
        world.put_service(parse_service(objects.service(number)))
    return world


def _each(size: int, times: int, work: Callable[[], object]) -> float:
    """Return the microseconds of CPU for each of `size` things, the least of some times: what else runs only adds."""
    taken = []
    for _ in range(times):
        gc.collect()
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken) / size * 1e6


def _memory(served: list[bytes]) -> tuple[float, float]:
    """Return the kilobytes kept for each workload with its Service, and those that planning one takes for a while."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        world = _world(served)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
        workload = next(iter(world.workloads.values()))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        plan_of(workload, world)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return kept / len(served) / 1000, peak / 1000


def _served(number: int) -> dict[str, Any]:
    """Return a Deployment with what the API server would add, as far as a decision reads it."""
    deployment = objects.deployment(number)
    deployment["metadata"] |= {"uid": f"00000000-0000-4000-8000-{number:012d}", "resourceVersion": str(number + 1000)}
    return deployment
