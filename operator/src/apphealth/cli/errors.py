"""The errors that end a command, and the exit codes."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, the same for every subcommand, as documented in docs/cli.md."""

    OK = 0
    """Done."""
    CHANGES = 1
    """`render --check` found a change, or `lint` a finding that counts."""
    USAGE = 2
    """The command line itself is wrong."""
    INPUT = 3
    """A part of the input can't be used; nothing was written."""
    ENVIRONMENT = 4
    """A file can't be written, or a cluster can't be reached or refuses a request."""
    INTERNAL = 70
    """A bug in apphealth (EX_SOFTWARE)."""
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT, as shells report it."""
    BROKEN_PIPE = 141
    """The reader of our output closed the pipe: 128 + SIGPIPE, as shells report it."""


class ReaderGoneError(Exception):
    """The reader of our output closed the pipe (`apphealth ... | head`). click would hide a BrokenPipeError."""


class CommandError(Exception):
    """An error that users can correct: it ends the command with one line and an exit code.

    Parameters
    ----------
    message
        What is wrong, and how to correct it.
    code
        The exit code of the command.
    """

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code
