"""The graph of a whole cluster, and whom the change of one Service concerns; without a cluster."""

from __future__ import annotations

import gc
import time
import tracemalloc

from tests.bench import objects
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured, middle, percentile

from apphealth.kube.resources import Resource
from apphealth.store.facts import plan_of
from apphealth.store.graph import graph_of
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store


def run(options: Options) -> Result:
    """Measure with `count` workloads, each with a Service, that need one another along a chain in their namespace."""
    size = options.count
    with measured("graph") as result:
        store = _store(size)
        world = store.world
        for workload in world.workloads.values():
            decided = plan_of(workload, world)
            outcome = Outcome(state=decided.state, rules=decided.rules, mentions=decided.mentions)
            store.outcomes.put(workload.key, outcome)
        seconds = []
        for _ in range(options.pairs):
            gc.collect()
            started = time.process_time()
            graph = graph_of(world)
            seconds.append(time.process_time() - started)
        changed = list(_changes(store, size))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        graph = graph_of(world)
        kept, peak = (one - before for one in tracemalloc.get_traced_memory())
        tracemalloc.stop()
        note = f"{size:,} workloads, {size:,} Services, {len(graph.edges):,} edges"
        result.rows = [
            Row(what="the whole graph", value=middle(seconds), unit="s", limit=5, absolute=True, note=note),
            Row(what="its memory", value=kept / 1e6, unit="MB"),
            Row(what="most memory while it is made", value=peak / 1e6, unit="MB"),
            Row(what="plans for one changed Service", value=middle(changed), unit="plans", note="median"),
            Row(what="plans for one changed Service", value=percentile(changed, 99), unit="plans", note="p99"),
        ]
    return result


def _store(size: int) -> Store:
    store = Store()
    store.put(Resource.CLUSTER_RULES, objects.rule())
    for name in objects.namespaces(size):
        store.put(Resource.NAMESPACES, objects.namespace(name))
    for number in range(size):
        store.put(Resource.DEPLOYMENTS, _versioned(objects.deployment(number), number))
        store.put(Resource.SERVICES, _versioned(objects.service(number), number))
    return store


def _versioned(obj: dict[str, object], version: int) -> dict[str, object]:
    metadata = obj["metadata"]
    assert isinstance(metadata, dict)
    return obj | {"metadata": metadata | {"resourceVersion": str(version + 1), "uid": f"{version:08}"}}


def _changes(store: Store, size: int) -> list[int]:
    """Change the port of some Services, and count whom each concerns: those are the plans that are made."""
    counts = []
    for number in range(0, size, max(1, size // 200)):
        service = objects.service(number)
        service["spec"]["ports"] = [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}]
        counts.append(len(store.put(Resource.SERVICES, _versioned(service, size + number)).workloads))
    return counts
