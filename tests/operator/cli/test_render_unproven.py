"""What evidence alone suggests is written into files only when asked for, under a comment that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

DEPLOYMENT = (Path(__file__).parent / "data" / "samples" / "deployment.yaml").read_text()
FLASK = DEPLOYMENT.replace("image: x", "image: x\n        env:\n        - name: APPHEALTH_PREFIX\n          value: /z")
COMMENT = "# unproven: preset flask-management-endpoints, by env APPHEALTH_PREFIX; not tried on a running pod"
RULE = """
---
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: all}
spec: {selector: {}, existingProbes: Replace}
"""


def test_without_the_option_nothing_is_written_and_the_finding_says_why(run: Callable) -> None:
    outcome = run("render", "-f", "-", stdin=FLASK.encode())
    assert outcome.text == FLASK
    assert "(needs-proof). Fix: name the preset in a rule; --unproven writes what needs no proof." in outcome.err


def test_with_it_each_such_probe_has_a_comment(run: Callable) -> None:
    outcome = run("render", "-f", "-", "--unproven", stdin=FLASK.encode())
    lines = outcome.text.splitlines()
    at = [number for number, line in enumerate(lines) if line.strip() == COMMENT]
    assert [lines[number + 1].strip() for number in at] == ["livenessProbe:", "readinessProbe:", "startupProbe:"]
    assert "(unproven)" in outcome.err
    assert run("render", "-f", "-", "--unproven", stdin=outcome.out).out == outcome.out


def test_what_a_rule_says_has_none(run: Callable) -> None:
    rule = RULE.replace("existingProbes: Replace", "probes: {readiness: {path: /up}}")
    outcome = run("render", "-f", "-", "--unproven", stdin=(FLASK + rule).encode())
    before, after = outcome.text.split("        readinessProbe:")
    assert before.count(COMMENT) == 1
    assert after.count(COMMENT) == 1


def test_a_probe_that_is_replaced_gets_its_comment_once(run: Callable) -> None:
    theirs = "        readinessProbe:\n          tcpSocket: {port: 8080}\n"
    stdin = FLASK.replace("        env:\n", f"{theirs}        env:\n") + RULE
    outcome = run("render", "-f", "-", "--unproven", stdin=stdin.encode())
    assert outcome.text.count(f"        {COMMENT}\n        readinessProbe:\n") == 1
    assert run("render", "-f", "-", "--unproven", stdin=outcome.out).out == outcome.out


@pytest.mark.parametrize("name", ["APPHEALTH_X\\nkind: Evil", "APPHEALTH_\\u2028x", "APPHEALTH_" + "y" * 5000])
def test_no_name_of_a_variable_ends_the_comment(run: Callable, name: str) -> None:
    stdin = DEPLOYMENT.replace("image: x", f'image: x\n        env: [{{name: "{name}", value: a}}]')
    outcome = run("render", "-f", "-", "--unproven", stdin=stdin.encode())
    container = yaml.safe_load(outcome.text.split("---")[0])["spec"]["template"]["spec"]["containers"][0]
    assert set(container) >= {"livenessProbe", "readinessProbe", "startupProbe"}
    assert max(map(len, outcome.text.split("# unproven")[1].splitlines()[:1])) <= 250


def test_a_component_has_the_comments_too(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("k/web.yaml", FLASK)
    assert run("render", "-f", "k", "--unproven", "--patches", "probes").code == 0
    (patch,) = (tmp_path / "probes").glob("deployment-*.yaml")
    assert patch.read_text().count(COMMENT) == 3


def test_json_has_no_comments_and_the_summary_tells(run: Callable) -> None:
    import json

    stdin = json.dumps(yaml.safe_load(FLASK.split("---")[0])).encode()
    outcome = run("render", "-f", "-", "--unproven", stdin=stdin)
    assert "unproven" not in outcome.text
    assert outcome.err.count("(unproven)") == 3
