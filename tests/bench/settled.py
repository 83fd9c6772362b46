"""What a settled cluster costs: the operator's requests while nothing happens, by the API server's audit log."""

from __future__ import annotations

import asyncio

from tests.bench.audit import WRITES, count
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured
from tests.bench.testbed import Testbed, testbed

_CALM = 10.0
"""Seconds after the last workload was looked at before the counting starts: the rule's status comes a little later."""


def run(options: Options) -> Result:
    """Count for `minutes`, on a cluster of `small` Deployments that all carry their probes."""
    with measured("settled") as result, testbed("settled", controllers=False) as bed:
        asyncio.run(_measure(bed, options, result))
    return result


async def _measure(bed: Testbed, options: Options, result: Result) -> None:
    await bed.fill(options.small)
    await bed.make_rule()
    with bed.operator() as operator:
        await asyncio.to_thread(operator.wait_looked_around)
        await asyncio.sleep(_CALM)
        mark, cpu = bed.audit.mark(), operator.cpu
        await asyncio.sleep(options.minutes * 60)
        entries = bed.audit.of_user(mark)
        cpu = operator.cpu - cpu
        memory = operator.memory_mb
    ended = [entry for entry in entries if entry.stage == "ResponseComplete"]
    note = f"{options.small:,} Deployments, {options.minutes:g} min"
    writes = sum(entry.verb in WRITES for entry in ended)
    lists = sum(entry.verb == "list" for entry in ended)
    reads = sum(entry.verb == "get" for entry in ended)
    result.samples = [{"requests": count(entries), "cpu_seconds": cpu, "memory_mb": memory}]
    result.rows = [
        Row(what="writes", value=writes, unit="", limit=0, note=note),
        Row(what="lists", value=lists, unit="", limit=0, note=note),
        Row(what="gets", value=reads, unit="", note=note),
        Row(what="watches that ended and began anew", value=len(ended) - writes - lists - reads, unit="", note=note),
        Row(what="CPU of the operator", value=cpu, unit="s", note=note),
        Row(what="memory of the operator", value=memory, unit="MB", note=note),
    ]
