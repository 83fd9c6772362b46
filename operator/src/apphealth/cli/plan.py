"""`apphealth plan`: what enforcing the rules would change, before it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from apphealth.cli.options import Cluster, cluster_options
from apphealth.cli.output import duration

if TYPE_CHECKING:
    from apphealth.api.rule import Rule
    from apphealth.kube.disruptions import DisruptionBudget
    from apphealth.model.service import ServiceKey
    from apphealth.model.workload import Workload, WorkloadKey
    from apphealth.plan import Plan
    from apphealth.store.world import World

EPILOG = """
\b
Examples:
  apphealth plan -A             the whole cluster, its rules in mode Audit as if they were enforced
  apphealth plan -n shop        one namespace
  apphealth plan -n shop -v     each workload with what changes

\b
Exit codes: 0 done; 2 the command line is wrong; 3 the kubeconfig can't be used; 4 the cluster can't be read.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A Service with fewer ready endpoints than a PodDisruptionBudget wants, while a workload behind it changes.

    Attributes
    ----------
    service
        The Service.
    ready, left
        Its ready endpoints now, and while the workload's update strategy takes pods down.
    budget, needed
        The PodDisruptionBudget, and the pods that it wants to be healthy.
    """

    service: ServiceKey
    ready: int
    left: int
    budget: str
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A workload that would be written.

    Attributes
    ----------
    workload
        The workload as it is.
    message
        What is added.
    rules
        The names of the rules that want it.
    restarts
        The pods that restart; 0 if it has no ready pod, and so is changed at once.
    tight
        The PodDisruptionBudget that allows fewer pods to be down than its strategy takes down; empty if none.
    shortages
        The Services that would drop below the minimum of a PodDisruptionBudget.
    dependants
        How many workloads require it.
    in_passes
        Its probes are written in more than one pass (`spec.rollout.stages`), and each restarts the pods.
    """

    workload: Workload
    message: str
    rules: tuple[str, ...]
    restarts: int
    tight: str = ""
    shortages: tuple[Shortage, ...] = ()
    dependants: int = 0
    in_passes: bool = False


@click.command(epilog=EPILOG, short_help="Show what enforcing the rules would change: pods, Services, time.")
@cluster_options
@click.option("-n", "--namespace", metavar="NAME", help="The namespace. [default: that of the kubeconfig's context]")
@click.option("-v", "--verbose", is_flag=True, help="Name each workload, and say what changes.")
def plan(*, cluster: Cluster, namespace: str | None, verbose: bool) -> None:
    """Show the blast radius of the rules before it happens: rules in mode Audit are taken as enforced.

    It reads the cluster with your rights, and writes nothing. What the operator has not verified on running pods yet
    counts as open. The time is an estimate: 30 seconds for the pods of a workload, and the rollout of each rule.
    """
    from apphealth.cli.live.world import read_cluster

    live = read_cluster(cluster, namespace)
    live.print_gaps()
    enforce(live.world)
    changes, open_ = changes_of(live.world, _budgets(cluster, live.world))
    for line in report(live.world, changes, open_, datetime.now(UTC), verbose=verbose):
        click.echo(line)


def enforce(world: World) -> None:
    """Turn every rule of a world to mode Enforce."""
    from dataclasses import replace

    import msgspec

    from apphealth.api.spec import Mode

    for rule in list(world.rules.values()):
        world.put_rule(replace(rule, spec=msgspec.structs.replace(rule.spec, mode=Mode.ENFORCE)))


def changes_of(
    world: World, budgets: Mapping[str, Sequence[DisruptionBudget]]
) -> tuple[tuple[Change, ...], tuple[WorkloadKey, ...]]:
    """Plan every workload.

    Parameters
    ----------
    world
        The cluster; its rules are all in mode Enforce.
    budgets
        The PodDisruptionBudgets by namespace.

    Returns
    -------
    tuple
        The workloads that would be written; and those whose pods have not been asked yet.
    """
    from apphealth.rollout.flight import takes_place
    from apphealth.store.facts import plan_of

    decided = {key: plan_of(workload, world) for key, workload in sorted(world.workloads.items())}
    required = Counter(key for one in decided.values() for key in _required(one, world))
    found = []
    for key, one in decided.items():
        workload = world.workloads[key]
        if one.patches and one.rules:
            restarts = workload.progress.to_update if takes_place(workload) else 0
            found.append(
                Change(
                    workload=workload,
                    message=one.message,
                    rules=tuple(map(str, one.rules)),
                    restarts=restarts,
                    tight=_tight(workload, budgets.get(key.namespace, ())) if restarts else "",
                    shortages=tuple(_shortages(workload, world, budgets.get(key.namespace, ()))) if restarts else (),
                    dependants=required[key],
                    in_passes=one.unfinished,
                )
            )
    return tuple(found), tuple(key for key, one in decided.items() if one.questions)


