"""What can go wrong for a user of the command line, and the exit code that says so."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, the same for every subcommand. docs/cli.md promises them."""

    OK = 0
    """Done."""
    CHANGES = 1
    """The answer is no: `--check` found something that would change."""
    USAGE = 2
    """The command line itself is wrong."""
    INPUT = 3
    """Something that was read can't be used; nothing was written."""
    ENVIRONMENT = 4
    """A file can't be written, a cluster can't be reached or refuses."""
    INTERNAL = 70
    """A mistake of ours (EX_SOFTWARE)."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it."""
    BROKEN_PIPE = 141
    """Whoever read our output went away, as shells count it."""


class ReaderGoneError(Exception):
    """Whoever read our output has had enough (`apphealth ... | head`); click would swallow a BrokenPipeError."""


class CommandError(Exception):
    """An end that a user can do something about: one line, and an exit code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code
