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

_MOST_LINES = 5
"""Most lines of one kind that are printed."""


def print_taken(inventory: Inventory) -> None:
    """Print on standard error which namespace was inferred, and which objects don't count."""
    _print_some([inventory.inferred] if inventory.inferred else [])
    _print_some(inventory.repeated)


def skip_reason(problem: Problem, named: Sequence[str]) -> str:
    """Return why a file that can't be parsed is skipped, or an empty string if its problem is reported.

    A file that was only found in a directory may be the source of a Helm template, or no manifest at all, such as a
    lock file. It is skipped.

    Parameters
    ----------
    problem
        The reason why the file can't be parsed.
    named
        The paths that the user named: their problems are always reported.
    """
    if problem.file in (*named, "<stdin>"):
        return ""
    if "Helm template" in problem.message:
        return "skipped: it is the source of a Helm template; render it first"
    try:
        content = Path(problem.file).read_bytes()
    except OSError:
        return ""
    # In UTF-16, every second byte of this word is zero.
    manifest = b"apiVersion" in content.replace(b"\0", b"")
    return "" if manifest else f"skipped: it can't be parsed, and is no manifest ({problem.message[:120]})"


def without_skipped(problems: Sequence[Problem], named: Sequence[str]) -> list[Problem]:
    """Return the problems that count, and print a line on standard error for the files that are skipped.

    Parameters
    ----------
    problems
        The reasons why files can't be parsed.
    named
        The paths that the user named.
    """
    reasons = {problem: skip_reason(problem, named) for problem in problems}
    _print_some([f"{problem.file}: {reason}" for problem, reason in reasons.items() if reason])
    return [problem for problem, reason in reasons.items() if not reason]


def _print_some(lines: Sequence[str]) -> None:
    """Print lines on standard error, the first ones of many."""
    for line in lines[:_MOST_LINES]:
        click.echo(clean(line), err=True)
    if len(lines) > _MOST_LINES:
        click.echo(f"and {len(lines) - _MOST_LINES} more like these", err=True)


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
