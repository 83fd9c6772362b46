"""The catalogue of findings: every kind is defined once, used, and documented where it says so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import apphealth
from apphealth.lint.registry import ALL
from apphealth.plan import findings
from apphealth.plan.findings import FindingKind, Severity

ROOT = Path(__file__).parents[3]
SOURCE = Path(apphealth.__file__).parent
CATALOGUE = SOURCE / "plan" / "findings.py"
KINDS = {name: value for name, value in vars(findings).items() if isinstance(value, FindingKind)}
IDS = {kind.id for kind in KINDS.values()}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    """Provide the parsed source."""
    return {path: ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}


@pytest.fixture(scope="module")
def read(trees: dict[Path, ast.AST]) -> set[str]:
    """Provide the names that code outside of the catalogue reads."""
    return {name for path, tree in trees.items() if path != CATALOGUE for name in names_in(tree)}


def names_in(tree: ast.AST) -> set[str]:
    """Return the names that code reads, plain (`REJECTED`) or of a module (`findings.REJECTED`)."""
    plain = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return plain | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def calls_of(tree: ast.AST, *names: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", None) in names or getattr(node.func, "attr", None) in names)
    ]


def test_every_id_is_defined_once(trees):
    defined = [call.args[0].value for call in calls_of(trees[CATALOGUE], "FindingKind")]
    assert sorted(defined) == sorted(IDS)


def test_findings_are_made_by_the_catalogue_alone(trees):
    made = {path.relative_to(SOURCE).as_posix() for path, tree in trees.items() if calls_of(tree, "Finding")}
    recorded = {path.relative_to(SOURCE).as_posix() for path, tree in trees.items() if calls_of(tree, "FindingRecord")}
    assert (made, recorded) == ({"plan/findings.py"}, {"plan/record.py"})


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_used(read, name):
    assert name in read


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_has_a_page_where_it_names_one(kind):
    page = ROOT / "docs" / "lint" / f"{kind.id}.md"
    assert (kind.docs != "") is page.is_file()
    assert kind.docs in ("", page.relative_to(ROOT).as_posix())


def test_each_check_of_lint_takes_its_kind_from_the_catalogue():
    assert {check.kind.id for check in ALL.values()} == {kind.id for kind in KINDS.values() if kind.documented}
    assert all(check.kind in KINDS.values() for check in ALL.values())


def test_a_text_of_the_cluster_is_a_value_and_never_a_format():
    finding = findings.REJECTED(write="the patch", answer="{write} {0} {missing}")
    assert finding.message == "the patch was refused: {write} {0} {missing}"


def test_a_call_may_give_another_severity_and_a_text_of_its_own():
    assert findings.REJECTED(write="", answer="", severity=Severity.INFO).severity is Severity.INFO
    finding = findings.PROBE_HOST.worded("wrong", "right", container="web", where=("spec",))
    assert (finding.id, finding.severity) == ("probe-host", Severity.WARNING)
    assert (finding.message, finding.fix, finding.container, finding.where) == ("wrong", "right", "web", ("spec",))


def test_no_code_decides_by_the_id_of_a_finding(trees):
    compared = [
        f"{path.relative_to(SOURCE).as_posix()}: {ast.unparse(node)}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        and "finding.id" in ast.unparse(node)
    ]
    assert compared == []
