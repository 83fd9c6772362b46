"""Problems: places of the input that can't be used, and the end of a command because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from apphealth.cli.errors import CommandError, ExitCode


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One reason why the input can't be used, and its place."""

    file: str
    line: int
    """Counted from 1; 0 means the whole file."""
    column: int
    message: str

    def __str__(self) -> str:
        """`web.yaml:12:7: message`, a form that editors and terminals link to the place."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


def refuse(problems: Sequence[Problem], consequence: str = "") -> None:
    """End the command if there are problems, and print each of them on standard error.

    Parameters
    ----------
    problems
        The problems of the input.
    consequence
        Text to append to the message that ends the command.

    Raises
    ------
    CommandError
        There is at least one problem.
    """
    if not problems:
        return
    for problem in sorted(problems):
        click.echo(problem, err=True)
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    raise CommandError(f"{count} in the input{consequence}", ExitCode.INPUT)
