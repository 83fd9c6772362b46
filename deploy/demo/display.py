"""The output of the demonstration: steps, commands with their output, and a spinner while it waits.

A terminal gets colours and live tables; elsewhere the same text is printed as plain lines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from deploy.demo.errors import DemoError
from deploy.demo.tables import fit, split_tables
from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 400
"""The width of the output without a terminal: no line of kubectl is longer."""
_INTERVAL = 0.5
"""Seconds between two reads of the cluster."""

_HEARTBEAT = 60.0
"""Seconds between two signs of life, where there is no terminal to turn a spinner."""
_INDENT = 3
_OUTPUT_INDENT = 5
_GAP = 2
"""The number of spaces between two columns of a table."""
_STYLES = dict.fromkeys(("yes", "True", "Enforce", "Applied", "done"), "green") | dict.fromkeys(("no", "False"), "red")
"""The colours of table cells, by their text."""

Rows = list[list[str]]


class Display:
    """Shows the demonstration on standard output."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self.live:
            self._console = Console(highlight=False, width=_PLAIN_WIDTH)
        self._step = 0
        self._start = time.monotonic()

    @property
    def live(self) -> bool:
        """Whether standard output is a terminal."""
        return self._console.is_terminal

    @property
    def seconds(self) -> float:
        """Seconds since the demonstration began."""
        return time.monotonic() - self._start

    def title(self, text: str) -> None:
        """Print the title."""
        self._console.print(Text(text, "bold"))

    def step(self, text: str) -> None:
        """Print the heading of the next step."""
        self._step += 1
        self._console.print()
        self._console.print(Text.assemble((f"{self._step}  ", "bold cyan"), (text, "bold")))

    def say(self, text: str) -> None:
        """Print a sentence."""
        self._indented(Text.from_markup(text))

    def done(self, text: str) -> None:
        """Print a sentence with a check mark: a goal is reached."""
        self._indented(Text.assemble(("✓ ", "green"), Text.from_markup(text)))

    def command(self, line: str, output: str = "") -> None:
        """Print a command and its output."""
        self._indented(Text.assemble(("$ ", "dim"), (line, "cyan")))
        self.output(output)

    def output(self, text: str) -> None:
        """Print the output of a program."""
        for line in text.rstrip().splitlines():
            self._indented(Text(line), _OUTPUT_INDENT)

    def listing(self, line: str, output: str) -> None:
        """Print a command and its tables, cut to the width of the terminal."""
        self.command(line)
        if not self.live:
            self.output(output)
            return
        for headings, rows in split_tables(output):
            self.table(headings, rows)

    def yaml(self, text: str) -> None:
        """Print a manifest."""
        if self.live:
            self._indented(Syntax(text.rstrip(), "yaml", theme="ansi_dark", background_color="default"), _OUTPUT_INDENT)
        else:
            self.output(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table."""
        self._indented(self._table(headings, rows), _OUTPUT_INDENT)

    def error(self, message: str, advice: str) -> None:
        """Print why the demonstration ends, and what to do."""
        self._console.print(Text.assemble(("✗ ", "red"), (message, "bold")))
        self._console.print(Text(f"  {advice}"))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner while the block runs, and then the seconds that it took."""
        start = time.monotonic()
        if self.live:
            columns = (TextColumn(" "), SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            with Progress(*columns, console=self._console, transient=True) as progress:
                progress.add_task(text)
                yield
        else:
            self._indented(Text(f"{text} …"))
            with _heartbeat(lambda: self._indented(Text(f"… {time.monotonic() - start:.0f} s so far", "dim"))):
                yield
        self.done(f"{text} [dim]({time.monotonic() - start:.1f} s)[/dim]")

    def wait(self, text: str, reached: Callable[[], bool], timeout: float, advice: str) -> None:
        """Wait until `reached` returns true.

        Parameters
        ----------
        text
            The goal, for the output.
        reached
            Whether the goal is reached.
        timeout
            The number of seconds to wait.
        advice
            What the user can do if the goal is not reached.

        Raises
        ------
        DemoError
            The goal is not reached within `timeout` seconds.
        """
        with self.waiting(text):
            if not until(reached, timeout):
                raise DemoError(f"{text}: not reached within {timeout:.0f} s", advice)

    def watch(
        self, headings: Sequence[str], look: Callable[[], Rows], over: Callable[[Rows], bool], timeout: float
    ) -> bool:
        """Show a table as it changes, until `over` returns true for its rows.

        Parameters
        ----------
        headings
            The headings of the table.
        look
            Returns the current rows.
        over
            Whether these rows are the last to show.
        timeout
            The number of seconds to wait.

        Returns
        -------
        bool
            Whether `over` returned true within `timeout` seconds.
        """
        start = time.monotonic()
        rows = look()
        if not self.live:
            return self._watch_lines(headings, rows, look, over, start + timeout)
        with Live(console=self._console, auto_refresh=False) as live:

            def show() -> bool:
                nonlocal rows
                rows = look()
                caption = Text(f"{time.monotonic() - start:.0f} s", "dim")
                live.update(_padded(self._table(headings, rows, caption), _OUTPUT_INDENT), refresh=True)
                return over(rows)

            return until(show, timeout)

    def _watch_lines(
        self, headings: Sequence[str], rows: Rows, look: Callable[[], Rows], over: Callable[[Rows], bool], end: float
    ) -> bool:
        """Print the table once, then a line for each row that changed."""
        start = time.monotonic()
        self.table(headings, rows)

        def show() -> bool:
            nonlocal rows
            before, rows = set(map(tuple, rows)), look()
            for row in rows:
                if tuple(row) not in before:
                    cells = ", ".join(
                        f"{name.lower()} {cell}" for name, cell in zip(headings[1:], row[1:], strict=True)
                    )
                    self._indented(Text(f"after {time.monotonic() - start:.0f} s: {row[0]}: {cells}"), _OUTPUT_INDENT)
            return over(rows)

        return until(show, end - time.monotonic())

    def _table(self, headings: Sequence[str], rows: Iterable[Sequence[str]], caption: Text | None = None) -> Table:
        return _table(headings, list(rows), self._console.width - _OUTPUT_INDENT, caption)

    def _indented(self, what: RenderableType, columns: int = _INDENT) -> None:
        self._console.print(_padded(what, columns))


def _padded(what: RenderableType, columns: int) -> Padding:
    return Padding(what, (0, 0, 0, columns), expand=False)


@contextmanager
def _heartbeat(beat: Callable[[], None]) -> Iterator[None]:
    """Call `beat` every minute while the block runs: a build may say nothing for longer."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(_HEARTBEAT):
            beat()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def until(reached: Callable[[], bool], timeout: float) -> bool:
    """Call `reached` until it returns true, and return whether it did within `timeout` seconds."""
    end = time.monotonic() + timeout
    while not reached():
        if time.monotonic() > end:
            return False
        time.sleep(_INTERVAL)
    return True


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, caption: Text | None = None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim", caption=caption)
    table.caption_justify = "left"
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for heading, most in zip(headings, fit(widths, width - _GAP * len(headings)), strict=True):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", width=most)
    for row in rows:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    return table
