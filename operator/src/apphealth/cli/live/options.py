"""The options by which a command finds a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which cluster, and how much of it."""

    kubeconfig: Path | None = None
    context: str | None = None
    everywhere: bool = False
    """All namespaces (`-A`)."""

    @property
    def named(self) -> bool:
        """Whether the command line says anything of a cluster."""
        return self.kubeconfig is not None or self.context is not None or self.everywhere


_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Kubeconfig to use. [default: $KUBECONFIG, else the pod's ServiceAccount, else ~/.kube/config]",
    ),
    click.option("--context", metavar="NAME", help="Context of the kubeconfig. [default: its current-context]"),
    click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces of the cluster."),
)


def cluster_options(command: Command) -> Command:
    """Give a command --kubeconfig, --context and -A, as one argument `cluster`."""

    @wraps(command)
    def with_cluster(*, kubeconfig: Path | None, context: str | None, everywhere: bool, **others: Any) -> Any:  # noqa: ANN401 -- the command's own
        return command(cluster=Cluster(kubeconfig=kubeconfig, context=context, everywhere=everywhere), **others)

    found: Any = with_cluster
    for option in reversed(_OPTIONS):
        found = option(found)
    return found  # type: ignore[no-any-return]  # click keeps the function's type
