"""Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request."""

from __future__ import annotations

from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.plan.findings import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def report_github(report: Report) -> str:
    """Return an annotation for each finding that is neither ignored nor in the baseline."""
    return "".join(f"{_command(one)}\n" for one in report.counting)


def _command(one: LocatedFinding) -> str:
    finding = one.finding
    container = f"container {finding.container}: " if finding.container else ""
    fix = f". Fix: {finding.fix}" if finding.fix else ""
    subject = f"{one.object}: " if one.kind else ""
    properties = {"file": one.file, "line": str(one.line or ""), "col": str(one.column or ""), "title": finding.id}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{_COMMANDS[finding.severity]} {written}::{_data(f'{subject}{container}{finding.message}{fix}')}"


def _data(text: str) -> str:
    """Escape a message as the runner unescapes it (actions/toolkit, packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
