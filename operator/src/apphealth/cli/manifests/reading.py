"""Manifests read from the paths of a command line, and the inventory of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from apphealth.cli.manifests.documents import Manifest, parse
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.sources import gather
from apphealth.store.world import World


def read_manifests(paths: Sequence[str], without: Path | None = None) -> tuple[list[Manifest], list[Problem]]:
    """Read the manifests at `paths`.

    Parameters
    ----------
    paths
        Files, directories, and `-` for standard input.
    without
        A directory to leave out of the search.

    Returns
    -------
    tuple
        The manifests that could be parsed, and a problem for each file that couldn't.
    """
    sources, problems = gather(paths, without=without)
    manifests: list[Manifest] = []
    for source in sources:
        match parse(source):
            case Manifest() as manifest:
                manifests.append(manifest)
            case Problem() as problem:
                problems.append(problem)
    return manifests, problems


def take_inventory(
    manifests: Iterable[Manifest], rules: Sequence[str], *, namespace: str | None, world: World
) -> Inventory:
    """Put the objects of manifests, and further rules, into a world.

    Parameters
    ----------
    manifests
        The manifests whose objects are used.
    rules
        Paths of manifests of which only the rules are used.
    namespace
        The namespace of objects that name none; None means `default`.
    world
        The world that the objects are put into.

    Returns
    -------
    Inventory
        The objects, and a problem for each one that can't be used.
    """
    inventory = Inventory(namespace=namespace or "default", world=world)
    for manifest in manifests:
        inventory.add(manifest.items)
    more, problems = read_manifests(rules)
    inventory.problems += problems
    inventory.add_rules(more)
    return inventory
