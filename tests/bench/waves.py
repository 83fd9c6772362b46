"""What waves cost where rollouts take no time: the default budget beside none, on the same Deployments.

Each Deployment has a pod by its status, which says "complete" as soon as a watch shows a new generation. What a run
with the default budget takes longer is what the operator adds to its waves: the API server's work is the same.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from tests.bench import objects
from tests.bench.bare import MERGE, Bare, Step, step_of
from tests.bench.options import Options
from tests.bench.recording import DEPLOYMENTS, undo
from tests.bench.report import Result, Row, console, measured, middle
from tests.bench.testbed import Testbed, testbed, until

from apphealth.api.rule import RuleKind
from apphealth.api.spec import RolloutSettings
from apphealth.rollout.budget import Budget, limits_of

BUDGETS: dict[str, dict[str, Any]] = {
    "default budget": {"soakSeconds": 0},
    "no budget": {"maxConcurrent": "100%", "canaries": 0, "soakSeconds": 0},
}
LIMIT = 100.0
"""Milliseconds that a wave may add."""
_RULES = "/apis/apphealth.dev/v1alpha1/clusterapphealths"
_POLL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the operator: seconds from the rule to the first and to the last PATCH of a Deployment."""

    budget: str
    count: int
    first: float
    last: float


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    generation: int


class _Status(msgspec.Struct, rename="camel"):
    observed_generation: int = 0


class _Deployment(msgspec.Struct):
    metadata: _Meta
    status: _Status = msgspec.field(default_factory=_Status)


class _Event(msgspec.Struct):
    type: str
    object: _Deployment


def run(options: Options) -> Result:
    """Measure on a cluster of `small` Deployments."""
    with measured("waves") as result, testbed("waves", controllers=False) as bed:
        runs = asyncio.run(_pairs(bed, options.small, options.pairs))
        result.samples = [asdict(one) for one in runs]
        result.rows = _rows(options.small, runs)
    return result


async def _pairs(bed: Testbed, size: int, pairs: int) -> list[Run]:
    """Run with both budgets as often as asked, taking turns in which is first; a first run isn't counted."""
    await bed.fill(size)
    async with bed.admin() as bare, _settling(bed):
        await bare.send([[_scaled(found)] async for found in bare.items(DEPLOYMENTS)])
        await _run(bed, bare, "no budget", size)
        runs = []
        for number in range(pairs):
            for budget in BUDGETS if number % 2 == 0 else reversed(BUDGETS):
                runs.append(await _run(bed, bare, budget, size))
                console.print(f"  {budget}: {runs[-1].last:.2f} s, load {os.getloadavg()[0]:.2f}")
        return runs


async def _run(bed: Testbed, bare: Bare, budget: str, size: int) -> Run:
    await undo(bare)
    await until(lambda: _settled(bare), _POLL)
    with bed.operator() as operator:
        await asyncio.to_thread(operator.wait_looked_around)
        mark, rule = bed.audit.mark(), objects.rule()
        rule["spec"]["rollout"] = BUDGETS[budget]
        await bare.send([[step_of("POST", _RULES, rule)]])
        started = time.time()
        await until(lambda: _patches(bed, mark, size), _POLL)
        times = [entry.received - started for entry in bed.audit.of_user(mark) if entry.label == "patch deployments"]
    return Run(budget=budget, count=size, first=min(times), last=max(times))


async def _patches(bed: Testbed, mark: int, size: int) -> bool:
    """Return whether every Deployment was patched."""
    names = (entry.object_ref for entry in bed.audit.of_user(mark) if entry.label == "patch deployments")
    return len(set(names)) >= size


async def _settled(bare: Bare) -> bool:
    found = [msgspec.convert(item, _Deployment) async for item in bare.items(DEPLOYMENTS)]
    return all(one.status.observed_generation == one.metadata.generation for one in found)


@asynccontextmanager
async def _settling(bed: Testbed) -> AsyncIterator[None]:
    """Complete every rollout at once."""
    async with bed.admin() as watching, bed.admin() as writing, asyncio.TaskGroup() as group:
        begun = asyncio.Event()
        task = group.create_task(_settle(watching, writing, begun))
        await begun.wait()
        yield
        task.cancel()


async def _settle(watching: Bare, writing: Bare, begun: asyncio.Event) -> None:
    version = (await watching.get(f"{DEPLOYMENTS}?limit=1"))["metadata"]["resourceVersion"]
    decoder = msgspec.json.Decoder(_Event)
    url = f"{watching.server}{DEPLOYMENTS}?watch=1&timeoutSeconds=7200&resourceVersion={version}"
    async with watching.session.get(url, read_bufsize=1 << 20) as answer, asyncio.TaskGroup() as group:
        answer.raise_for_status()
        begun.set()
        async for line in answer.content:
            found = decoder.decode(line).object
            if found.status.observed_generation < found.metadata.generation:
                group.create_task(writing.send([[_complete(found.metadata)]], 1))


def _complete(meta: _Meta) -> Step:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    path = f"/apis/apps/v1/namespaces/{meta.namespace}/deployments/{meta.name}/status"
    return step_of("PATCH", path, {"status": {"observedGeneration": meta.generation} | counts}, MERGE)


def _scaled(deployment: dict[str, Any]) -> Step:
    meta = deployment["metadata"]
    path = f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{meta['name']}"
    return step_of("PATCH", path, {"spec": {"replicas": 1}}, MERGE)


def _rows(size: int, runs: list[Run]) -> list[Row]:
    limits = limits_of(RolloutSettings(), RuleKind.CLUSTER_APP_HEALTH)
    at_once = Budget(rule="", limits=limits, selected=size).concurrent
    ours, without = ([run.last for run in runs if run.budget == budget] for budget in BUDGETS)
    added = (middle(ours) - middle(without)) * 1000 / -(-size // at_once)
    what = f"{size:,} Deployments, {at_once} at once"
    note = f"median of {len(ours)}"
    return [
        Row(what=f"{what}; floor: without a budget", value=middle(ours), unit="s", floor=middle(without), note=note),
        Row(what=f"{what}: what each wave adds", value=added, unit="ms", limit=LIMIT, absolute=True, note=note),
    ]