def _required(decided: Plan, world: World) -> set[WorkloadKey]:
    """Return the workloads behind the Services that a plan requires."""
    services = (world.services.get(need.service) for need in decided.dependencies if need.required)
    return {workload.key for service in services if service for workload in world.workloads_behind(service)}


def _tight(workload: Workload, budgets: Iterable[DisruptionBudget]) -> str:
    down = workload.progress.takes_down
    covering = (one for one in budgets if down and one.covers(dict(workload.pod_labels)))
    return next((one.name for one in covering if one.allowed < down), "")


def _shortages(workload: Workload, world: World, budgets: Iterable[DisruptionBudget]) -> Iterator[Shortage]:
    down = workload.progress.takes_down
    covering = [one for one in budgets if down and one.covers(dict(workload.pod_labels))]
    for service in world.services_of(workload) if covering else ():
        ready = sum(behind.progress.ready for behind in world.workloads_behind(service))
        left = max(0, ready - min(down, workload.progress.ready))
        for one in covering:
            if left < one.needed:
                yield Shortage(service=service.key, ready=ready, left=left, budget=one.name, needed=one.needed)


def report(
    world: World, changes: Sequence[Change], open_: Sequence[WorkloadKey], now: datetime, *, verbose: bool = False
) -> Iterator[str]:
    """Yield the lines of the report.

    Parameters
    ----------
    world
        The cluster.
    changes, open_
        The result of `changes_of`.
    now
        The time, for the estimate.
    verbose
        Whether to name each workload.
    """
    restarting = [one for one in changes if one.restarts]
    pods = sum(one.restarts for one in restarting)
    yield (
        f"{len(changes)} workloads would be changed: {len(restarting)} restart {pods} pods, "
        f"{len(changes) - len(restarting)} have no ready pod and are changed at once"
    )
    if again := sum(one.in_passes for one in restarting):
        yield f"{again} of them in passes (spec.rollout.stages), each of which restarts the pods"
    if open_:
        yield f"{len(open_)} more wait for the answers of running pods"
    for one in changes:
        if one.tight:
            yield f"{one.workload.key} waits: the PodDisruptionBudget {one.tight} allows no pod to be down now"
        for short in one.shortages:
            yield (
                f"Service {short.service} would have {short.left} of {short.ready} endpoints ready while "
                f"{one.workload.key} changes: the PodDisruptionBudget {short.budget} wants {short.needed}"
            )
        if one.restarts and one.workload.progress.recreates:
            yield f"{one.workload.key} is down while it changes: its strategy is Recreate"
        if one.restarts and one.dependants:
            yield f"{one.workload.key} comes last: {one.dependants} workloads require it"
    yield from _durations(world, restarting, now)
    if verbose:
        yield from (f"  {one.workload.key}: {one.message}; {_restarts(one)}" for one in changes)


def _restarts(change: Change) -> str:
    match change.restarts:
        case 0:
            return "no ready pod"
        case 1:
            return "1 pod restarts"
        case count:
            return f"{count} pods restart"


def _durations(world: World, restarting: Sequence[Change], now: datetime) -> Iterator[str]:
    """Yield one line for each rule: how many at once, and how long it takes."""
    from apphealth.rollout.budget import Budget, limits_of
    from apphealth.rollout.forecast import expected_end

    for key, rule in sorted(world.rules.items()):
        count = sum(str(key) in one.rules for one in restarting)
        if not count:
            continue
        selected = sum(1 for workload in world.workloads.values() if _selects(rule, workload, world))
        budget = Budget(rule=str(key), limits=limits_of(rule.spec.rollout, rule.kind), selected=selected)
        end = expected_end(count, 0, budget, now)
        took = f"about {duration((end - now).total_seconds())}" if end is not None else "no end in sight: it is paused"
        yield f"{key}: {count} workloads, {min(budget.concurrent, count)} at once: {took}"


def _selects(rule: Rule, workload: Workload, world: World) -> bool:
    from apphealth.plan.rules.selection import selects

    return selects(rule, workload, world.namespace(workload.namespace))


def _budgets(cluster: Cluster, world: World) -> dict[str, tuple[DisruptionBudget, ...]]:
    """Read the PodDisruptionBudgets of the namespaces in which a change would take pods down."""
    from apphealth.cli.live.connection import connected
    from apphealth.kube.disruptions import parse_disruption_budgets
    from apphealth.kube.errors import KubeError
    from apphealth.kube.meta import path_of

    namespaces = sorted({key.namespace for key, one in world.workloads.items() if one.progress.takes_down})
    found = {}
    with connected(cluster.kubeconfig, cluster.context) as (reader, _):
        for name in namespaces:
            try:
                listed = list(reader.items(path_of("/apis/policy/v1", "poddisruptionbudgets", name)))
                found[name] = parse_disruption_budgets({"items": listed})
            except KubeError as error:
                click.echo(f"apphealth: PodDisruptionBudgets of {name} can't be read: {error.message}", err=True)
    return found
