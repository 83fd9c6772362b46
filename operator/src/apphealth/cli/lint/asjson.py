"""Findings as JSON, for scripts. Fields are added, never renamed."""

from __future__ import annotations

from typing import Any

from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.output import as_json
from apphealth.lint.registry import ALL
from apphealth.plan.findings import Severity


def report_json(report: Report) -> str:
    """Return the report as JSON."""
    value = {
        "version": 1,
        "summary": {
            **{f"{severity.value}s": report.number(severity) for severity in Severity},
            "ignored": sum(one.suppression is not None for one in report.findings),
            "accepted": sum(one.accepted for one in report.findings),
            "objects": report.objects,
            "files": report.files,
            "notJudged": dict(sorted(report.not_judged.items())),
        },
        "findings": [_finding(one) for one in report.findings],
    }
    return as_json(value)


def _finding(one: LocatedFinding) -> dict[str, Any]:
    known = ALL.get(one.finding.id)
    value: dict[str, Any] = {
        "id": one.finding.id,
        "severity": one.finding.severity.value,
        "message": one.finding.message,
        "fix": one.finding.fix,
        "docs": known.docs if known else "",
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "container": one.finding.container,
        "field": one.field,
        "fingerprint": one.fingerprint,
        "accepted": one.accepted,
        "ignored": None,
    }
    if one.suppression is not None:
        value["ignored"] = {"by": one.suppression.by, "reason": one.suppression.reason}
    return value
