"""What a benchmark found: a table for people, JSON for whoever compares two runs."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

console = Console(width=None if sys.stdout.isatty() else 150)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, beside the floor that was measured in the same run."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    """The same for the bare client, in the same unit."""
    limit: float | None = None
    """What we are held to: of the ratio where there is a floor and `absolute` is false, else of the value."""
    absolute: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the limit is kept; None without one."""
        measured = self.value if self.absolute or self.ratio is None else self.ratio
        return None if self.limit is None else measured <= self.limit


@dataclass(slots=True, kw_only=True)
class Result:
    """One benchmark's figures, and what they were made from."""

    bench: str
    rows: list[Row] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    """The single runs behind the figures."""
    load: list[float] = field(default_factory=list)
    """Load average of the last minute, before and after."""

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON has it, with when, where and how it was measured."""
        rows = [asdict(row) | {"ratio": row.ratio, "met": row.met} for row in self.rows]
        return {
            "bench": self.bench,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
            "machine": machine(),
            "load": self.load,
            "rows": rows,
            "samples": self.samples,
        }


def machine() -> dict[str, Any]:
    """Tell what the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


@contextmanager
def measured(bench: str) -> Iterator[Result]:
    """Collect a benchmark's figures, with the load of the machine around them."""
    result = Result(bench=bench, load=[round(os.getloadavg()[0], 2)])
    yield result
    result.load.append(round(os.getloadavg()[0], 2))


def show(result: Result) -> None:
    """Print the table."""
    table = Table(title=f"{result.bench}  (load {', '.join(map(str, result.load))})", title_justify="left")
    for name in ("what", "measured", "floor", "ratio", "held to", ""):
        table.add_column(name, justify="left" if name == "what" else "right")
    for row in result.rows:
        table.add_row(*_cells(row))
    console.print(table)


def save(result: Result, folder: Path) -> Path:
    """Write the JSON beside that of earlier runs."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder / f"{result.bench}-{stamp}.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(result.document()), indent=1))
    return target


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return float(median(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that this many percent of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(1, ceil(len(ranked) * percent / 100)) - 1]


def _cells(row: Row) -> list[str]:
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    limit = "" if row.limit is None else f"≤ {_number(row.limit)}{' x' if row.ratio and not row.absolute else ''}"
    return [
        row.what + (f" ({row.note})" if row.note else ""),
        f"{_number(row.value)} {row.unit}",
        "" if row.floor is None else f"{_number(row.floor)} {row.unit}",
        f"{row.ratio:.2f} x" if row.ratio else "",
        limit,
        verdict,
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
