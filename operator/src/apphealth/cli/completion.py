"""`apphealth completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

HELP = """
\b
Examples:
  source <(apphealth completion bash)                      for this shell
  apphealth completion bash >> ~/.bash_completion          for every bash
  apphealth completion zsh > "${fpath[1]}/_apphealth"      for every zsh
  apphealth completion fish > ~/.config/fish/completions/apphealth.fish
"""


@click.command(epilog=HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes apphealth's commands and options."""
    from apphealth.cli.app import COMPLETE, NAME, cli

    chosen = get_completion_class(shell)
    assert chosen is not None, shell  # noqa: S101 -- click has all three
    script = chosen(cli, {}, NAME, COMPLETE)
    click.echo(script.source_template % script.source_vars())
