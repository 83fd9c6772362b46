"""The command ``localcluster``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from .cluster import Cluster, attach, start
from .errors import ClusterNotFoundError, LocalClusterError
from .launch import all_running, bring_down
from .level import Level
from .paths import state_dir

_STYLES = {"running": "green", "waiting": "yellow", "stopped": "yellow", "crashed": "red"}


class _Reporting(click.Group):
    """Turns this package's errors into one message and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LocalClusterError as problem:
            raise click.ClickException(str(problem)) from problem


_name = click.option("--name", default="default", show_default=True, help="Name of the cluster.")


@click.group(cls=_Reporting, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="localcluster")
def main() -> None:
    """Run a real Kubernetes on this machine, without Docker.

    The programs are built from Go modules the first time (some ten minutes), and cached. Several clusters can run side
    by side, each under its own --name; everything of a cluster is in one folder, and gone after `localcluster down`.
    """


@main.command()
@_name
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.CONTROL_PLANE.value,
    show_default=True,
    help="control-plane: etcd, API server, controllers, scheduler. simulated: and nodes without machines (kwok), whose"
    " pods become Ready by themselves. node: and a real node with containerd and kubelet (Linux, root).",
)
@click.option("--nodes", type=click.IntRange(0, 10_000), help="Number of nodes for --level simulated. Default: 1.")
def up(name: str, level: str, nodes: int | None) -> None:
    """Start a cluster and leave it running.

    \b
    Example:
      localcluster up --level node
      export KUBECONFIG=$(localcluster kubeconfig)
      kubectl get nodes
    """  # noqa: D301 - a backspace is click's mark for "don't wrap"
    if nodes is not None and level != Level.SIMULATED:
        raise click.UsageError("--nodes goes with --level simulated only")
    wanted = Level(level)
    if (already := _find(name)) is not None:
        if already.level is not wanted:
            raise click.ClickException(
                f"the cluster {name} runs at level {already.level}: take it down first, or give another --name"
            )
        click.echo(f"The cluster {name} runs already: {already.server}")
        return
    with start(name, level=wanted) as cluster:
        if wanted is Level.SIMULATED:
            cluster.add_nodes(1 if nodes is None else nodes)
        cluster.detach()
    click.echo(f"The cluster {name} is ready: {cluster.server}")
    click.echo(f"  export KUBECONFIG={cluster.kubeconfig}")


@main.command()
@_name
@click.option("--all", "every", is_flag=True, help="All clusters, also those that crashed.")
def down(name: str, every: bool) -> None:
    """End a cluster and remove everything it made, also after a crash."""
    names = [path.name for path in sorted((state_dir() / "clusters").glob("*"))] if every else [name]
    for each in names:
        found = bring_down(each)
        click.echo(f"The cluster {each} is down." if found else f"There is no cluster {each}.")


@main.command()
def status() -> None:
    """Show the clusters that run, and what their components do."""
    specs = all_running()
    if not specs:
        click.echo("No cluster runs.")
        return
    table = Table(box=None)
    for heading in ("CLUSTER", "LEVEL", "SERVER", "COMPONENT", "STATE", "RESTARTS"):
        table.add_column(heading, no_wrap=True)
    for spec in specs:
        cluster = Cluster(spec)
        first = (cluster.name, cluster.level.value, cluster.server)
        try:
            components = cluster.status()
        except LocalClusterError:
            table.add_row(*first, "", "[yellow]starting or going down[/]", "")
            continue
        for component in components:
            style = _STYLES.get(component.state, "")
            table.add_row(*first, component.name, f"[{style}]{component.state}[/]", str(component.restarts))
            first = ("", "", "")
    Console(width=None if os.isatty(1) else 200).print(table)


@main.command()
@_name
@click.option("--content", is_flag=True, help="Print the file itself, not its path.")
def kubeconfig(name: str, content: bool) -> None:
    """Print the path of the kubeconfig, which has admin rights."""
    path = attach(name).kubeconfig
    click.echo(path.read_text() if content else path, nl=not content)


@main.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_name
def load(image: Path, name: str) -> None:
    """Import IMAGE, an archive of a container image (OCI or docker), into the real node."""
    for tag in attach(name).load(image):
        click.echo(f"Loaded {tag}")


@main.command()
@click.argument("component", required=False)
@_name
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added, until Ctrl-C.")
@click.option("-n", "--lines", default=100, show_default=True, help="Number of lines from the end.")
def logs(component: str | None, name: str, follow: bool, lines: int) -> None:
    """Print the log of COMPONENT; without one, list the logs."""
    cluster = attach(name)
    if component is None:
        for path in sorted((cluster.folder / "logs").glob("*.log")):
            click.echo(f"{path.stem}  {path}")
        return
    log = cluster.log(component)
    if not log.exists():
        known = ", ".join(sorted(path.stem for path in (cluster.folder / "logs").glob("*.log")))
        raise click.ClickException(f"no component {component} in the cluster {name}; there are: {known}")
    tail = shutil.which("tail") or "/usr/bin/tail"
    os.execv(tail, [tail, f"--lines={lines}", *(["--follow"] if follow else []), str(log)])  # noqa: S606 - no shell


def _find(name: str) -> Cluster | None:
    try:
        return attach(name)
    except ClusterNotFoundError:
        return None
