"""The brake ends all writes within a second, also while hundreds of workloads are being written."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from tests.rollout.common import RULES, USER, Bed, check, numbers, plans, rule, say, until
from tests.rollout.waves import PREFIX, PROBES, operators

BRAKE = "/api/v1/namespaces/apphealth/configmaps"
LIMIT = 1.0
"""Seconds from the answer to the ConfigMap's creation to the arrival of the last write."""
WAIT = 10.0
"""Seconds for which no further write comes."""


def prove(bed: Bed, workloads: int) -> None:
    """Pull the brake in the middle of a rollout without a budget."""
    say(f"the brake, while {workloads} Deployments are written without a budget")
    with operators(bed):
        begin = bed.log.stat().st_size
        bed.api.create(RULES, rule(PREFIX, PROBES, maxConcurrent="100%", canaries=0, soakSeconds=0))
        until(lambda: plans(bed.api) > workloads // 10, "a tenth is written", 120)
        bed.api.create(BRAKE, {"metadata": {"name": "apphealth-brake"}})
        time.sleep(WAIT)
        pulled = next(
            _time(entry["stageTimestamp"])
            for entry in bed.audited(begin)
            if entry["objectRef"].get("name") == "apphealth-brake"
        )
        times = [_time(entry["requestReceivedTimestamp"]) for entry in _writes(bed, begin)]
        later = [time - pulled for time in times if time > pulled]
        say(
            f"{len(times)} of {workloads} were written; {len(later)} writes came after the brake, the last one"
            f" {max(later, default=0.0):.2f} s after it, and none in the {WAIT:g} s that followed"
        )
        check(max(later, default=0.0) <= LIMIT, f"a write came later than {LIMIT:g} s after the brake")
        check(len(times) < workloads, "all were written before the brake: nothing is shown")
        bed.api.delete(f"{BRAKE}/apphealth-brake")
        until(lambda: numbers(bed.api, PREFIX).get("done") == workloads, "it goes on without the brake", 1200)
        bed.api.delete(f"{RULES}/{PREFIX}")
        until(lambda: not plans(bed.api), "all are put back", 1200)


def _writes(bed: Bed, begin: int) -> list[dict[str, Any]]:
    """Return the operator's writes to Deployments."""
    return [
        entry
        for entry in bed.audited(begin)
        if entry["user"]["username"] == USER and entry["objectRef"]["resource"] == "deployments"
    ]


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
