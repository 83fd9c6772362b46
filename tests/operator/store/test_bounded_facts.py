"""What it costs to plan a workload doesn't depend on what other namespaces hold: calls are counted, not seconds."""

from __future__ import annotations

import gc
import sys

import pytest

from apphealth.api.parse import parse_rule
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import parse_service
from apphealth.store.facts import plan_of
from apphealth.store.world import World


def calls(work):
    """Count the calls of Python and C functions."""
    count = 0

    def counting(_frame, event, _arg):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    gc.collect()
    gc.disable()  # callbacks of a collection are calls, too
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def cost(make, others):
    world = World()
    for number in range(others):
        namespace = f"other-{number}"
        world.put_rule(parse_rule(make.rule("all", namespace)))
        world.put_workload(parse_workload(make.deployment("web", namespace)))
        world.put_service(parse_service(make.service("web", namespace)))
    world.put_rule(parse_rule(make.rule(verification="Skip", probes={"readiness": {"path": "/up"}})))
    workload = parse_workload(make.deployment())
    world.put_workload(workload)
    world.put_service(parse_service(make.service()))
    return calls(lambda: plan_of(workload, world))


def test_rules_of_other_namespaces_cost_nothing(make):
    cost(make, 1)  # what is imported or compiled at first use is
    assert cost(make, 1000) == cost(make, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_rules_are_found_by_namespace_whatever_comes_and_goes(make, order):
    rules = [parse_rule(make.rule(name, namespace)) for namespace in ("shop", "market") for name in ("a", "b")]
    rules.append(parse_rule(make.cluster_rule()))
    world = World()
    for rule in rules[::order]:
        world.put_rule(rule)
        world.put_rule(rule)
    names = [(rule.namespace, rule.name) for rule in world.rules_in("shop")]
    assert names == [("", "standard"), ("shop", "a"), ("shop", "b")]
    assert [rule.name for rule in world.rules_in("elsewhere")] == ["standard"]
    for rule in rules:
        world.drop_rule(rule.key)
        world.drop_rule(rule.key)
    assert world.rules_in("shop") == ()
    assert not world._rules_in
