"""The options that several commands share: manifests, rules, and the cluster to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from apphealth.cli.completing import contexts
from apphealth.cli.manifests.remote import KUSTOMIZE

Command = TypeVar("Command", bound=Callable[..., Any])


def manifest_options(*, positional: bool = False, without: str = "") -> Callable[[Command], Command]:
    """Return a decorator that gives a command -f and -k, and perhaps PATH, as one argument `paths`.

    Parameters
    ----------
    positional
        Whether paths may be given without an option.
    without
        What the command reads without any, for its help; empty if it reads nothing.
    """
    kinds = "Manifests: a file, a directory with all below it, a pattern, a URL, or - for standard input"
    otherwise = f". Without it, {without} is read" if without else ""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_paths(
            *,
            filename: tuple[str, ...],
            kustomize: tuple[str, ...],
            files: tuple[str, ...] = (),
            **others: Any,  # noqa: ANN401 -- the command's own
        ) -> Any:  # noqa: ANN401 -- the same
            built = (f"{KUSTOMIZE}{directory}" for directory in kustomize)
            return command(paths=(*filename, *files, *built), **others)

        found: Any = with_paths
        options = [
            click.option("-f", "--filename", multiple=True, metavar="PATH", help=f"{kinds}{otherwise}. Repeatable."),
            click.option(
                "-k",
                "--kustomize",
                multiple=True,
                metavar="DIR",
                help="A kustomization to build (with kubectl, or kustomize). Repeatable.",
            ),
        ]
        if positional:
            options.append(click.argument("files", nargs=-1, metavar="[PATH]..."))
        for option in reversed(options):
            found = option(found)
        return found  # type: ignore[no-any-return]  # click keeps the function's type

    return decorate


rules_option = click.option(
    "--rules",
    multiple=True,
    metavar="PATH",
    help="Further AppHealths and ClusterAppHealths. Repeatable.",
)
cluster_domain_option = click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="Domain at the end of full Service names."
)
kubeconfig_option = click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Kubeconfig to use. [default: $KUBECONFIG, else the pod's ServiceAccount, else ~/.kube/config]",
)
context_option = click.option(
    "--context",
    metavar="NAME",
    shell_complete=contexts,
    help="Context of the kubeconfig. [default: its current-context]",
)
_all_namespaces_option = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="Read all namespaces of the cluster."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster to read, and how much of it."""

    kubeconfig: Path | None = None
    context: str | None = None
    everywhere: bool = False
    """Whether to read all namespaces (`-A`)."""

    @property
    def named(self) -> bool:
        """Whether the command line has any of these options."""
        return self.kubeconfig is not None or self.context is not None or self.everywhere


def cluster_options(command: Command) -> Command:
    """Give a command --kubeconfig, --context and -A as one argument `cluster`."""

    @wraps(command)
    def with_cluster(*, kubeconfig: Path | None, context: str | None, everywhere: bool, **others: Any) -> Any:  # noqa: ANN401 -- the command's own
        return command(cluster=Cluster(kubeconfig=kubeconfig, context=context, everywhere=everywhere), **others)

    found: Any = with_cluster
    for option in (_all_namespaces_option, context_option, kubeconfig_option):
        found = option(found)
    return found  # type: ignore[no-any-return]  # click keeps the function's type
