"""Findings for people: grouped and coloured on a terminal, one line each elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.output import clean
from apphealth.plan.findings import Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def plain(report: Report) -> str:
    """Return the findings as text, one on each line, in the form that editors link."""
    return "".join(f"{clean(_line(one))}\n" for one in report.findings if not one.accepted)


def _line(one: LocatedFinding) -> str:
    finding = one.finding
    subject = f"{one.object}: " if one.file and one.kind else ""
    container = f"container {finding.container}: " if finding.container else ""
    if one.suppression is not None:
        because = f"{one.suppression.reason} ({one.suppression.by})"
        return f"{one.place}: ignored: {subject}{container}{finding.message} [{finding.id}]. Because: {because}"
    fix = f". Fix: {finding.fix}" if finding.fix else ""
    return f"{one.place}: {finding.severity}: {subject}{container}{finding.message} [{finding.id}]{fix}"


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_grouped(report: Report) -> None:
    """Print the findings grouped by object, in the terminal's width and colours."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    shown = (one for one in report.findings if not one.accepted)
    for (file, name), group in groupby(shown, key=lambda one: (one.file, one.object)):
        console.print(Text(clean(f"{name}  {file if name != file else ''}".rstrip()), style="bold"))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
        for one in group:
            style = "dim" if one.suppression is not None else _STYLES[one.finding.severity]
            word = "ignored" if one.suppression is not None else one.finding.severity.value
            line = f":{one.line}" if one.line else ""
            table.add_row(Text(f"  {line}"), Text(word, style=style), Text("\n".join(_lines(one))))
        console.print(table)
        console.print()


def _lines(one: LocatedFinding) -> Iterator[str]:
    finding = one.finding
    container = f"{finding.container}: " if finding.container else ""
    yield clean(f"{container}{finding.message}")
    if one.suppression is not None:
        yield clean(f"because: {one.suppression.reason} ({one.suppression.by})")
    elif finding.fix:
        yield clean(f"fix: {finding.fix}")
    yield finding.id


def summary(report: Report) -> str:
    """Return the summary: the numbers of findings and objects."""
    numbers = [_count(report.number(severity), severity.value) for severity in Severity]
    ignored = sum(one.suppression is not None for one in report.findings)
    accepted = sum(one.accepted for one in report.findings)
    parts = [
        ", ".join(numbers) + f" in {_count(report.objects, 'object')}",
        *([f"{ignored} ignored"] if ignored else []),
        *([f"{accepted} in the baseline"] if accepted else []),
    ]
    if report.fixed:
        parts.append(f"{_count(len(report.fixed), 'file')} changed by --fix")
    hint = "; apphealth lint --explain ID explains a finding" if report.counting else ""
    return "; ".join(parts) + hint


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 or what == 'info' else 's'}"
