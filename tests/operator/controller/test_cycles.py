"""When one workload's requirements change, all whose plan that changes are looked at again, and then it is quiet."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apphealth.api.parse import parse_rule
from apphealth.controller.gate import Gate
from apphealth.controller.prover import Prover
from apphealth.controller.reconcile import Reconciler
from apphealth.controller.watcher import Watcher
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import parse_service
from apphealth.store.facts import plan_of
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store

NAMES = "abcde"
EDGES = st.fixed_dictionaries({name: st.sets(st.sampled_from(NAMES), max_size=2) for name in NAMES})


def deployment(name):
    labels = {"app": name}
    spec = {"template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main"}]}}}
    metadata = {"name": name, "namespace": "shop", "labels": labels}
    return parse_workload({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})


def service(name):
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return parse_service({"metadata": {"name": name, "namespace": "shop"}, "spec": spec})


def rule(name, needs):
    services = [{"name": need, "required": True} for need in sorted(needs)]
    spec = {"targetRef": {"kind": "Deployment", "name": name}, "dependencies": {"services": services}}
    metadata = {"name": name, "namespace": "shop"}
    return parse_rule({"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": metadata, "spec": spec})


class Cluster:
    """Plans, and what follows from them: the operator without an API server."""

    def __init__(self, edges):
        self.todo, self.plans, self.looks = [], {}, 0
        self.store = Store()
        self.world = self.store.world
        self.reconciler = Reconciler(
            None,
            self.store,
            None,
            enqueue=self.todo.extend,
            dirty=lambda _: None,
            prover=Prover(self.store, enqueue=self.todo.extend, list_pods=None, ask=None),
            watcher=Watcher(self.store, enqueue=self.todo.extend, pods=None, clock=lambda: 0.0),
            gate=Gate(
                self.store,
                enqueue=self.todo.extend,
                dirty=lambda _: None,
                busy=lambda _: False,
                disruptions=None,
                now=None,
            ),
            clock=lambda: 0.0,
        )
        for name in NAMES:
            self.world.put_workload(deployment(name))
            self.world.put_service(service(name))
            self.require(name, edges[name])
        self.todo.extend(self.world.workloads)
        self.settle()

    def require(self, name, needs):
        made = rule(name, needs)
        self.world.put_rule(made)

    def settle(self):
        while self.todo:
            workload = self.world.workloads[self.todo.pop(0)]
            decided = self.plans[workload.key] = plan_of(workload, self.world)
            outcome = Outcome(state=decided.state, rules=decided.rules, mentions=decided.mentions)
            self.store.outcomes.put(workload.key, outcome)
            self.reconciler._enqueue_dependants(workload, decided)
            self.looks += 1
            assert self.looks < 500

    def fresh(self):
        return {key: plan_of(workload, self.world) for key, workload in self.world.workloads.items()}


@settings(deadline=None)
@given(EDGES, st.lists(st.tuples(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=2)), max_size=4))
def test_every_plan_is_as_if_made_anew(edges, changes):
    cluster = Cluster(edges)
    assert cluster.plans == cluster.fresh()
    for name, needs in changes:
        cluster.require(name, needs)
        cluster.todo.append(deployment(name).key)
        cluster.settle()
        assert cluster.plans == cluster.fresh()


async def test_a_member_that_goes_frees_the_others():
    cluster = Cluster({"a": "b", "b": "c", "c": "a", "d": "", "e": ""})
    key = deployment("b").key
    assert len(cluster.plans[deployment("a").key].cycle.edges) == 3
    cluster.world.drop_workload(key)
    await cluster.reconciler._forget(key)
    del cluster.plans[key]
    cluster.settle()
    assert cluster.plans == cluster.fresh()
    assert not any(decided.cycle for decided in cluster.plans.values())


def test_whoever_stands_in_no_cycle_is_not_looked_at_again():
    cluster = Cluster({"a": "b", "b": "c", "c": "", "d": "c", "e": "a"})
    before = cluster.looks
    cluster.require("b", "")
    cluster.todo.append(deployment("b").key)
    cluster.settle()
    assert cluster.looks == before + 1
