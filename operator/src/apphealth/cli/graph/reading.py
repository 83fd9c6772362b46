"""From the command line to a world: of files, or of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.cli.live.options import Cluster
from apphealth.cli.manifests.reading import read_manifests
from apphealth.cli.manifests.stock import refuse, take_stock
from apphealth.plan import Options
from apphealth.store.world import World


def read_world(paths: Sequence[str], rules: Sequence[str], namespace: str, cluster_domain: str) -> World:
    """Read all that `paths` lead to, and the rules of `rules`.

    Raises
    ------
    CommandError
        Something can't be used; each problem has been told on standard error.
    """
    manifests, problems = read_manifests(paths)
    world = World(Options(cluster_domain=cluster_domain))
    inventory = take_stock(manifests, rules, namespace=namespace, world=world)
    refuse([*problems, *inventory.problems])
    return world


def read_live(
    cluster: Cluster, rules: Sequence[str], namespace: str | None, cluster_domain: str
) -> tuple[World, str | None]:
    """Read a cluster, or a namespace of it, and the rules of `rules`; return it with the namespace, None for all.

    Raises
    ------
    CommandError
        The cluster can't be read, or a rule can't be used.
    """
    from apphealth.cli.live.world import read_cluster

    live = read_cluster(cluster, namespace, policies=True, options=Options(cluster_domain=cluster_domain))
    live.tell_gaps()
    refuse(take_stock([], rules, namespace=live.namespace, world=live.world).problems)
    return live.world, live.namespace
