"""What a write does to a workload's pods and Services: pods that restart, PodDisruptionBudgets, endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from apphealth.rollout.flight import takes_place

if TYPE_CHECKING:
    from apphealth.cli.options import Cluster
    from apphealth.kube.disruptions import DisruptionBudget
    from apphealth.model.service import ServiceKey
    from apphealth.model.workload import Workload
    from apphealth.store.world import World


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
class Restart:
    """What a write does to a workload's pods.

    Attributes
    ----------
    pods
        The pods that restart; 0 if it has no ready pod, and so is changed at once.
    tight
        The PodDisruptionBudget that allows fewer pods to be down than its strategy takes down; empty if none.
    shortages
        The Services that would drop below the minimum of a PodDisruptionBudget.
    """

    pods: int
    tight: str = ""
    shortages: tuple[Shortage, ...] = ()


def restart_of(workload: Workload, world: World, budgets: Iterable[DisruptionBudget]) -> Restart:
    """Return what a write would do to a workload's pods.

    Parameters
    ----------
    workload
        The workload as it is.
    world
        The cluster, for its Services.
    budgets
        The PodDisruptionBudgets of its namespace.
    """
    if not takes_place(workload):
        return Restart(pods=0)
    down = workload.progress.takes_down
    covering = [one for one in budgets if down and one.covers(dict(workload.pod_labels))]
    return Restart(
        pods=workload.progress.to_update,
        tight=next((one.name for one in covering if one.allowed < down), ""),
        shortages=tuple(_shortages(workload, world, covering)),
    )


def _shortages(workload: Workload, world: World, covering: list[DisruptionBudget]) -> Iterator[Shortage]:
    down = min(workload.progress.takes_down, workload.progress.ready)
    for service in world.services_of(workload) if covering else ():
        ready = sum(behind.progress.ready for behind in world.workloads_behind(service))
        for one in covering:
            if ready - down < one.needed:
                yield Shortage(service=service.key, ready=ready, left=ready - down, budget=one.name, needed=one.needed)


def sentences(workload: Workload, restart: Restart) -> Iterator[str]:
    """Yield what users should know before a workload is written.

    Parameters
    ----------
    workload
        The workload.
    restart
        The result of `restart_of`.
    """
    if restart.tight:
        yield f"{workload.key} waits: the PodDisruptionBudget {restart.tight} allows no pod to be down now"
    for one in restart.shortages:
        yield (
            f"Service {one.service} would have {one.left} of {one.ready} endpoints ready while {workload.key} changes: "
            f"the PodDisruptionBudget {one.budget} wants {one.needed}"
        )
    if restart.pods and workload.progress.recreates:
        yield f"{workload.key} is down while it changes: its strategy is Recreate"


def read_budgets(cluster: Cluster, workloads: Iterable[Workload]) -> dict[str, tuple[DisruptionBudget, ...]]:
    """Read the PodDisruptionBudgets of the namespaces in which a change would take pods down.

    Parameters
    ----------
    cluster
        The cluster to ask. Namespaces whose budgets can't be read are left out, with a line on standard error.
    workloads
        The workloads that may change.
    """
    from apphealth.cli.live.connection import connected
    from apphealth.kube.disruptions import parse_disruption_budgets
    from apphealth.kube.errors import KubeError
    from apphealth.kube.meta import path_of

    namespaces = sorted({one.namespace for one in workloads if one.progress.takes_down})
    found = {}
    with connected(cluster.kubeconfig, cluster.context) as (reader, _):
        for name in namespaces:
            try:
                listed = list(reader.items(path_of("/apis/policy/v1", "poddisruptionbudgets", name)))
                found[name] = parse_disruption_budgets({"items": listed})
            except KubeError as error:
                click.echo(f"apphealth: PodDisruptionBudgets of {name} can't be read: {error.message}", err=True)
    return found
