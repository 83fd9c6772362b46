"""Gather the facts of a plan from a `World`.

Planning has two passes. The first, `plan_probes`, reads no other workload. The second plans dependencies, and reads the
readiness probes of other workloads, which their own first pass has planned. So planning never recurses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from apphealth.api.rule import Rule
from apphealth.model.service import Service, ServiceKey
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan import Plan, plan
from apphealth.plan.dependencies.cycles import required_by
from apphealth.plan.dependencies.edges import Derived, find_mentions, named_services, plan_dependencies
from apphealth.plan.dependencies.evidence.declared import requires_any
from apphealth.plan.dependencies.evidence.mention import Mention
from apphealth.plan.facts import (
    EMPTY,
    MAX_BACKENDS,
    SHARE_HEALTH_PATHS,
    Backend,
    Facts,
    Neighbour,
    Neighbours,
    Readiness,
    Requirements,
)
from apphealth.plan.probes import plan_probes
from apphealth.plan.rules.merging import workload_settings
from apphealth.plan.rules.modes import effective
from apphealth.plan.rules.selection import selecting
from apphealth.store.policies import by_policies
from apphealth.store.world import World


def plan_of(workload: Workload, world: World) -> Plan:
    """Plan a workload from the facts of a world.

    Parameters
    ----------
    workload
        The workload as it is now; it need not be in the world.
    world
        The known cluster or files. It keeps the planned readiness probes, for the plans of dependants.
    """
    own = _own_facts(workload, world)
    decided = plan(workload, _with_neighbours(workload, own, world), world.options)
    if own.services:
        world.readiness.put(workload, own, world.options, decided.readiness)
    return decided


def facts_of(workload: Workload, world: World) -> Facts:
    """Gather the facts about a workload.

    Parameters
    ----------
    workload
        The workload as it is now; it need not be in the world.
    world
        The known cluster or files.
    """
    return _with_neighbours(workload, _own_facts(workload, world), world)


def dependencies_of(workload: Workload, world: World) -> Derived:
    """Find the Services that a workload needs, whether a rule selects it or not, without their URLs.

    Parameters
    ----------
    workload
        The workload as it is now.
    world
        The known cluster or files.
    """
    own = _own_facts(workload, world)
    rules = _rules(workload, own, world)
    mentions = _mentions(workload, rules, world)
    neighbours = Neighbours(
        mentions=mentions,
        services={
            key: Neighbour(service=service)
            for key, service in _existing(named_services(workload, rules, mentions), world)
        },
        requirements=_requirements(workload, rules, own, world),
    )
    return plan_dependencies(workload, rules, own.services, neighbours)


def _own_facts(workload: Workload, world: World) -> Facts:
    """Gather the facts that the first pass reads."""
    key = workload.key
    return Facts(
        namespace=world.namespace(workload.namespace),
        rules=world.rules_in(workload.namespace),
        services=tuple(world.services_of(workload)),
        originals=world.originals.get(key, ()),
        written=world.written.get(key, ()),
        withheld=world.withheld.get(key, ()),
        retried=world.retried.get(key, ""),
        failing=world.failing.get(key, ""),
        starts=world.starts.get(key, EMPTY),
        earlier=world.earlier.get(key, ()),
        removed_at=world.removed_at.get(key, ""),
        answers=EMPTY if world.options.files else world.answers_of(workload),
    )


def _with_neighbours(workload: Workload, own: Facts, world: World) -> Facts:
    rules = _rules(workload, own, world)
    if not rules:
        return own
    mentions = _mentions(workload, rules, world)
    neighbours = Neighbours(
        mentions=mentions,
        services={
            key: _neighbour(service, world)
            for key, service in _existing(named_services(workload, rules, mentions), world)
        },
        requirements=_requirements(workload, rules, own, world),
    )
    return replace(own, neighbours=neighbours)


def _rules(workload: Workload, facts: Facts, world: World) -> tuple[Rule, ...]:
    """Return the rules that decide about a workload's dependencies and readiness."""
    return effective(selecting(facts.rules, workload, facts.namespace), workload, files=world.options.files)


def _mentions(workload: Workload, rules: Sequence[Rule], world: World) -> tuple[Mention, ...]:
    disabled = any(rule.spec.dependencies.discover is False for rule in rules)
    if disabled and not workload_settings(rules).discover:
        return ()
    found = find_mentions(workload, world.config_maps, world.addresses, world.options)
    return (*found, *by_policies(workload, world)) if world.policies else found


def _existing(keys: Iterable[ServiceKey], world: World) -> Iterable[tuple[ServiceKey, Service]]:
    return ((key, service) for key in sorted(keys) if (service := world.services.get(key)) is not None)


def _neighbour(service: Service, world: World) -> Neighbour:
    return Neighbour(
        service=service,
        backends=tuple(
            Backend(workload=workload, readiness=_readiness(workload, world))
            for workload in world.workloads_behind(service)[:MAX_BACKENDS]
        ),
        shares_paths=world.namespace(service.namespace).annotations.get(SHARE_HEALTH_PATHS) == "true",
    )


def _readiness(workload: Workload, world: World) -> Readiness:
    """Return the readiness probes of a neighbour; they are planned unless they are known for equal facts."""
    facts = _own_facts(workload, world)
    known = world.readiness.get(workload, facts, world.options)
    if known is None:
        rules = _rules(workload, facts, world)
        known = plan_probes(workload, rules, facts, world.options).readiness
        world.readiness.put(workload, facts, world.options, known)
    return known


def _requirements(workload: Workload, rules: Sequence[Rule], own: Facts, world: World) -> Requirements:
    """Return the required edges that can be reached from a workload; each one is followed once."""
    if not own.services or not requires_any(rules):
        return EMPTY
    first = _required(workload, world)
    found: dict[WorkloadKey, dict[ServiceKey, tuple[WorkloadKey, ...]]] = {workload.key: first}
    todo = {key for behind in first.values() for key in behind}
    while todo:
        key = todo.pop()
        if key not in found:
            found[key] = _required(world.workloads[key], world)
            todo.update(other for behind in found[key].values() for other in behind)
    return found if first else EMPTY


def _required(workload: Workload, world: World) -> dict[ServiceKey, tuple[WorkloadKey, ...]]:
    """Return the Services that a workload requires, with the workloads behind each."""
    own = _own_facts(workload, world)
    keys = required_by(workload, _rules(workload, own, world), {service.key for service in own.services})
    return {
        key: tuple(behind.key for behind in world.workloads_behind(service)) for key, service in _existing(keys, world)
    }
