"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def filename_option(*, required: bool = False, without: str = "") -> Callable[[Command], Command]:
    """Return the option -f, the manifests to read, as an argument `paths`; `without` tells what is read otherwise."""
    kinds = "File or directory of manifests (directories with all below), or - for standard input"
    otherwise = f"; without: {without}" if without else ""
    return click.option(
        "-f",
        "--filename",
        "paths",
        multiple=True,
        required=required,
        metavar="PATH",
        help=f"{kinds}{otherwise}. Repeatable.",
    )


rules_option = click.option(
    "--rules", multiple=True, metavar="PATH", help="More AppHealths and ClusterAppHealths. Repeatable."
)
cluster_domain_option = click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="What full names of Services end with."
)
