"""Findings as GitLab's code quality report, which merge requests show beside the lines."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.output import as_json
from apphealth.plan.findings import Severity

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def report_gitlab(report: Report) -> str:
    """Return a problem for each finding that is neither ignored nor in the baseline."""
    seen: Counter[str] = Counter()
    return as_json([_problem(one, seen) for one in report.counting])


def _problem(one: LocatedFinding, seen: Counter[str]) -> dict[str, Any]:
    finding = one.finding
    container = f"container {finding.container}: " if finding.container else ""
    fix = f". Fix: {finding.fix}" if finding.fix else ""
    subject = f"{one.object}: " if one.kind else ""
    return {
        "description": f"{subject}{container}{finding.message}{fix}",
        "check_name": finding.id,
        "fingerprint": _unique(one, seen),
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": PurePath(one.file or one.object).as_posix(),
            "lines": {"begin": max(one.line, 1)},
        },
    }


def _unique(one: LocatedFinding, seen: Counter[str]) -> str:
    """Return a fingerprint that no other finding has, because GitLab shows one finding of each; lines don't count."""
    known = f"{one.fingerprint}/{one.file}/{one.finding.message if one.invalid_input else ''}"
    seen[known] += 1
    return blake2b(f"{known}/{seen[known]}".encode("utf-8", "replace"), digest_size=16).hexdigest()
