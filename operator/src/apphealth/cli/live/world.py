"""From the command line's options to a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from apphealth.api.rule import RuleKey
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.live.gaps import Gap
from apphealth.cli.live.reading import Reading
from apphealth.cli.options import Cluster
from apphealth.kube.configuration import CredentialsError, find_access
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError, UnauthorizedError
from apphealth.kube.reader import Reader
from apphealth.model.workload import Workload
from apphealth.plan.facts import Options
from apphealth.store.store import Store
from apphealth.store.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What was read of a cluster.

    Attributes
    ----------
    world
        What a decision looks at.
    namespace
        The namespace that was asked for; None: all. `world` also has what its workloads mention in others.
    gaps
        What could not be read.
    invalid
        Rules that can't be used as they stand, and why.
    """

    world: World
    namespace: str | None
    gaps: tuple[Gap, ...]
    invalid: Mapping[RuleKey, str]

    def tell_gaps(self) -> None:
        """Say on standard error what could not be read, and what follows from that."""
        for gap in self.gaps:
            click.echo(f"apphealth: {gap}", err=True)
        for rule, why in self.invalid.items():
            click.echo(f"apphealth: {rule} can't be used and doesn't count: {why}", err=True)


def everything(_: Workload) -> bool:
    """Want the ConfigMaps of every workload."""
    return True


def read_cluster(
    cluster: Cluster,
    namespace: str | None,
    *,
    policies: bool = False,
    wanted: Callable[[Workload], bool] = everything,
    options: Options = Options(),  # noqa: B008 -- a frozen value
    seen: Callable[[dict[str, Any]], None] | None = None,
) -> Live:
    """Read a cluster, or a namespace of it.

    Parameters
    ----------
    cluster
        Which one, and whether all namespaces.
    namespace
        The one to read; None: the one that the kubeconfig's context names.
    policies
        Let NetworkPolicies count as evidence, which the operator doesn't watch.
    wanted
        Of which workloads the ConfigMaps are read: for the others, what these name stays unseen.
    options
        How workloads are planned.
    seen
        Is given each object as the API server has it, for who needs more of it than a world keeps.

    Raises
    ------
    CommandError
        There is no usable kubeconfig, cluster or namespace, or its workloads may not be read.
    """
    if cluster.everywhere and namespace is not None:
        raise click.UsageError("-A reads all namespaces, -n one: choose one")
    try:
        access = find_access(cluster.kubeconfig, cluster.context)
    except CredentialsError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    scope = None if cluster.everywhere else namespace or access.namespace
    store = Store(options)
    with Reader(access) as reader:
        reading = Reading(reader, store, policies=policies, seen=seen)
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
