"""From findings to the results of a policy report."""

import pytest

from apphealth.api.healthplan import parse_plan
from apphealth.plan.policy_report import report_of


def plan(*findings):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    status = {"state": "Applied", "findings": list(findings)}
    found = parse_plan({"spec": {"workload": reference}, "status": status})
    assert found is not None
    return found


def finding(severity, **more):
    return {"id": "probe-refuted", "severity": severity, "message": "it answers 404"} | more


@pytest.mark.parametrize(
    ("severity", "result", "grade"),
    [("error", "fail", "high"), ("warning", "warn", "medium"), ("info", "skip", "info")],
)
def test_a_finding_becomes_a_result(severity, result, grade):
    report = report_of(plan(finding(severity, fix="set a path", container="main")), "shop")
    assert report is not None
    assert report["scope"] == {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"}
    assert report["summary"] == dict.fromkeys(("pass", "fail", "warn", "error", "skip"), 0) | {result: 1}
    assert report["results"] == [
        {
            "source": "apphealth",
            "policy": "apphealth",
            "rule": "probe-refuted",
            "category": "Health probes",
            "result": result,
            "severity": grade,
            "message": "it answers 404",
            "properties": {"fix": "set a path", "container": "main"},
        }
    ]


def test_each_result_is_counted():
    report = report_of(plan(finding("error"), finding("error"), finding("info")), "shop")
    assert report is not None
    assert (report["summary"]["fail"], report["summary"]["skip"], report["summary"]["pass"]) == (2, 1, 0)


def test_without_findings_there_is_no_report():
    assert report_of(plan(), "shop") is None
