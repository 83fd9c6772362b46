"""From manifests that were read to all that they hold, or to an end that names what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.manifests.documents import Manifest
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.reading import read_manifests
from apphealth.store.world import World


def take_stock(
    manifests: Iterable[Manifest], rules: Sequence[str], *, namespace: str | None, world: World
) -> Inventory:
    """Put into a world what manifests hold, and the rules that the paths `rules` lead to.

    Parameters
    ----------
    namespace
        That of objects that name none; None stands for `default`.
    """
    inventory = Inventory(namespace=namespace or "default", world=world)
    for manifest in manifests:
        inventory.add(manifest.items)
    more, problems = read_manifests(rules)
    inventory.problems += problems
    inventory.add_rules(more)
    return inventory


def refuse(problems: Sequence[Problem], consequence: str = "") -> None:
    """End the command if there are any problems, each told on standard error.

    Raises
    ------
    CommandError
        There are some; `consequence` is what it ends with.
    """
    if not problems:
        return
    for problem in sorted(problems):
        click.echo(problem, err=True)
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    raise CommandError(f"{count} in the input{consequence}", ExitCode.INPUT)
