"""The workload to explain and the world that it is planned in: of manifests, or of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from apphealth.cli.manifests.planning import prepare_for_planning
from apphealth.cli.manifests.problems import refuse
from apphealth.cli.manifests.reading import read_manifests, take_inventory
from apphealth.cli.options import Cluster
from apphealth.cli.workload_name import WorkloadName, find_workload
from apphealth.model.workload import Workload
from apphealth.plan import Options as Planning
from apphealth.store.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `explain`."""

    wanted: WorkloadName | None
    paths: tuple[str, ...]
    rules: tuple[str, ...]
    cluster: Cluster
    namespace: str | None
    allow_exec: bool
    cluster_domain: str


def read(options: Options) -> tuple[Workload, World]:
    """Read the workload, and the world around it.

    Raises
    ------
    CommandError
        The manifests or the cluster can't be read, or there is no such workload.
    """
    if options.paths:
        world = _files(options)
        return find_workload(options.wanted, options.namespace, world), world
    from apphealth.cli.live.world import read_cluster  # importing the HTTP client takes longer than reading files

    live = read_cluster(
        options.cluster,
        options.namespace,
        wanted=lambda workload: options.wanted is None or workload.name == options.wanted.name,
        options=Planning(allow_exec=options.allow_exec, cluster_domain=options.cluster_domain),
    )
    live.print_gaps()
    return find_workload(options.wanted, live.namespace, live.world), live.world


def _files(options: Options) -> World:
    world = World(Planning(allow_exec=options.allow_exec, files=True, cluster_domain=options.cluster_domain))
    manifests, problems = read_manifests(options.paths)
    inventory = take_inventory(manifests, options.rules, namespace=options.namespace, world=world)
    refuse([*problems, *inventory.problems])
    prepare_for_planning(inventory)
    return world
