"""The demonstration: ``make demo``, or ``python -m deploy.demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from deploy.demo.display import Display
from deploy.demo.errors import DemoError
from deploy.demo.imagery import shop_image
from deploy.demo.local_world import LocalWorld
from deploy.demo.own_world import OwnWorld
from deploy.demo.steps import Story
from deploy.demo.world import SHOP_IMAGE, Outcome, World

from localcluster import LocalClusterError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--keep", is_flag=True, help="Leave the cluster running in the end, and print how to go on.")
@click.option(
    "--name", default="demo", show_default=True, help="Name of the local cluster, which is made if it doesn't exist."
)
@click.option("--context", help="Use a cluster of your own: a context of your kubeconfig.")
@click.option(
    "--shop-image", default=SHOP_IMAGE, show_default=True, help="With --context: the shop's image in that cluster."
)
@click.option(
    "--save-image",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Only write the shop's image into this archive, to be loaded into a cluster of your own.",
)
def main(*, keep: bool, name: str, context: str | None, shop_image: str, save_image: Path | None) -> None:
    """Show what AppHealth does, on a real Kubernetes.

    Without --context, the cluster is made on this machine (Linux, root) and removed in the end. With it, the operator
    runs on this machine with the rights of its ServiceAccount in that cluster; everything that is installed is listed,
    and removed in the end.
    """
    if context is not None and keep:
        raise click.UsageError("--keep is for the local cluster: with --context everything is removed in the end")
    if save_image is not None and not save_image.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder for {save_image}")
    display = Display()
    display.title("AppHealth: the right probes for every service, from one resource")
    if save_image is not None:
        sys.exit(_save(display, save_image))
    world: World = LocalWorld(name, keep=keep) if context is None else OwnWorld(context, shop_image)
    sys.exit(_run(world, display))


def _run(world: World, display: Display) -> int:
    """Run the demonstration, clean up in every case, and return the exit code."""
    outcome = Outcome.FINISHED
    try:
        Story(world, display).run()
    except KeyboardInterrupt:
        display.error("Interrupted.", "Cleaning up.")
        outcome = Outcome.INTERRUPTED
    except (DemoError, LocalClusterError) as problem:
        _report(display, problem)
        outcome = Outcome.FAILED
    try:
        world.close(display, outcome)
        display.output("\n".join(world.farewell()))
    except (DemoError, LocalClusterError) as problem:
        _report(display, problem)
        return outcome.value or Outcome.FAILED.value
    except KeyboardInterrupt:
        display.error("Interrupted while cleaning up.", "Something may be left; the lines above name it.")
        return Outcome.INTERRUPTED.value
    return outcome.value


def _report(display: Display, problem: DemoError | LocalClusterError) -> None:
    advice = problem.advice if isinstance(problem, DemoError) else "Correct this, and try again."
    display.error(str(problem), advice)


def _save(display: Display, target: Path) -> int:
    try:
        archive = shop_image(display)
    except LocalClusterError as problem:
        _report(display, problem)
        return 1
    target.write_bytes(archive.read_bytes())
    display.done(f"{target}: the image {SHOP_IMAGE}, an OCI archive")
    return 0


if __name__ == "__main__":
    main(prog_name="make demo")
