"""Which rules count: --select, --ignore, and the configuration file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.operator.cli.objects import PORT, SERVICE, deployment

from apphealth.cli.errors import ExitCode

PROBE = "livenessProbe: {httpGet: {path: /livez, port: 8080}, failureThreshold: 1}"
WEB = f"{SERVICE}---\n{deployment(PORT, PROBE)}"
ALL = {"readiness-missing", "liveness-aggressive", "port-number"}


@pytest.fixture
def found(run: Callable, write: Callable) -> Callable[..., set[str]]:
    """Return the ids of the findings."""
    write("web.yaml", WEB)

    def call(*args: str) -> set[str]:
        outcome = run("lint", "web.yaml", "-o", "json", *args)
        assert outcome.code in (ExitCode.OK, ExitCode.CHANGES), outcome.err
        return {one["id"] for one in json.loads(outcome.text)["findings"]}

    return call


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param([], ALL, id="all"),
        pytest.param(["--select", "readiness-missing"], {"readiness-missing"}, id="one"),
        pytest.param(["--select", "readiness-missing,port-*"], {"readiness-missing", "port-number"}, id="a pattern"),
        pytest.param(["--ignore", "port-number", "--ignore", "liveness-*"], {"readiness-missing"}, id="ignored"),
        pytest.param(["--select", "port-*", "--ignore", "port-number"], set(), id="both"),
    ],
)
def test_rules_are_selected(found: Callable, args: list[str], expected: set[str]) -> None:
    assert found(*args) == expected


def test_an_unknown_rule_is_refused(run: Callable) -> None:
    outcome = run("lint", ".", "--ignore", "readines-missing")
    assert outcome.code == ExitCode.USAGE
    assert "--ignore: there is no rule 'readines-missing'; did you mean readiness-missing?" in outcome.err


def test_invalid_input_is_reported_whatever_is_selected(run: Callable, write: Callable) -> None:
    write("web.yaml", "a: [")
    outcome = run("lint", "web.yaml", "--select", "port-number", "--ignore", "input-invalid")
    assert outcome.code == ExitCode.INPUT
    assert "[input-invalid]" in outcome.text


YAML = "lint:\n  ignore: [port-number]\n  fail-on: warning\n"
TOML = '[tool.apphealth.lint]\nignore = ["port-number"]\nfail-on = "warning"\n'
CONFIGURATIONS = [
    pytest.param(".apphealth.yaml", YAML, id="YAML"),
    pytest.param("pyproject.toml", TOML, id="TOML"),
]


@pytest.mark.parametrize(("name", "text"), CONFIGURATIONS)
def test_a_configuration_gives_the_defaults(
    run: Callable,
    write: Callable,
    found: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
) -> None:
    write(name, text)
    assert found() == ALL - {"port-number"}
    assert found("--ignore", "readiness-missing") == ALL - {"readiness-missing"}  # the command line wins
    assert found("--isolated") == ALL
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    code = run("lint", "../web.yaml", "--ignore", "readiness-missing").code
    assert code == ExitCode.CHANGES  # the warning counts: the file is found in the directory above


def test_paths_in_a_configuration_are_relative_to_it(run: Callable, write: Callable, found: Callable) -> None:
    run("lint", "web.yaml", "--write-baseline", "known.json")
    write("conf/lint.yaml", "lint: {baseline: ../known.json}\n")
    found()
    outcome = run("lint", "web.yaml", "--config", "conf/lint.yaml")
    assert outcome.code == ExitCode.OK
    assert "3 in the baseline" in outcome.err


WRONG = [
    pytest.param(".apphealth.yaml", "lint: {ignor: [a]}", "`ignor`", id="an unknown field"),
    pytest.param(".apphealth.yaml", "lint: {ignore: port-number}", "`$.lint.ignore`", id="a text for a list"),
    pytest.param(".apphealth.yaml", "lint: {fail-on: errors}", "`$.lint.fail-on`", id="an unknown severity"),
    pytest.param(".apphealth.yaml", "lint: {ignore: [readines-missing]}", "did you mean", id="an unknown rule"),
    pytest.param(".apphealth.yaml", "lint: [", ".apphealth.yaml", id="no YAML"),
    pytest.param("pyproject.toml", "[tool.apphealth.lint", "pyproject.toml", id="no TOML"),
    pytest.param("pyproject.toml", "[tool.apphealth]\nlnt = 1", "`lnt`", id="an unknown table"),
]


@pytest.mark.parametrize(("name", "text", "words"), WRONG)
def test_a_wrong_configuration_is_refused(run: Callable, write: Callable, name: str, text: str, words: str) -> None:
    write("web.yaml", WEB)
    write(name, text)
    outcome = run("lint", "web.yaml")
    assert outcome.code == ExitCode.USAGE
    assert words in outcome.err
    assert name in outcome.err or "did you mean" in outcome.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("pyproject.toml", "[tool.ruff]\nline-length = 1\n", id="a project of another tool"),
        pytest.param(".apphealth.yaml", "", id="an empty file"),
    ],
)
def test_a_file_without_a_configuration_changes_nothing(write: Callable, found: Callable, name: str, text: str) -> None:
    write(name, text)
    assert found() == ALL


def test_statistics_count_the_findings_of_each_rule(run: Callable, write: Callable) -> None:
    write("web.yaml", WEB)
    write("api.yaml", WEB.replace("web", "api"))
    outcome = run("lint", ".", "--statistics")
    assert outcome.code == ExitCode.CHANGES
    lines = [line.split(maxsplit=3) for line in outcome.text.splitlines()]
    assert [(number, severity, id_) for number, severity, id_, _ in lines] == [
        ("2", "error", "readiness-missing"),
        ("2", "warning", "liveness-aggressive"),
        ("2", "info", "port-number"),
    ]
    assert run("lint", ".", "--statistics", "-o", "sarif").code == ExitCode.USAGE
