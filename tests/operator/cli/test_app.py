"""The command as a whole: help, versions, completion, errors in one line, quick to start."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from apphealth.cli.app import COMMANDS, DEBUG, cli, execute
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.group import Lazy

APPHEALTH = [sys.executable, "-c", "from apphealth.cli import main; main()"]


def test_help_lists_the_commands_and_the_exit_codes(run: Callable) -> None:
    outcome = run("--help")
    assert outcome.code == ExitCode.OK
    for words in (*COMMANDS, "Examples:", "Exit codes:", "--debug"):
        assert words in outcome.text


def test_without_arguments_help_is_shown_and_it_counts_as_a_mistake(run: Callable) -> None:
    outcome = run()
    assert outcome.code == ExitCode.USAGE
    assert "Commands:" in outcome.err


def test_the_version_is_the_distributions(run: Callable) -> None:
    assert run("--version").text == f"apphealth {version('apphealth')}\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["rendr"], "there is no command 'rendr': did you mean 'render'?; see", id="typo"),
        pytest.param(["x"], "the commands are run, render, lint, explain, graph, retry", id="unknown command"),
        pytest.param(["--nope"], "No such option '--nope'", id="unknown option"),
        pytest.param(["render"], "no manifests given: give PATH", id="missing option"),
        pytest.param(["render", "-f"], "Option '-f' requires an argument", id="missing value"),
        pytest.param(["render", "-f", "a", "--chek"], "--check", id="option with a typo"),
        pytest.param(["completion", "bash", "b"], "Got unexpected extra argument", id="extra argument"),
        pytest.param(["render", "-f", "-", "-i"], "--in-place has no file to write", id="in place of standard input"),
        pytest.param(["render", "-f", "-", "--rules", "-"], "can be read only once", id="standard input twice"),
        pytest.param(["render", "-f", "a", "-i", "-o", "b"], "--in-place exclude each other", id="two outputs"),
        pytest.param(["render", "-f", "a", "-i", "--diff"], "--in-place writes files, --diff", id="diff in place"),
        pytest.param(["render", "-f", "a", "-n", "a/b"], "is not a valid name of a namespace", id="no namespace"),
        pytest.param(["completion", "tcsh"], "'tcsh' is not one of", id="unknown shell"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_answered_in_one_line(run: Callable, args: list[str], words: str) -> None:
    outcome = run(*args)
    assert outcome.code == ExitCode.USAGE
    assert outcome.out == b""
    assert outcome.err.startswith("apphealth: ")
    assert outcome.err.count("\n") == 1
    assert words in outcome.err


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make `apphealth fail` raise something."""

    def arrange(error: BaseException) -> None:
        @click.command()
        def fail() -> None:
            raise error

        monkeypatch.setitem(sys.modules, "failing_command", type(sys)("failing_command"))
        monkeypatch.setattr("failing_command.fail", fail, raising=False)
        monkeypatch.setitem(cli.lazy, "fail", Lazy("failing_command", "fail", "Fails."))

    return arrange


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        pytest.param(CommandError("no\nway", ExitCode.ENVIRONMENT), 4, "apphealth: no way\n", id="a known error"),
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device"),
            4,
            "apphealth: the output can't be written: No space left on device\n",
            id="a full disk",
        ),
        pytest.param(click.ClickException("no"), 1, "apphealth: no\n", id="an error of click's"),
        pytest.param(click.Abort(), 130, "apphealth: interrupted\n", id="aborted"),
        pytest.param(KeyboardInterrupt(), 130, "\napphealth: interrupted\n", id="interrupted"),
        pytest.param(click.exceptions.Exit(7), 7, "", id="an exit of its own"),
    ],
)
def test_every_end_has_its_line_and_its_code(
    run: Callable, failing: Callable, error: BaseException, code: int, line: str
) -> None:
    failing(error)
    outcome = run("fail")
    assert (outcome.code, outcome.err) == (code, line)


