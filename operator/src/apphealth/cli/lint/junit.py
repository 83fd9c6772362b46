"""Findings as JUnit XML, for CI systems that show tests: a file is a test suite, and a finding is a test case."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree as ET

from apphealth.cli.lint.report import FailOn, LocatedFinding, Report

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not."""


def report_junit(report: Report, fail_on: FailOn) -> str:
    """Return the report as XML. Findings below `fail_on` are listed, and their test cases pass."""
    root = ET.Element("testsuites", name="apphealth lint")
    for suite, group in groupby(report.findings, key=lambda one: one.file or one.object):
        cases = list(group)
        failing = sum(_fails(one, fail_on) for one in cases)
        skipped = sum(not one.counts for one in cases)
        element = ET.SubElement(
            root, "testsuite", name=_text(suite), tests=str(len(cases)), failures=str(failing), skipped=str(skipped)
        )
        for one in cases:
            _case(element, one, fail_on)
    if not report.findings:
        suite_ = ET.SubElement(root, "testsuite", name="apphealth lint", tests="1", failures="0", skipped="0")
        ET.SubElement(suite_, "testcase", classname="apphealth", name=f"{report.objects} objects without findings")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _case(suite: ET.Element, one: LocatedFinding, fail_on: FailOn) -> None:
    finding = one.finding
    container = f" {finding.container}" if finding.container else ""
    case = ET.SubElement(suite, "testcase", classname=_text(f"{one.object}{container}"), name=finding.id)
    if one.file:
        case.set("file", _text(one.file))
        case.set("line", str(one.line))
    message = _text(finding.message)
    if one.suppression is not None:
        ET.SubElement(case, "skipped", message=_text(f"{one.suppression.reason} ({one.suppression.by})"))
    elif one.accepted:
        ET.SubElement(case, "skipped", message="in the baseline")
    elif _fails(one, fail_on):
        failure = ET.SubElement(case, "failure", message=message, type=finding.severity.value)
        failure.text = _text(f"{one.place}\nfix: {finding.fix}")
    else:
        ET.SubElement(case, "system-out").text = _text(f"{finding.severity}: {finding.message}\nfix: {finding.fix}")


def _fails(one: LocatedFinding, fail_on: FailOn) -> bool:
    return one.counts and fail_on.reached(one.finding.severity)


def _text(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
