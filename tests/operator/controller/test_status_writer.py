"""When the status of a rule is computed and written, and what that costs."""

import asyncio
import json
import time

import pytest

from apphealth.api.healthplan import State
from apphealth.api.rule import RuleKey, RuleKind
from apphealth.api.status import Condition, ConditionStatus, ConditionType, Reason, RuleStatus
from apphealth.controller import status_writer as module
from apphealth.controller.status_writer import Protection, StatusWriter, readiness_change
from apphealth.kube.resources import Resource
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store

KEY = RuleKey(RuleKind.CLUSTER_APP_HEALTH, "", "standard")
LIMIT = 0.1
"""Seconds of CPU that nothing may take between two turns of the event loop."""


class Api:
    """Takes statuses."""

    def __init__(self):
        self.written = []

    async def request(self, method, path, *, body=None, **_):
        self.written.append(body["status"]["workloads"])
        return json.dumps({"metadata": {}}).encode()


class Bench:
    """A rule over many workloads, and its status."""

    def __init__(self, make, number):
        self.store, self.api, self.unfinished = Store(), Api(), set()
        for one in range(number):
            deployment = make.deployment(f"web-{one}", f"shop-{one % 100}")
            self.store.put(Resource.DEPLOYMENTS, deployment, listed=True)
        self.store.put(Resource.CLUSTER_RULES, make.cluster_rule(mode="Enforce"))
        for key in self.store.world.workloads:
            self.store.outcomes.put(key, Outcome(state=State.APPLIED, rules=(KEY,)))
        self.reported = []
        self.writer = StatusWriter(
            self.api,
            self.store,
            report=lambda rule, ready: self.reported.append((rule, ready.reason)),
            busy=self.unfinished.__contains__,
            protection=Protection(installed=True),
            look_again=self.look,
            gate=make.gate(self.store),
        )
        self.writer.queue.resume()

    async def look(self):
        """Find nothing new."""

    async def until(self, holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 -- there is no event for it
                await asyncio.sleep(0.005)


@pytest.fixture
async def bench(make, monkeypatch):
    monkeypatch.setattr(module, "PACE", 0.02)
    found = []

    def build(number):
        bench = Bench(make, number)
        found.append(asyncio.create_task(bench.writer.queue.run()))
        return bench

    yield build
    for task in found:
        task.cancel()
    await asyncio.gather(*found, return_exceptions=True)


async def test_a_status_is_written_once_and_not_again_while_nothing_changes(bench):
    one = bench(3)
    for _ in range(5):
        one.writer.dirty([KEY])
        await asyncio.sleep(0.05)
    assert [status["managed"] for status in one.api.written] == [3]


async def test_a_status_is_computed_again_until_every_workload_is_reconciled(bench):
    """The outcome of a workload that was busy may turn out equal, and then nothing else asks for the status."""
    one = bench(3)
    one.unfinished.add(next(iter(one.store.world.workloads)))
    one.writer.dirty([KEY])
    await one.until(lambda: one.api.written)
    assert one.api.written[-1]["pending"] == 1
    one.unfinished.clear()
    await one.until(lambda: one.api.written[-1]["managed"] == 3)


async def test_no_status_of_many_workloads_stops_the_event_loop(bench):
    """Measured before: 0.16 s at 50,000 workloads, at each reconciliation."""
    one = bench(20_000)
    worst, last = 0.0, time.thread_time()

    async def watch():
        nonlocal worst, last
        while True:
            await asyncio.sleep(0)
            worst, last = max(worst, time.thread_time() - last), time.thread_time()

    task = asyncio.create_task(watch())
    one.writer.dirty([KEY])
    await one.until(lambda: one.api.written)
    task.cancel()
    assert worst < LIMIT * 20_000 / 50_000 * 2, "twice as much as on a machine that does nothing else"


def readiness(status, reason):
    ready = Condition(type=ConditionType.READY, status=ConditionStatus(status), reason=reason)
    return RuleStatus(conditions=(ready,))


DONE, FAILED = readiness("True", Reason.ALL_MANAGED), readiness("False", Reason.SOME_FAILED)
WORKING = readiness("False", Reason.IN_PROGRESS)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param(RuleStatus(), DONE, Reason.ALL_MANAGED, id="ready for the first time"),
        pytest.param(DONE, DONE, None, id="ready as before"),
        pytest.param(DONE, FAILED, Reason.SOME_FAILED, id="failed"),
        pytest.param(FAILED, readiness("False", Reason.PODS_FAILING), Reason.PODS_FAILING, id="another reason"),
        pytest.param(DONE, WORKING, None, id="progress is no news"),
        pytest.param(WORKING, DONE, Reason.ALL_MANAGED, id="done"),
        pytest.param(DONE, RuleStatus(), None, id="no condition"),
    ],
)
def test_a_change_of_readiness_is_an_event(before, after, reason):
    found = readiness_change(before, after)
    assert (found.reason if found else None) == reason
