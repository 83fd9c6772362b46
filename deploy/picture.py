"""`make picture`: the picture of the README, from what the demonstration has printed.

Reads the demonstration's output, and draws what `COMMANDS` gave as a terminal shows it. The picture refers to nothing
outside of its file.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

TARGET = Path(__file__).parents[1] / "docs/demo.svg"
COMMANDS = ("apphealth plan", "kubectl patch", "apphealth rollout status", "kubectl get ah,cah,hp")
"""The beginnings of the commands that are shown; each is looked for below the one before it."""
WIDTH = 136
"""Characters of a line."""
_COLOURS = {r"\b(Enforce|Applied|Verified|True|done)\b": "green", r"\b(Waiting|under way)\b": "yellow"}
_ELSEWHERE = re.compile(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", re.DOTALL)
"""The parts of rich's pictures that name other hosts."""


def main() -> None:
    """Read the demonstration's output from standard input, and write the picture."""
    TARGET.write_text(picture(sys.stdin.read()))


def picture(transcript: str) -> str:
    """Return the picture as SVG.

    Parameters
    ----------
    transcript
        What the demonstration has printed, without a terminal.

    Raises
    ------
    ValueError
        A command is missing.
    """
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False, force_terminal=True)
    for line in shown(transcript):
        text = Text(line, "bold" if line.startswith("$ ") else "", no_wrap=True, overflow="ellipsis")
        for pattern, colour in _COLOURS.items():
            text.highlight_regex(pattern, colour)
        console.print(text)
    form = _ELSEWHERE.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace, Menlo, Consolas")
    return console.export_svg(title="AppHealth", theme=DIMMED_MONOKAI, code_format=form, unique_id="demo")


def shown(transcript: str) -> Iterator[str]:
    """Yield the lines to show: each command of `COMMANDS`, and its output.

    Parameters
    ----------
    transcript
        What the demonstration has printed, without a terminal.

    Raises
    ------
    ValueError
        A command is missing.
    """
    rest = transcript
    for command in COMMANDS:
        found = re.search(rf"^   (\$ {re.escape(command)}.*)\n((?:     .*\n)*)", rest, re.MULTILINE)
        if found is None:
            raise ValueError(f"the demonstration has not run: {command}")
        rest = rest[found.end() :]
        yield found[1]
        yield from (line.removeprefix("     ").rstrip() for line in found[2].splitlines())
        yield ""


if __name__ == "__main__":
    main()
