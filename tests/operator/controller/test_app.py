"""Small parts of the wiring; what it makes of a cluster is in tests/cluster/operator."""

import asyncio

import pytest

from apphealth.controller.app import _before


@pytest.mark.parametrize(
    ("finishes", "happens", "expected"),
    [
        pytest.param(True, False, True, id="finished"),
        pytest.param(False, True, False, id="made-pointless"),
        # A replica that lost the Lease in its first round had cleared its queues, and took that for the end of it.
        pytest.param(True, True, False, id="finished-by-what-makes-it-pointless"),
    ],
)
async def test_a_job_counts_as_finished_only_if_nothing_made_it_pointless(finishes, happens, expected):
    job, event = asyncio.Event(), asyncio.Event()
    if finishes:
        job.set()
    if happens:
        event.set()

    async def wait():
        await job.wait()

    assert await _before(wait(), event) is expected
