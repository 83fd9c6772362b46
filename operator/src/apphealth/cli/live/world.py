"""The world of the cluster that the options of the command line name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from apphealth.api.rule import RuleKey
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.live.connection import connected
from apphealth.cli.live.gaps import Gap
from apphealth.cli.live.reading import Reading
from apphealth.cli.options import Cluster
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError, UnauthorizedError
from apphealth.model.workload import Workload
from apphealth.plan.facts import Options
from apphealth.store.store import Store
from apphealth.store.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A cluster as it was read.

    Attributes
    ----------
    world
        The objects that plans are made from.
    namespace
        The namespace that was read; None means all. `world` also has objects of other namespaces that its workloads
        mention.
    gaps
        The resources that could not be read.
    invalid
        The rules that can't be used, each with the reason.
    """

    world: World
    namespace: str | None
    gaps: tuple[Gap, ...]
    invalid: Mapping[RuleKey, str]

    def print_gaps(self) -> None:
        """Print the gaps and the invalid rules on standard error."""
        for gap in self.gaps:
            click.echo(f"apphealth: {gap}", err=True)
        for rule, why in self.invalid.items():
            click.echo(f"apphealth: {rule} can't be used and doesn't count: {why}", err=True)


def everything(_: Workload) -> bool:
    """Select every workload."""
    return True


def read_cluster(
    cluster: Cluster,
    namespace: str | None,
    *,
    policies: bool = False,
    wanted: Callable[[Workload], bool] = everything,
    options: Options = Options(),  # noqa: B008 -- a frozen value
    seen: Callable[[dict[str, Any]], None] | None = None,
    pods: bool = False,
) -> Live:
    """Read a cluster, or one namespace of it.

    Parameters
    ----------
    cluster
        The cluster, and whether to read all its namespaces.
    namespace
        The namespace to read; None means the namespace of the kubeconfig's context.
    policies
        Whether to read NetworkPolicies as evidence, too; the operator doesn't.
    wanted
        Whether to read the ConfigMaps that a workload mentions; without them, the Services that they name are unknown.
    options
        The options by which workloads are planned.
    seen
        Is called with each object as the API server returns it, because a world keeps only parts of it.
    pods
        Whether to read Pods without an owner, too: `seen` gets them, and the world doesn't have them.

    Raises
    ------
    CommandError
        The kubeconfig can't be used, the cluster can't be reached, there is no such namespace, or its workloads may
        not be read.
    click.UsageError
        Both -A and -n are given.
    """
    if cluster.everywhere and namespace is not None:
        raise click.UsageError("-A reads all namespaces, -n one: choose one")
    store = Store(options)
    with connected(cluster.kubeconfig, cluster.context) as (reader, access):
        scope = None if cluster.everywhere else namespace or access.namespace
        reading = Reading(reader, store, policies=policies, seen=seen, pods=pods)
        try:
            reading.read(scope, wanted)
        except KubeError as error:
            raise CommandError(_complaint(error, scope), ExitCode.ENVIRONMENT) from error
    return Live(world=store.world, namespace=scope, gaps=tuple(sorted(reading.gaps)), invalid=store.invalid)


def _complaint(error: KubeError, scope: str | None) -> str:
    match error:
        case UnauthorizedError():
            return f"the API server does not accept the credentials: {error.message}"
        case ForbiddenError() if scope is None:
            return f"no right to read the whole cluster, try -n NAMESPACE: {error.message}"
        case ForbiddenError():
            return f"no right to read the namespace {scope}: {error.message}"
        case NotFoundError() if scope is not None and "namespace" in error.message:
            return f"there is no namespace '{scope}' in this cluster"
        case _:
            return error.message
