"""From a HealthPlan to a policy report, the format in which policy tools share their findings. Pure.

`PolicyReport` (wgpolicyk8s.io/v1alpha2) and `Report` (openreports.io/v1alpha1) have the same fields here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from apphealth.api.healthplan import FindingRecord, HealthPlan
from apphealth.plan.findings import Severity

SOURCE = "apphealth"
CATEGORY = "Health probes"
RESULTS = ("pass", "fail", "warn", "error", "skip")
"""The results that the format knows, each with a count in the summary."""
_GRADES = {Severity.ERROR: ("fail", "high"), Severity.WARNING: ("warn", "medium"), Severity.INFO: ("skip", "info")}
"""Result and severity of a finding: what is only said for information counts for nobody."""


def report_of(plan: HealthPlan, namespace: str) -> dict[str, Any] | None:
    """Return the content of the report about a workload, or None if its plan has no finding.

    It has no time: it changes only when a finding does.

    Parameters
    ----------
    plan
        The workload's HealthPlan.
    namespace
        Its namespace.
    """
    results = [_result(finding) for finding in plan.status.findings]
    if not results:
        return None
    workload = plan.spec.workload
    counts = Counter(result["result"] for result in results)
    return {
        "scope": {
            "apiVersion": workload.api_version,
            "kind": workload.kind,
            "namespace": namespace,
            "name": workload.name,
        },
        "summary": {result: counts[result] for result in RESULTS},
        "results": results,
    }


def _result(finding: FindingRecord) -> dict[str, Any]:
    result, severity = _GRADES[Severity(finding.severity)]
    more = {"fix": finding.fix, "container": finding.container}
    return {
        "source": SOURCE,
        "policy": SOURCE,
        "rule": finding.id,
        "category": CATEGORY,
        "result": result,
        "severity": severity,
        "message": finding.message,
        "properties": {name: value for name, value in more.items() if value},
    }
