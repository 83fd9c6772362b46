"""The workload to explain and the world that it is planned in: of manifests, or of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apphealth.api.healthplan import HealthPlanStatus, parse_plan
from apphealth.cli.explain.building import explain
from apphealth.cli.explain.recorded import cluster_rules, explain_record
from apphealth.cli.explain.report import Explanation
from apphealth.cli.manifests.planning import prepare_for_planning
from apphealth.cli.manifests.problems import refuse
from apphealth.cli.manifests.reading import print_taken, read_manifests, take_inventory, without_skipped
from apphealth.cli.options import Cluster
from apphealth.cli.workload_name import WorkloadName, find_workload
from apphealth.kube.resources import Resource
from apphealth.model.workload import Workload, WorkloadKey
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


def read(options: Options) -> Explanation:
    """Read the workload and the world around it, and explain it.

    Raises
    ------
    CommandError
        The manifests or the cluster can't be read, or there is no such workload.
    """
    if options.paths:
        world = _files(options)
        return explain(find_workload(options.wanted, options.namespace, world), world)
    from apphealth.cli.live.world import read_cluster  # importing the HTTP client takes longer than reading files

    records = _Records()
    live = read_cluster(
        options.cluster,
        options.namespace,
        wanted=lambda workload: options.wanted is None or workload.name == options.wanted.name,
        options=Planning(allow_exec=options.allow_exec, cluster_domain=options.cluster_domain),
        seen=records.keep,
    )
    live.print_gaps()
    workload = find_workload(options.wanted, live.namespace, live.world)
    status = records.of(workload)
    hidden = any(gap.title == Resource.CLUSTER_RULES.title for gap in live.gaps)
    if status is not None and hidden and (unread := cluster_rules(status)):
        return explain_record(workload, status, unread)
    from apphealth.cli.restarting import read_budgets

    budgets = read_budgets(options.cluster, [workload])
    return explain(workload, live.world, budgets.get(workload.namespace, ()))


class _Records:
    """The HealthPlans of a cluster, by workload."""

    def __init__(self) -> None:
        self._found: dict[WorkloadKey, HealthPlanStatus] = {}

    def keep(self, obj: dict[str, Any]) -> None:
        """Keep an object if it is a HealthPlan."""
        if obj.get("kind") == Resource.HEALTH_PLANS.value.kind and (plan := parse_plan(obj)) is not None:
            of = plan.spec.workload
            self._found[WorkloadKey(of.kind, obj["metadata"].get("namespace", ""), of.name)] = plan.status

    def of(self, workload: Workload) -> HealthPlanStatus | None:
        """Return what the HealthPlan of a workload says."""
        return self._found.get(workload.key)


def _files(options: Options) -> World:
    world = World(Planning(allow_exec=options.allow_exec, files=True, cluster_domain=options.cluster_domain))
    manifests, problems = read_manifests(options.paths)
    inventory = take_inventory(manifests, options.rules, namespace=options.namespace, world=world, variants=True)
    refuse([*without_skipped(problems, options.paths), *inventory.problems])
    print_taken(inventory)
    prepare_for_planning(inventory)
    return world