def test_an_unexpected_error_is_one_line_that_says_how_to_report_it(run: Callable, failing: Callable) -> None:
    failing(KeyError("x"))
    outcome = run("fail")
    assert outcome.code == ExitCode.INTERNAL
    assert outcome.err.startswith("apphealth: KeyError: 'x' (this is a bug in apphealth; please report it")
    assert outcome.err.count("\n") == 1


def test_debug_adds_the_traceback(run: Callable, failing: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(KeyError("x"))
    assert "Traceback" in run("--debug", "fail").err
    monkeypatch.setenv(DEBUG, "1")
    assert "Traceback" in run("fail").err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(run: Callable, shell: str) -> None:
    outcome = run("completion", shell)
    assert outcome.code == ExitCode.OK
    assert "_APPHEALTH_COMPLETE" in outcome.text


def complete(words: str) -> list[str]:
    env = os.environ | {
        "_APPHEALTH_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(APPHEALTH, env=env, capture_output=True, text=True, check=True, timeout=60)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_is_given_commands_and_options() -> None:
    assert complete("apphealth ") == list(COMMANDS)
    assert complete("apphealth ren") == ["render"]
    assert "--in-place" in complete("apphealth render --in")
    assert complete("apphealth completion f") == ["fish"]


def test_help_takes_no_more_than_four_tenths_of_a_second() -> None:
    assert min(processor_seconds(["--help"]) for _ in range(5)) <= 0.4


def processor_seconds(args: list[str]) -> float:
    """Return what a command takes of the processor: on an idle machine, that is what it takes of time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*APPHEALTH, *args], check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_render_loads_neither_kopf_nor_a_network_client() -> None:
    code = (
        "import sys; from apphealth.cli.app import execute; execute(['render', '-f', '-']);"
        "heavy = ('kopf', 'kubernetes', 'aiohttp', 'asyncio', 'apphealth.controller');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], input="a: 1\n", check=True, capture_output=True, text=True)
    assert done.stdout == "a: 1\n[]\n"


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    code = "import sys; from apphealth.cli.app import execute; sys.exit(execute(['render', '-q', '-f', '-']))"
    big = ("a: " + "x" * 60 + "\n---\n") * 5000
    shell = f'{sys.executable} -c "$CODE" | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", shell], env=os.environ | {"CODE": code}, input=big, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (ExitCode.BROKEN_PIPE, "")


def test_every_command_can_be_loaded_and_explains_itself() -> None:
    for name in COMMANDS:
        assert execute([name, "--help"]) == ExitCode.OK


def test_the_version_names_what_a_report_of_a_bug_needs(run: Callable) -> None:
    outcome = run("version")
    assert outcome.code == ExitCode.OK
    assert outcome.text.startswith("apphealth ")
    assert all(word in outcome.text for word in ("Python 3", "kopf ", "kubernetes "))


def test_kubectl_finds_it_as_a_plugin() -> None:
    plugin = Path(sys.executable).with_name("kubectl-apphealth")
    done = subprocess.run([plugin, "version"], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("apphealth ")


def test_a_shell_is_given_what_the_kubeconfig_and_the_cluster_have(serve: Any) -> None:
    def one(kind: str, name: str, **parts: Any) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"name": name, "uid": name, "resourceVersion": "1"} | parts}

    _, cluster = serve(
        one("Namespace", "shop"),
        one("Namespace", "market"),
        one("Deployment", "web", namespace="shop"),
        one("Deployment", "worker", namespace="shop"),
        one("Deployment", "stall", namespace="market"),
    )
    given = f"--kubeconfig {cluster.kubeconfig}"
    assert complete(f"apphealth explain {given} --context h") == ["here"]
    assert complete(f"apphealth explain {given} -n ") == ["market", "shop"]
    assert complete(f"apphealth explain {given} d") == ["deploy/", "ds/"]
    assert complete(f"apphealth explain {given} deploy/w") == ["deploy/web", "deploy/worker"]
    assert complete(f"apphealth explain {given} -n market deploy/") == ["deploy/stall"]
    assert complete("apphealth lint --explain liveness-m") == ["liveness-missing"]
