"""The summary of `render` on standard error: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from apphealth.api.spec import Mode
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import PlannedWorkload
from apphealth.model.probe import ProbeKind, describe_handler
from apphealth.plan.findings import Finding
from apphealth.plan.result import Action, Conflict, ProbePlan
from apphealth.plan.rules.selection import opted_out

_MOST_ALIKE = 3
"""Most equal findings that have a line each."""
_SHOWN = (ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP)


@dataclass(frozen=True, slots=True)
class Row:
    """One container of one workload."""

    place: str
    workload: str
    container: str
    cells: tuple[str, str, str]
    """Liveness, readiness, startup."""


def rows(planned: Sequence[PlannedWorkload], inventory: Inventory) -> Iterator[Row]:
    """Yield a row for each container, and for a workload that isn't selected one row without a container."""
    for item in planned:
        place, name = item.placed.item.place, str(item.plan.workload)
        if not item.plan.selected:
            reason = opted_out(item.placed.workload, inventory.world.namespace(item.placed.workload.namespace))
            text = "no rule selects it" if reason is None else f"opted out: {reason}"
            yield Row(place, name, "", (text, "", ""))
            continue
        for container in item.plan.containers:
            probes = {probe.kind: probe for probe in container.probes}
            cells = tuple(_cell(probes[kind], item.plan.mode) for kind in _SHOWN)
            yield Row(place, name, container.name, (cells[0], cells[1], cells[2]))


def _cell(probe: ProbePlan, mode: Mode | None) -> str:
    match probe.action:
        case Action.APPLY if probe.probe is not None:
            verb = "would be set" if mode is Mode.AUDIT else "set"
            unproven = " (unproven)" if probe.unproven else ""
            return f"{verb}: {describe_handler(probe.probe.handler).strip()}{unproven}"
        case Action.KEEP:
            return "kept"
        case _:
            return "none"


def lines(table: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the plain summary, one for each row."""
    for row in table:
        if not row.container:
            yield f"{row.place}: {row.workload}: {row.cells[0]}"
            continue
        cells = ", ".join(f"{kind} {cell}" for kind, cell in zip(_SHOWN, row.cells, strict=True))
        yield f"{row.place}: {row.workload} {row.container}: {cells}"


def print_table(table: Sequence[Row]) -> None:
    """Print the rows as a table in the terminal's width and colours."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold")
    for header in ("Workload", "Container", "Liveness", "Readiness", "Startup"):
        shown.add_column(header, overflow="fold")
    for row in table:
        style = "green" if any(cell.startswith("set") for cell in row.cells) else "dim"
        texts = (row.workload, row.container, *row.cells)
        shown.add_row(*(Text(text, style=style if index > 1 else "") for index, text in enumerate(texts)))
    Console(stderr=True).print(shown)


def finding_line(place: str, finding: Finding) -> str:
    """Return a finding as one line."""
    where = f"container {finding.container}: " if finding.container else ""
    fix = f" Fix: {finding.fix}." if finding.fix else ""
    return f"{place}: {finding.severity}: {where}{finding.message} ({finding.id}).{fix}"


def finding_lines(found: Sequence[tuple[str, Finding]]) -> Iterator[str]:
    """Yield a line for each finding, and one line for those that many containers have alike.

    Parameters
    ----------
    found
        The findings, each with its place.
    """
    alike: dict[Finding, list[tuple[str, Finding]]] = {}
    for place, finding in found:
        alike.setdefault(replace(finding, container="", where=()), []).append((place, finding))
    for common, group in alike.items():
        if len(group) <= _MOST_ALIKE:
            yield from (finding_line(place, finding) for place, finding in group)
            continue
        names = ", ".join(finding.container or place for place, finding in group[:_MOST_ALIKE])
        fix = f" Fix: {common.fix}." if common.fix else ""
        more = len(group) - _MOST_ALIKE
        yield f"{group[0][0]}: {common.severity}: {names} and {more} more: {common.message} ({common.id}).{fix}"


def conflict_line(place: str, conflict: Conflict) -> str:
    """Return a conflict of two rules as one line."""
    both = f"{conflict.winner} and {conflict.loser} set {conflict.field} differently"
    return f"{place}: warning: {both}; the former wins (conflicting)."


def closing(planned: Sequence[PlannedWorkload], changed: int, inventory: Inventory) -> str:
    """Return the last line: the number of workloads, of changed workloads, and the rules."""
    total = f"{len(planned)} workload{'' if len(planned) == 1 else 's'}"
    rules = ", ".join(str(key) for key in sorted(inventory.world.rules)) or "none"
    return f"{total}, {changed} changed; rules: {rules}"


def on_terminal() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr.isatty()


def report(table: Sequence[Row], findings: Sequence[str], last: str) -> None:
    """Print the whole summary."""
    if on_terminal() and table:
        print_table(table)
    else:
        for line in lines(table):
            click.echo(line, err=True)
    for line in (*findings, last):
        click.echo(line, err=True)
