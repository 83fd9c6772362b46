"""Progress messages for steps that take long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.status import Status


class Progress(Protocol):
    """Receives progress messages."""

    def note(self, message: str) -> None:
        """Show one line."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Show that a step runs, and in the end how long it took."""


class PlainProgress:
    """Lines on standard error: for logs, pipes and tests."""

    def note(self, message: str) -> None:
        """Show one line."""
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a line at the start, and one with the seconds at the end."""
        start = time.monotonic()
        self.note(f"{what} …")
        yield
        self.note(f"{what}: done in {time.monotonic() - start:.1f} s")


class TerminalProgress:
    """A spinner with the seconds, for a person who waits."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, message: str) -> None:
        """Show one line above the spinner."""
        self._console.print(message, highlight=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Turn a spinner, and leave one line behind."""
        start = time.monotonic()
        with Status("", console=self._console) as status:
            status.update(_Ticking(what, start))
            yield
        self._console.print(f"[green]✓[/green] {what} [dim]{time.monotonic() - start:.1f} s[/dim]", highlight=False)


class SilentProgress:
    """Shows nothing."""

    def note(self, message: str) -> None:
        """Show nothing."""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:  # noqa: ARG002 - part of the protocol
        """Show nothing."""
        yield


class _Ticking:
    """Text that shows the seconds since its start each time it is drawn."""

    def __init__(self, what: str, start: float) -> None:
        self._what = what
        self._start = start

    def __rich__(self) -> str:
        return f"{self._what} [dim]{time.monotonic() - self._start:.0f} s[/dim]"


def default_progress() -> Progress:
    """Return a spinner where a person watches standard error, else plain lines."""
    console = Console(stderr=True)
    return TerminalProgress(console) if console.is_terminal else PlainProgress()
