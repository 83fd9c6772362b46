"""From the command line to a world: of files, or of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.live.options import Cluster
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.reading import read_manifests
from apphealth.model.world import World


def read_world(paths: Sequence[str], rules: Sequence[str], namespace: str, cluster_domain: str) -> World:
    """Read all that `paths` lead to, and the rules of `rules`.

    Raises
    ------
    CommandError
        Something can't be used; each problem has been told on standard error.
    """
    manifests, problems = read_manifests(paths)
    inventory = Inventory(namespace=namespace, world=World(cluster_domain=cluster_domain))
    for manifest in manifests:
        inventory.add(manifest.items)
    _add_rules(inventory, rules, problems)
    return inventory.world


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

    live = read_cluster(cluster, namespace, policies=True, cluster_domain=cluster_domain)
    live.tell_gaps()
    _add_rules(Inventory(namespace=live.namespace or "default", world=live.world), rules, [])
    return live.world, live.namespace


def _add_rules(inventory: Inventory, rules: Sequence[str], problems: Sequence[Problem]) -> None:
    more, others = read_manifests(rules)
    inventory.add_rules(more)
    _refuse([*problems, *others, *inventory.problems])


def _refuse(problems: Sequence[Problem]) -> None:
    if not problems:
        return
    for problem in sorted(problems):
        click.echo(problem, err=True)
    raise CommandError(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} in the input", ExitCode.INPUT)
