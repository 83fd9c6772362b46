"""`apphealth plan`: what enforcing the rules would change, before it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from apphealth.cli.options import Cluster, cluster_options
from apphealth.cli.output import duration

if TYPE_CHECKING:
    from apphealth.api.rule import Rule
    from apphealth.cli.restarting import Restart
    from apphealth.kube.disruptions import DisruptionBudget
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
    restart
        What that does to its pods.
    dependants
        How many workloads require it.
    in_passes
        Its probes are written in more than one pass (`spec.rollout.stages`), and each restarts the pods.
    """

    workload: Workload
    message: str
    rules: tuple[str, ...]
    restart: Restart
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
    from apphealth.cli.restarting import read_budgets

    live = read_cluster(cluster, namespace)
    live.print_gaps()
    enforce(live.world)
    changes, open_ = changes_of(live.world, read_budgets(cluster, live.world.workloads.values()))
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
    from apphealth.cli.restarting import restart_of
    from apphealth.store.facts import plan_of

    decided = {key: plan_of(workload, world) for key, workload in sorted(world.workloads.items())}
    required = Counter(key for one in decided.values() for key in _required(one, world))
    found = []
    for key, one in decided.items():
        workload = world.workloads[key]
        if one.patches and one.rules:
            found.append(
                Change(
                    workload=workload,
                    message=one.message,
                    rules=tuple(map(str, one.rules)),
                    restart=restart_of(workload, world, budgets.get(key.namespace, ())),
                    dependants=required[key],
                    in_passes=one.unfinished,
                )
            )
    return tuple(found), tuple(key for key, one in decided.items() if one.questions)


def _required(decided: Plan, world: World) -> set[WorkloadKey]:
    """Return the workloads behind the Services that a plan requires."""
    services = (world.services.get(need.service) for need in decided.dependencies if need.required)
    return {workload.key for service in services if service for workload in world.workloads_behind(service)}


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
    from apphealth.cli.restarting import sentences

    restarting = [one for one in changes if one.restart.pods]
    pods = sum(one.restart.pods for one in restarting)
    yield (
        f"{len(changes)} workloads would be changed: {len(restarting)} restart {pods} pods, "
        f"{len(changes) - len(restarting)} have no ready pod and are changed at once"
    )
    if again := sum(one.in_passes for one in restarting):
        yield f"{again} of them in passes (spec.rollout.stages), each of which restarts the pods"
    if open_:
        yield f"{len(open_)} more wait for the answers of running pods"
    for one in changes:
        yield from sentences(one.workload, one.restart)
        if one.restart.pods and one.dependants:
            yield f"{one.workload.key} comes last: {one.dependants} workloads require it"
    yield from _durations(world, restarting, now)
    if verbose:
        yield from (f"  {one.workload.key}: {one.message}; {_restarts(one)}" for one in changes)


def _restarts(change: Change) -> str:
    match change.restart.pods:
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
