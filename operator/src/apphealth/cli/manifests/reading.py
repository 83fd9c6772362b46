"""Manifests read from the paths of a command line, and the inventory of their objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from apphealth.cli.manifests.documents import Manifest, parse
from apphealth.cli.manifests.inventory import Inventory, infer_namespace
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.sources import gather
from apphealth.cli.output import clean
from apphealth.store.world import World


def print_taken(inventory: Inventory) -> None:
    """Print on standard error which namespace was inferred, and which objects don't count."""
    for line in (*([inventory.inferred] if inventory.inferred else []), *inventory.repeated):
        click.echo(clean(line), err=True)


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


def new_inventory(manifests: Sequence[Manifest], namespace: str | None, world: World) -> Inventory:
    """Return an empty inventory whose namespace is the given one, else the only one that objects name.

    Parameters
    ----------
    manifests
        The input.
    namespace
        The namespace of objects that name none; None: infer it.
    world
        The world that the objects are going to be put into.
    """
    if namespace is not None:
        return Inventory(namespace=namespace, world=world)
    inferred, lacking = infer_namespace(manifests)
    if not inferred:
        return Inventory(namespace="default", world=world)
    what = "1 object names no namespace, and is" if lacking == 1 else f"{lacking} objects name no namespace, and are"
    said = f"{what} taken to be in '{inferred}', the only one that others name; -n NAME says otherwise"
    return Inventory(namespace=inferred, world=world, inferred=said)


def take_inventory(
    manifests: Sequence[Manifest],
    rules: Sequence[str],
    *,
    namespace: str | None,
    world: World,
    variants: bool = False,
) -> Inventory:
    """Put the objects of manifests, and further rules, into a world.

    Parameters
    ----------
    manifests
        The manifests whose objects are used.
    rules
        Paths of manifests of which only the rules are used.
    namespace
        The namespace of objects that name none; None means the only one that others name, else `default`.
    world
        The world that the objects are put into.
    variants
        Whether different objects may have one name, as in overlays.

    Returns
    -------
    Inventory
        The objects, and a problem for each one that can't be used.
    """
    inventory = new_inventory(manifests, namespace, world)
    inventory.variants = variants
    for manifest in manifests:
        inventory.add(manifest.items)
    more, problems = read_manifests(rules)
    inventory.problems += problems
    inventory.add_rules(more)
    return inventory
