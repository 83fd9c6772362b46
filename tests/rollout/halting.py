"""A rule over workloads of which half fail: these are rolled back, the rule halts, and the others are never written."""

from __future__ import annotations

import time
from typing import Any

from tests.cluster.conftest import Api
from tests.rollout.common import APPS, HEALTH_PLANS, PER_NAMESPACE, RULES, Bed, check, numbers, rule, say, until
from tests.rollout.kubelet import Kubelet
from tests.rollout.waves import PROBES, fill, operators

PREFIX = "half"
BORNE, AT_ONCE = 2, 4
"""How many failures the rule bears, and how many workloads it changes at once."""
WAIT = 20.0
"""Seconds after which a halted rule still has written nothing."""


def failing(failures: int) -> frozenset[str]:
    """Return the names of the workloads that fail: every other one."""
    return frozenset(f"{PREFIX}-{number:04}" for number in range(0, 2 * failures, 2))


def prove(bed: Bed, failures: int) -> None:
    """Roll a rule out over twice as many workloads as fail."""
    count, fails = 2 * failures, failing(failures)
    kubelet = Kubelet(bed.api, kills=fails)
    try:
        fill(bed.api, PREFIX, count)
        say(f"the kubelet restarts {len(fails)} of them once they have a liveness probe")
        with operators(bed):
            _prove(bed.api, count, fails)
    finally:
        kubelet.stop()


def _prove(api: Api, count: int, fails: frozenset[str]) -> None:
    before = _generations(api, count)
    api.create(RULES, rule(PREFIX, PROBES, maxConcurrent=AT_ONCE, canaries=0, soakSeconds=1, maxFailures=BORNE))
    until(lambda: numbers(api, PREFIX).get("halted"), "the rule is halted", 180)
    until(lambda: not numbers(api, PREFIX).get("inFlight"), "what was begun is finished", 180)
    after = _generations(api, count)
    written = {name for name in after if after[name] != before[name]}
    rolled_back = {plan["spec"]["workload"]["name"] for plan in _plans(api) if plan["status"]["state"] == "RolledBack"}
    say(
        f"halted after {len(written)} of {count} were written, {len(written & fails)} of them failed;"
        f" {len(rolled_back)} are rolled back"
    )
    check(BORNE < len(written & fails) <= BORNE + AT_ONCE, f"{len(written & fails)} workloads failed")
    check(rolled_back == written & fails, f"rolled back: {sorted(rolled_back)}, failed: {sorted(written & fails)}")
    check(_probed(api, count) == written - fails, "a probe that fails is still there, or one that is well is not")
    time.sleep(WAIT)
    check(_generations(api, count) == after, "workloads were written after the rule had halted")


def _deployments(api: Api, count: int) -> list[dict[str, Any]]:
    spaces = [f"{PREFIX}-{number}" for number in range(-(-count // PER_NAMESPACE))]
    return [item for name in spaces for item in api.get(f"{APPS}/namespaces/{name}/deployments")["items"]]


def _generations(api: Api, count: int) -> dict[str, int]:
    return {item["metadata"]["name"]: item["metadata"]["generation"] for item in _deployments(api, count)}


def _probed(api: Api, count: int) -> set[str]:
    """Return the Deployments that carry a probe."""
    return {
        item["metadata"]["name"]
        for item in _deployments(api, count)
        if "livenessProbe" in item["spec"]["template"]["spec"]["containers"][0]
    }


def _plans(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(HEALTH_PLANS)["items"]
    return found
