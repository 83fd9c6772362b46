"""Required dependencies that lead back: none of them counts, and all who stand in the cycle are told the loop."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apphealth.model.parse_workload import parse_workload
from apphealth.store.facts import plan_of


def rule_for(build, name, *needs, namespace="shop", required=True):
    services = [{"name": need.split("/")[-1], "required": required} for need in needs]
    for service, need in zip(services, needs, strict=True):
        if "/" in need:
            service["namespace"] = need.split("/")[0]
    target = {"kind": "Deployment", "name": name}
    return build.rule(name, namespace, targetRef=target, dependencies={"services": services})


def world_of(build, edges):
    objects = []
    for name, needs in edges.items():
        objects += [build.deployment(name=name), build.service(name)]
        objects += [rule_for(build, name, *needs)] if needs else []
    return build.world(*objects)


def plans(world):
    return {key.name: plan_of(workload, world) for key, workload in world.workloads.items()}


def required(decided):
    return {d.service.name for d in decided.dependencies if d.required}


def told(decided):
    return [finding.message.partition(": ")[2] for finding in decided.findings if finding.id == "dependency-cycle"]


@pytest.mark.parametrize(
    ("edges", "broken"),
    [
        pytest.param({"a": "b", "b": "a"}, {"ab", "ba"}, id="two"),
        pytest.param({"a": "b", "b": "c", "c": "a"}, {"ab", "bc", "ca"}, id="three"),
        pytest.param({"a": "bc", "b": "d", "c": "d", "d": ""}, set(), id="a diamond has none"),
        pytest.param({"a": "a"}, set(), id="its own Service is no dependency"),
        pytest.param({"a": "ab", "b": ""}, set(), id="nor one beside another"),
        pytest.param({"a": "b", "b": ""}, set(), id="a way that ends"),
        pytest.param({"x": "a", "a": "b", "b": "a"}, {"ab", "ba"}, id="who leads into one is not in it"),
        pytest.param({"a": "bx", "b": "a", "x": ""}, {"ab", "ba"}, id="nor who is led to from it"),
        pytest.param({"a": "b", "b": "ac", "c": "b"}, {"ab", "ba", "bc", "cb"}, id="two that share one"),
        pytest.param({"a": "b", "b": "a", "c": "d", "d": "c"}, {"ab", "ba", "cd", "dc"}, id="two apart"),
    ],
)
def test_required_edges_of_a_cycle_are_not_required(build, edges, broken):
    decided = plans(world_of(build, edges))
    assert {name + other for name, p in decided.items() for other in required(p)} == (
        {name + other for name, needs in edges.items() for other in needs if other != name} - broken
    )
    assert {name for name, p in decided.items() if told(p)} == {edge[0] for edge in broken}


def test_the_loop_is_printed_from_each_ones_place(build):
    decided = plans(world_of(build, {"a": "b", "b": "c", "c": "a"}))
    a, b, c = (f"Deployment/shop/{name}" for name in "abc")
    assert [told(decided[name]) for name in "abc"] == [
        [" -> ".join(loop)] for loop in ((a, b, c, a), (b, c, a, b), (c, a, b, c))
    ]
    keys = [("Deployment", "shop", name) for name in "abc"]
    assert {p.cycle.edges for p in decided.values()} == {((keys[0], keys[1]), (keys[1], keys[2]), (keys[2], keys[0]))}
    assert {f.severity for p in decided.values() for f in p.findings if f.id == "dependency-cycle"} == {"warning"}


def test_a_long_loop_is_printed_in_part(build):
    names = [f"n{i:02}" for i in range(40)]
    objects = [thing for name in names for thing in (build.deployment(name=name), build.service(name))]
    rules = [rule_for(build, name, names[(i + 1) % 40]) for i, name in enumerate(names)]
    decided = plans(build.world(*objects, *rules))
    assert len(decided["n00"].cycle.edges) == 40
    assert told(decided["n00"])[0].endswith("Deployment/shop/n10 -> (29 more) -> Deployment/shop/n00")


def test_the_edge_stays_a_dependency_and_is_delivered_as_optional(build):
    decided = plans(world_of(build, {"a": "b", "b": "a"}))["a"]
    assert [(d.service.name, d.confidence, d.required) for d in decided.dependencies] == [("b", 1.0, False)]
    assert '"required": false' in decided.delivery


def test_without_one_rule_the_others_are_required_again(build):
    world = world_of(build, {"a": "b", "b": "c", "c": "a"})
    world.drop_rule(next(key for key in world.rules if key.name == "c"))
    decided = plans(world)
    assert (required(decided["a"]), required(decided["b"])) == ({"b"}, {"c"})
    assert not any(told(p) or p.cycle for p in decided.values())


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param(lambda b: [rule_for(b, "a", "b"), rule_for(b, "b", "a", required=False)], id="not required"),
        pytest.param(lambda b: [rule_for(b, "a", "b"), rule_for(b, "b", "a"),
                                b.deployment(name="b", annotations={"apphealth.dev/ignore": "x"})], id="opted out"),
        pytest.param(lambda b: [rule_for(b, "a", "b"), rule_for(b, "b", "a"),
                                b.rule("z", dependencies={"ignore": [{"name": "a"}]})], id="ignored"),
        pytest.param(lambda b: [rule_for(b, "a", "b"), rule_for(b, "b", "nobody")], id="a Service that is not there"),
    ],
)  # fmt: skip
def test_what_closes_no_cycle(build, objects):
    there = [thing for name in "ab" for thing in (build.deployment(name=name), build.service(name))]
    assert required(plans(build.world(*there, *objects(build)))["a"]) == {"b"}


def test_a_cycle_may_lead_through_namespaces_and_by_a_cluster_rule(build):
    there = [build.deployment(name="a"), build.service("a"), build.deployment(name="b", namespace="data"),
             build.service("b", "data")]  # fmt: skip
    rules = [rule_for(build, "a", "data/b"), build.cluster_rule(
        namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "data"}},
        dependencies={"services": [{"name": "a", "namespace": "shop", "required": True}]},
    )]  # fmt: skip
    decided = plans(build.world(*there, *rules))
    assert not required(decided["a"])
    assert not required(decided["b"])


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"))))
def test_what_stays_required_never_forms_a_cycle_and_nothing_else_is_given_up(build, edges):
    needs = {name: edges.get(name, set()) for name in "abcdef"}
    decided = plans(world_of(build, needs))
    left = {name: required(p) for name, p in decided.items()}
    assert all(name not in reachable(name, left) for name in left)
    for name, wanted in needs.items():
        kept = {other for other in wanted - {name} if name not in reachable(other, needs) | {other}}
        assert left[name] == kept


def reachable(start, edges):
    found, todo = set(), [start]
    while todo:
        for target in edges[todo.pop()]:
            if target not in found:
                found.add(target)
                todo.append(target)
    return found


def test_the_graph_library_is_not_imported_where_there_is_no_cycle():
    program = """
import sys
import apphealth.controller.app, apphealth.plan
assert "networkx" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_planning_imports_the_graph_library_for_a_cycle_only(build):
    before = sys.modules.copy()
    try:
        for name in [name for name in sys.modules if name.split(".")[0] == "networkx"]:
            del sys.modules[name]
        plans(world_of(build, {"a": "bc", "b": "c", "c": ""}))
        assert "networkx" not in sys.modules
    finally:
        sys.modules.update(before)


def test_a_changed_container_changes_no_cycle(build):
    world = world_of(build, {"a": "b", "b": "a"})
    changed = parse_workload(build.deployment(build.container("other"), name="b"))
    before = plans(world)["a"].cycle.edges
    world.put_workload(changed)
    assert plans(world)["a"].cycle.edges == before != ()
