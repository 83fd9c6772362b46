"""The graph of all workloads agrees with their plans; what follows from a failure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apphealth.model.service import ServiceKey
from apphealth.plan.dependencies.graph import around
from apphealth.plan.dependencies.impact import impact
from apphealth.plan.dependencies.shared import shared_finding
from apphealth.store.facts import plan_of
from apphealth.store.graph import graph_of, patience_of, shared_in

HTTP = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}
NAMES = "abcde"


def world_of(build, edges, readiness=None, extra=()):
    objects = []
    for name, needs in edges.items():
        probe = (readiness or {}).get(name, HTTP)
        container = build.container(env=[], **({"readinessProbe": probe} if probe else {}))
        services = [{"name": need.lower(), "required": need.islower()} for need in sorted(needs)]
        target = {"kind": "Deployment", "name": name}
        objects += [build.deployment(container, name=name), build.service(name)]
        objects += [build.rule(name, targetRef=target, dependencies={"services": services})] if services else []
    return build.world(*objects, *extra)


def follows(build, *args, service="a", **kwargs):
    world = world_of(build, *args, **kwargs)
    graph = graph_of(world)
    found = impact(ServiceKey("shop", service), graph, patience_of(graph, world))
    return {one.workload.name: one.seconds for one in found.unready}, [one.workload.name for one in found.degraded]


@pytest.mark.parametrize(
    ("edges", "unready", "degraded"),
    [
        pytest.param({"a": "", "b": "a", "c": "b"}, {"b": 31, "c": 62}, [], id="one after the other"),
        pytest.param({"a": "", "b": "A", "c": "b"}, {}, ["b"], id="what is optional only degrades"),
        pytest.param({"a": "", "b": "a", "c": "B"}, {"b": 31}, ["c"], id="and so does who needs it behind that"),
        pytest.param({"a": "", "b": "a", "c": "a", "d": "bc"}, {"b": 31, "c": 31, "d": 62}, [], id="a diamond"),
        pytest.param({"a": "", "b": "a", "c": "ab"}, {"b": 31, "c": 31}, [], id="by the shortest way"),
        pytest.param({"a": "b", "b": "a"}, {}, ["b"], id="a cycle takes nobody out"),
        pytest.param({"a": "", "b": ""}, {}, [], id="nobody needs it"),
    ],
)
def test_what_follows_from_a_failure(build, edges, unready, degraded):
    assert follows(build, edges) == (unready, degraded)


def test_a_service_fails_once_all_workloads_behind_it_do(build):
    spare = build.deployment(build.container(), name="c2", labels={"app": "c"})
    world = world_of(build, {"a": "", "b": "a", "c": "b", "d": "bA"}, extra=[spare])
    graph = graph_of(world)
    found = impact(ServiceKey("shop", "a"), graph, patience_of(graph, world))
    assert found.failing == {("shop", "b"): 31, ("shop", "d"): 62}


@pytest.mark.parametrize(
    ("probe", "seconds"),
    [
        pytest.param({**HTTP, "periodSeconds": 2, "failureThreshold": 5, "timeoutSeconds": 2}, 12, id="its numbers"),
        pytest.param({"tcpSocket": {"port": 8080}}, None, id="a port tells nothing"),
    ],
)
def test_the_seconds_are_those_of_the_readiness_probe(build, probe, seconds):
    unready, degraded = follows(build, {"a": "", "b": "a"}, {"b": probe})
    assert unready.get("b") == seconds
    assert degraded == ([] if seconds else ["b"])


def test_the_planned_probe_counts_where_one_is_to_be_written(build):
    unready, _ = follows(build, {"a": "", "b": "a"}, {"b": None})
    assert unready == {"b": 18}


def test_a_service_with_a_ready_workload_behind_it_does_not_fail(build):
    spare = build.deployment(build.container(), name="b2", labels={"app": "b"})
    assert follows(build, {"a": "", "b": "a", "c": "b"}, extra=[spare]) == ({"b": 31}, [])


def test_a_service_that_many_require_is_shared(build):
    edges = {"a": "", **dict.fromkeys("bcd", "a"), **dict.fromkeys("efgh", "b")}
    world = world_of(build, edges)
    assert graph_of(world).shared == {("shop", "a"): 3, ("shop", "b"): 4}
    assert graph_of(world_of(build, {"a": "", "b": "a", "c": "a", "d": "A"})).shared == {}


def test_a_shared_dependency_tells_how_far_its_failure_reaches(build):
    edges = {"a": "", **dict.fromkeys("bcd", "a"), "e": "b", "f": "A", "g": ""}
    world = world_of(build, edges)
    (shared,) = shared_in(graph_of(world), world)
    assert (shared.service, shared.required_by, shared.workloads) == (("shop", "a"), 3, 7)
    assert [[key.name for key in keys] for keys in (shared.unready, shared.degraded)] == [["b", "c", "d", "e"], ["f"]]
    assert shared_finding(shared).message == (
        "3 of 7 workloads require shop/a; if it fails, 4 become unready and 1 degrade"
    )


def test_nothing_is_planned_where_nothing_is_shared(build):
    world = world_of(build, {"a": "", "b": "a"})
    assert shared_in(graph_of(world), world) == ()


def test_around_a_namespace_is_what_it_needs_and_who_needs_it(build):
    def app(name, namespace, *urls):
        env = [{"name": f"U{number}_URL", "value": f"http://{url}"} for number, url in enumerate(urls)]
        main = build.container(env=env)
        return [build.deployment(main, name=name, namespace=namespace), build.service(name, namespace)]

    objects = [
        *app("web", "shop", "db.data", "api"),
        *app("api", "shop"),
        *app("db", "data", "log.ops"),
        *app("log", "ops"),
        *app("report", "data", "api.shop"),
    ]
    found = around(graph_of(build.world(*objects)), "shop")
    assert {key.name for key in found.workloads} == {"web", "api", "db", "report"}
    assert {key.name for key in found.services} == {"api", "db", "web"}
    assert {(edge.source.name, edge.service.name) for edge in found.edges} == {
        ("web", "db"),
        ("web", "api"),
        ("report", "api"),
    }


def test_around_a_namespace_are_the_cycles_of_the_workloads_in_view(build):
    graph = graph_of(world_of(build, {"a": "b", "b": "a", "c": "a", "d": "a"}))
    assert around(graph, "shop").shared == graph.shared == {("shop", "a"): 3}
    assert [{key.name for key in cycle} for cycle in around(graph, "shop").cycles] == [{"a", "b"}]
    assert around(graph, "data").cycles == ()


def test_workloads_that_no_rule_selects_are_in_it(build):
    main = build.container(env=[{"name": "A_URL", "value": "http://a"}])
    graph = graph_of(build.world(build.deployment(main, name="x"), build.service("a")))
    assert [(edge.source.name, edge.service.name, edge.required) for edge in graph.edges] == [("x", "a", False)]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_of_workload_may_need_and_be_needed(build, kind):
    main = build.container(env=[{"name": "A_URL", "value": "http://a"}])
    objects = [build.deployment(main, name="x", kind=kind), build.deployment(name="a", kind=kind), build.service("a")]
    graph = graph_of(build.world(*objects))
    assert [(edge.source, edge.service.name) for edge in graph.edges] == [((kind, "shop", "x"), "a")]
    assert graph.services["shop", "a"] == ((kind, "shop", "a"),)


@settings(deadline=None)
@given(st.fixed_dictionaries({name: st.sets(st.sampled_from(NAMES + NAMES.upper()), max_size=3) for name in NAMES}))
def test_it_agrees_with_the_plans(build, edges):
    needs = {
        name: {need for need in found if need.upper() not in found or need.isupper()} for name, found in edges.items()
    }
    world = world_of(build, needs)
    graph = graph_of(world)
    plans = {key: plan_of(workload, world) for key, workload in world.workloads.items()}
    told = {(edge.source, edge.service, edge.port, edge.required, edge.evidence) for edge in graph.edges}
    assert told == {(k, d.service, d.port, d.required, d.evidence) for k, p in plans.items() for d in p.dependencies}
    assert {key for cycle in graph.cycles for key in cycle} == {key for key, p in plans.items() if p.cycle}
    assert {edge.source for edge in graph.edges if edge.in_cycle} == {key for key, p in plans.items() if p.cycle}
