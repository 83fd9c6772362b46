"""The world that a graph is made from: of manifests, or of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.cli.manifests.problems import refuse
from apphealth.cli.manifests.reading import print_taken, read_manifests, take_inventory, without_skipped
from apphealth.cli.options import Cluster
from apphealth.plan import Options
from apphealth.store.world import World


def read_world(
    paths: Sequence[str], rules: Sequence[str], namespace: str | None, cluster_domain: str
) -> tuple[World, str]:
    """Read the manifests at `paths`, and the rules at `rules`.

    Parameters
    ----------
    paths
        Files, directories, and `-` for standard input.
    rules
        Paths of manifests of which only the rules are used.
    namespace
        The namespace of objects that name none; None means the only one that others name, else `default`.
    cluster_domain
        The domain at the end of full Service names.

    Returns
    -------
    tuple
        The world, and the namespace of objects that name none.

    Raises
    ------
    CommandError
        A part of the input can't be used; each problem is printed on standard error.
    """
    manifests, problems = read_manifests(paths)
    world = World(Options(cluster_domain=cluster_domain))
    inventory = take_inventory(manifests, rules, namespace=namespace, world=world, variants=True)
    refuse([*without_skipped(problems, paths), *inventory.problems])
    print_taken(inventory)
    return world, inventory.namespace


def read_live(
    cluster: Cluster, rules: Sequence[str], namespace: str | None, cluster_domain: str
) -> tuple[World, str | None]:
    """Read a cluster, or one namespace of it, and the rules at `rules`.

    Parameters
    ----------
    cluster
        The cluster, and whether to read all its namespaces.
    rules
        Paths of manifests of which only the rules are used.
    namespace
        The namespace to read; None means the namespace of the kubeconfig's context.
    cluster_domain
        The domain at the end of full Service names.

    Returns
    -------
    tuple
        The world, and the namespace that was read; None means all.

    Raises
    ------
    CommandError
        The cluster can't be read, or a rule can't be used.
    """
    from apphealth.cli.live.world import read_cluster

    live = read_cluster(cluster, namespace, policies=True, options=Options(cluster_domain=cluster_domain))
    live.print_gaps()
    refuse(take_inventory([], rules, namespace=live.namespace, world=live.world).problems)
    return live.world, live.namespace
