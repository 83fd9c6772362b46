"""A thousand workloads change in waves, there and back, while their operators are killed and told to stop."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.cluster.conftest import Api, Operator
from tests.rollout.common import APPS, PER_NAMESPACE, RULES, Bed, check, numbers, plans, rule, say, until
from tests.rollout.kubelet import Rollouts

LEASE = "/apis/coordination.k8s.io/v1/namespaces/apphealth/leases/apphealth"
PROBES = {"liveness": {"path": "/live"}}
PREFIX = "app"
GRACE, STOP = 20.0, 120.0
"""Seconds after which an operator that is told to stop is said to take long, and until it has to have stopped."""
PERCENT = 5


@contextmanager
def operators(bed: Bed, count: int = 2) -> Iterator[list[Operator]]:
    """Run operators that share a Lease."""
    running = [
        Operator(bed.account, bed.folder / f"operator-{number}.log", "--leader-elect") for number in range(count)
    ]
    try:
        for operator in running:
            operator.start()
        yield running
    finally:
        for operator in running:
            operator.close()


def fill(api: Api, prefix: str, count: int) -> None:
    """Create Deployments with a pod each, their Services and PodDisruptionBudgets, and wait until all are settled."""
    say(f"creating {count} Deployments with Services and PodDisruptionBudgets")
    namespaces = [f"{prefix}-{number}" for number in range(-(-count // PER_NAMESPACE))]
    for name in namespaces:
        api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"proof": prefix}}})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _make(api, namespaces[number // PER_NAMESPACE], prefix, number), range(count)))
    until(lambda: not _unsettled(api, namespaces), "all Deployments are settled", 1800)


def _make(api: Api, namespace: str, prefix: str, number: int) -> None:
    """Create one application. One in ten stops its old pod before it starts the new one."""
    name = f"{prefix}-{number:04}"
    labels = {"app": name}
    strategy = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}} if number % 10 == 0 else {}
    container = {"name": "main", "image": f"example/{prefix}:1", "ports": [{"name": "http", "containerPort": 8080}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "strategy": strategy,
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    meta = {"name": name, "labels": labels}
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]}
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    api.create(f"{APPS}/namespaces/{namespace}/deployments", {"metadata": meta, "spec": spec})
    api.create(f"/api/v1/namespaces/{namespace}/services", {"metadata": meta, "spec": service})
    api.create(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", {"metadata": meta, "spec": budget})


def _unsettled(api: Api, namespaces: list[str]) -> list[str]:
    """Return the Deployments of some namespaces whose rollout is not complete."""
    counted = Rollouts()
    for namespace in namespaces:
        for item in api.get(f"{APPS}/namespaces/{namespace}/deployments")["items"]:
            counted.note(item)
    return sorted(counted.changing)


def prove(bed: Bed, workloads: int, kills: int, stops: int) -> None:
    """Roll a rule out and back while the leader is killed and stopped; the audit log must keep to the budget."""
    with operators(bed) as running:
        _prove(bed, running, workloads, kills, stops)


def _prove(bed: Bed, running: list[Operator], workloads: int, kills: int, stops: int) -> None:
    api, begin = bed.api, bed.log.stat().st_size
    until(lambda: _leading(api, running), "somebody leads", 60)
    terms = _terms(api)
    budget = max(1, workloads * PERCENT // 100)
    api.create(RULES, rule(PREFIX, PROBES, maxConcurrent=f"{PERCENT}%", soakSeconds=1))
    started = time.monotonic()
    blows = sorted(["kill"] * kills + ["stop"] * stops, key=lambda _: random.random())
    there, back = blows[: len(blows) // 2], blows[len(blows) // 2 :]
    for number, blow in enumerate(there, start=1):
        share = workloads * number // (len(there) + 2)
        until(lambda share=share: numbers(api, PREFIX).get("done", 0) >= share, f"{share} are changed", 600)
        _strike(api, running, blow)
    until(lambda: numbers(api, PREFIX).get("done") == workloads, "all are changed", 1200)
    say(f"{workloads} changed in {time.monotonic() - started:.0f} s, with {len(there)} blows")

    started = time.monotonic()
    api.delete(f"{RULES}/{PREFIX}")
    for number, blow in enumerate(back, start=1):
        share = workloads - workloads * number // (len(back) + 2)
        until(lambda share=share: plans(api) <= share, f"{workloads - share} are put back", 600)
        _strike(api, running, blow)
    until(lambda: not plans(api), "all are put back", 1200)
    say(f"{workloads} put back in {time.monotonic() - started:.0f} s, with {len(back)} blows")

    counted = _audited(bed, begin)
    say(
        f"by the audit log: {len(counted.order)} rollouts, at most {counted.most} at once; the budget is {budget};"
        f" by the Lease: the leader changed {_terms(api) - terms} times"
    )
    check(counted.most <= budget, f"the budget of {budget} was exceeded: {counted.most}")
    check(len(counted.order) == 2 * workloads, f"{len(counted.order)} rollouts, not one there and one back of each")
    check(counted.most > budget // 2, f"the budget of {budget} was hardly used: {counted.most}")
    check(_terms(api) - terms >= stops, f"the leader changed less than {stops} times")


def _strike(api: Api, running: list[Operator], blow: str) -> None:
    """Kill the leader, or tell it to stop; then start it again."""
    leader = until(lambda: _leading(api, running), "somebody leads", 60)
    if blow == "kill":
        leader.kill()
    else:
        began = time.monotonic()
        leader.stop(timeout=STOP)
        if (took := time.monotonic() - began) > GRACE:
            say(f"the leader took {took:.0f} s to stop")
    leader.start()


def _leading(api: Api, running: list[Operator]) -> Operator | None:
    """Return the operator that logged last that it leads, if the Lease is held."""
    if not ((api.get(LEASE) or {"spec": {}})["spec"].get("holderIdentity")):
        return None
    times = {}
    for operator in running:
        lines = [line for line in operator.log.read_text(errors="replace").splitlines() if "leading: this" in line]
        times[lines[-1].split()[0] if lines else ""] = operator
    return times[max(times)] if max(times) else None


def _terms(api: Api) -> int:
    """Return how often the leader has changed, as the Lease has it."""
    return int(api.get(LEASE)["spec"].get("leaseTransitions") or 0)


def _audited(bed: Bed, begin: int) -> Rollouts:
    """Count the rollouts under way, from all writes to Deployments in the audit log."""
    counted, entries = Rollouts(), []
    for entry in bed.audited(begin):
        found = entry.get("responseObject", {})
        if found.get("kind") == "Deployment":
            entries.append((int(found["metadata"]["resourceVersion"]), found))
    # The log has the order of the answers; resourceVersions that of the writes.
    for _, found in sorted(entries, key=lambda entry: entry[0]):
        if found["metadata"]["namespace"].startswith(f"{PREFIX}-"):
            counted.note(found)
    return counted
