"""A command group whose subcommands are imported when they are called, so that `--help` answers at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Lazy:
    """A subcommand that is not imported yet."""

    module: str
    attribute: str
    summary: str
    """Its line in the help of the group, which is printed without importing the module."""


class LazyGroup(click.Group):
    """A group of lazy subcommands, listed in the order they are given.

    Parameters
    ----------
    lazy
        The subcommands by name.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **kwargs: Any) -> None:  # noqa: ANN401 -- click's own
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names of all subcommands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- the same
        """Import a subcommand."""
        if (lazy := self.lazy.get(cmd_name)) is None:
            return None
        command = getattr(import_module(lazy.module), lazy.attribute)
        assert isinstance(command, click.Command), f"{lazy.module}.{lazy.attribute} is not a command"  # noqa: S101
        return command

    def resolve_command(
        self,
        ctx: click.Context,
        args: list[str],
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand.

        Raises
        ------
        click.UsageError
            There is no such command; the message suggests the most similar one.
        """
        if args and args[0] not in self.lazy and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(args[0], self.lazy, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"the commands are {', '.join(self.lazy)}"
            raise click.UsageError(f"there is no command '{args[0]}': {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 -- the same
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of subcommands from their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self.lazy.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a subcommand without importing any."""
        names = [
            CompletionItem(name, help=lazy.summary) for name, lazy in self.lazy.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)
