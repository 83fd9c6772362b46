"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.cli.output import as_json
from apphealth.lint.check import Check
from apphealth.lint.registry import ALL
from apphealth.plan.findings import Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_INDEX = {id_: index for index, id_ in enumerate(ALL)}


def report_sarif(report: Report) -> str:
    """Return the report as SARIF."""
    driver = {
        "name": "apphealth",
        "version": version("apphealth"),
        "rules": [_rule(check) for check in ALL.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one) for one in report.findings],
    }
    value = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return as_json(value)


def _rule(check: Check) -> dict[str, Any]:
    text = f"{check.why}\n\n{check.remedy}"
    more = {"helpUri": check.sources[0]} if check.sources else {}
    return more | {
        "id": check.id,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": text},
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
    }


def _result(one: LocatedFinding) -> dict[str, Any]:
    finding = one.finding
    container = f"container {finding.container}: " if finding.container else ""
    fix = f". Fix: {finding.fix}" if finding.fix else ""
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{container}{finding.message}{fix}"},
        "locations": [_location(one)],
        "partialFingerprints": {"apphealth/v1": one.fingerprint},
    }
    if finding.id in _INDEX:
        result["ruleIndex"] = _INDEX[finding.id]
    if one.suppression is not None:
        because = f"{one.suppression.reason} ({one.suppression.by})"
        result["suppressions"] = [{"kind": "inSource", "justification": because}]
    elif one.accepted:
        result["suppressions"] = [{"kind": "external", "justification": "in the baseline"}]
    return result


def _location(one: LocatedFinding) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if one.file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(PurePath(one.file).as_posix())}}
        if one.line:
            physical["region"] = {"startLine": one.line, "startColumn": one.column}
        location["physicalLocation"] = physical
    if one.kind:
        name = f"{one.object}/{one.field}" if one.field else one.object
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    return location
