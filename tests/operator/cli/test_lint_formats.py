"""What `apphealth lint` writes for machines is what they read: SARIF by its schema, JUnit by an XML parser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator
from tests.operator.cli.objects import PORT, deployment

from apphealth.cli.errors import ExitCode
from apphealth.cli.lint.github import report_github
from apphealth.cli.lint.report import LocatedFinding, Report
from apphealth.lint.checks import user_input
from apphealth.lint.registry import ALL
from apphealth.plan.findings import Finding, Severity

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.schema.json").read_text())
NOTE = '{apphealth.dev/ignore-port-number: "generated <by> \\"us\\" & them\\u0007"}'
BAD = deployment(
    PORT,
    'livenessProbe: {httpGet: {path: /livez, port: "w,e:b%\\n"}}',
    "readinessProbe: {httpGet: {path: /readyz, port: 8080}, timeoutSeconds: 20}",
    metadata=f"\n  name: web\n  annotations: {NOTE}",
    image="shop/web",
)


@pytest.fixture
def bad(write: Callable) -> str:
    write("sub dir/wéb.yaml", BAD)
    write("sub dir/broken.yaml", "apiVersion: [\n")
    return "sub dir"


def test_sarif_is_valid_and_points_at_the_lines(run: Callable, bad: str, tmp_path: Path) -> None:
    outcome = run("lint", "-f", bad, "-o", "sarif")
    document: dict[str, Any] = json.loads(outcome.text)
    Draft7Validator(SCHEMA).validate(document)
    run_ = document["runs"][0]
    rules = run_["tool"]["driver"]["rules"]
    assert outcome.code == ExitCode.INPUT
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        location = result["locations"][0]["physicalLocation"]
        lines = (tmp_path / unquote(location["artifactLocation"]["uri"])).read_text().splitlines()
        assert location["region"]["startLine"] <= len(lines) + 1
    told = {result["ruleId"]: result for result in run_["results"]}
    assert set(told) == {"field-invalid", "port-unresolved", "port-number", "timeout-exceeds-period", "input-invalid"}
    assert told["port-number"]["suppressions"][0]["justification"].startswith('generated <by> "us" & them')
    assert told["timeout-exceeds-period"]["locations"][0]["physicalLocation"]["region"]["startLine"] == 16


def test_sarif_without_findings_is_valid(run: Callable) -> None:
    Draft7Validator(SCHEMA).validate(json.loads(run("lint", "-f", "-", "-o", "sarif", stdin=b"").text))


def test_the_schema_would_notice_a_mistake(run: Callable, bad: str) -> None:
    document = json.loads(run("lint", "-f", bad, "-o", "sarif").text)
    document["runs"][0]["results"][0]["level"] = "bad"
    assert not Draft7Validator(SCHEMA).is_valid(document)


def test_junit_is_xml_with_a_case_for_each_finding(run: Callable, bad: str) -> None:
    root = ET.fromstring(run("lint", "-f", bad, "-o", "junit").text)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["port-unresolved"].find("failure") is not None
    assert cases["timeout-exceeds-period"].find("failure") is None
    skipped = cases["port-number"].find("skipped")
    assert skipped is not None
    assert str(skipped.get("message")).startswith('generated <by> "us" & them?')
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert {name: suite.get("failures") for name, suite in suites.items()} == {
        "sub dir/broken.yaml": "1",
        "sub dir/wéb.yaml": "2",
    }


def test_junit_fails_what_fail_on_says(run: Callable, bad: str) -> None:
    root = ET.fromstring(run("lint", "-f", bad, "-o", "junit", "--fail-on", "warning").text)
    case = next(case for case in root.iter("testcase") if case.get("name") == "timeout-exceeds-period")
    assert case.find("failure") is not None


def test_junit_without_findings_has_a_case_that_passes(run: Callable) -> None:
    root = ET.fromstring(run("lint", "-f", "-", "-o", "junit", stdin=b"").text)
    assert [len(case) for case in root.iter("testcase")] == [0]


def unescaped(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as the runner does."""
    match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert match is not None, line
    properties = dict(part.split("=", 1) for part in match[2].split(","))

    def decoded(text: str, *further: tuple[str, str]) -> str:
        for code, character in (*further, ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, character)
        return text

    more = ("%3A", ":"), ("%2C", ",")
    return match[1], {name: decoded(value, *more) for name, value in properties.items()}, decoded(match[3])


@pytest.mark.parametrize(
    ("file", "message"),
    [
        pytest.param("a.yaml", "plain", id="plain"),
        pytest.param("a,b:c%2C.yaml", "100%: a\r\nb::error::c,d", id="all that is special"),
        pytest.param("é ü.yaml", "é\u2028ü", id="other characters"),
    ],
)
def test_github_gets_back_what_was_meant(file: str, message: str) -> None:
    finding = Finding(id="probe-host", severity=Severity.INFO, message=message)
    text = report_github(Report(findings=[LocatedFinding(finding=finding, file=file, line=3, column=5)]))
    assert text.count("\n") == 1
    expected = {"file": file, "line": "3", "col": "5", "title": "probe-host"}
    assert unescaped(text.rstrip("\n")) == ("notice", expected, message)


def test_github_annotations_leave_out_what_is_ignored(run: Callable, bad: str) -> None:
    titles = [unescaped(line)[1]["title"] for line in run("lint", "-f", bad, "-o", "github").text.splitlines()]
    assert "port-number" not in titles
    assert "port-unresolved" in titles


def test_plain_text_holds_one_line_for_each_finding(run: Callable, bad: str) -> None:
    text = run("lint", "-f", bad).text
    assert len(text.splitlines()) == 5
    assert text.replace("\n", "").isprintable()


def test_gitlab_gets_an_array_of_problems_with_places(run: Callable, bad: str) -> None:
    found = json.loads(run("lint", "-f", bad, "-o", "gitlab").text)
    assert found
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert one["location"]["path"].startswith(f"{bad}/")
        assert one["location"]["lines"]["begin"] >= 1
    assert len({one["fingerprint"] for one in found}) == len(found)
    assert {one["check_name"] for one in found} <= set(ALL)


def test_every_rule_of_sarif_says_where_to_read_more(run: Callable, bad: str) -> None:
    rules = json.loads(run("lint", "-f", bad, "-o", "sarif").text)["runs"][0]["tool"]["driver"]["rules"]
    told = {rule["id"]: rule.get("helpUri", "") for rule in rules}
    assert {id_ for id_, uri in told.items() if not uri.startswith("https://")} == {one.id for one in user_input.CHECKS}
