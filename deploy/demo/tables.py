"""Tables printed by kubectl: parsed, and fitted into a terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_HEADING = re.compile(r"\S+(?: \S+)*\s*")
"""kubectl separates columns by three spaces; a heading may contain single spaces."""


def split_tables(text: str) -> list[tuple[list[str], list[list[str]]]]:
    """Return the headings and rows of each table in the output of ``kubectl get``, separated by empty lines."""
    return [_split(block.splitlines()) for block in re.split(r"\n\s*\n", text.strip()) if block]


def fit(widths: Sequence[int], available: int) -> list[int]:
    """Return the widths reduced to a total of `available`: the widest columns are cut to one width."""
    level = max(widths, default=0)
    while level > 1 and sum(min(width, level) for width in widths) > available:
        level -= 1
    return [min(width, level) for width in widths]


def count_kinds(output: str) -> str:
    """Summarise the output of ``kubectl apply``: `namespace, 3 customresourcedefinitions, ...`."""
    kinds = Counter(re.split(r"[./]", line)[0] for line in output.splitlines())
    return ", ".join(kind if count == 1 else f"{count} {_plural(kind)}" for kind, count in kinds.items())


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _split(lines: list[str]) -> tuple[list[str], list[list[str]]]:
    starts = [match.start() for match in _HEADING.finditer(lines[0])]
    ends: list[int | None] = [*starts[1:], None]
    cells = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines]
    return cells[0], cells[1:]
