"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def filename_option(*, required: bool = False) -> Callable[[Command], Command]:
    """Return the option -f, the manifests to read, as an argument `paths`."""
    return click.option(
        "-f",
        "--filename",
        "paths",
        multiple=True,
        required=required,
        metavar="PATH",
        help="File or directory of manifests (directories with all below), or - for standard input. Repeatable.",
    )


def rules_option(help_: str = "More AppHealths and ClusterAppHealths. Repeatable.") -> Callable[[Command], Command]:
    """Return the option --rules, further rules to read, as an argument `rules`."""
    return click.option("--rules", multiple=True, metavar="PATH", help=help_)


cluster_domain_option = click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="What full names of Services end with."
)
