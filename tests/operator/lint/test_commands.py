"""Which programs a command starts."""

from __future__ import annotations

import pytest

from apphealth.lint.commands import programs, script_of, top_level

PROGRAMS = [
    pytest.param(["pg_isready", "-U", "postgres"], ["pg_isready"], id="a program"),
    pytest.param(["/usr/bin/redis-cli", "ping"], ["redis-cli"], id="a path"),
    pytest.param(["sh", "-c", "redis-cli ping | grep PONG"], ["redis-cli", "grep"], id="a pipe"),
    pytest.param(["bash", "-ec", "a && b || c; d & e\nf"], [*"abcdef"], id="lists"),
    pytest.param(["bash", "-eo", "pipefail", "-c", "a"], ["a"], id="options of the shell"),
    pytest.param(["sh", "-c", "--", "a b"], ["a"], id="the end of options"),
    pytest.param(["sh", "-c", "pgrep -f 'python manage.py'"], ["pgrep"], id="a quoted argument"),
    pytest.param(["sh", "-c", "pgrep node"], ["pgrep"], id="an argument"),
    pytest.param(["sh", "-c", "if ! a; then exit 1; fi"], ["a", "exit"], id="keywords"),
    pytest.param(["sh", "-c", "for x in a b; do c $x; done"], ["c"], id="a loop"),
    pytest.param(["sh", "-c", "X=1 Y=2 a"], ["a"], id="assignments"),
    pytest.param(["sh", "-c", 'test "$(a b)" = c'], ["a", "test"], id="a substitution"),
    pytest.param(["sh", "-c", "x=`a`; b"], ["a", "b"], id="backquotes"),
    pytest.param(["sh", "-c", "a > /dev/null 2>&1 && b <f"], ["a", "b"], id="redirections"),
    pytest.param(["sh", "-c", "# it doesn't use python\na"], ["a"], id="a comment"),
    pytest.param(["sh", "-c", "exec timeout -s KILL 5 a"], ["a"], id="an option with a value"),
    pytest.param(["timeout", "-k", "1", "5", "a"], ["a"], id="timeout"),
    pytest.param(["env", "-i", "X=1", "a"], ["a"], id="env"),
    pytest.param(["busybox", "sh", "-c", "a"], ["a"], id="busybox"),
    pytest.param(["gosu", "postgres", "bash", "-c", "a"], ["a"], id="another user"),
    pytest.param(["bash", "/check.sh", "x"], ["check.sh"], id="a script's file"),
    pytest.param(["sh", "-c", "bash -c 'a b'"], ["a"], id="a shell in a shell"),
    pytest.param(["sh", "-c", "echo 'open"], [], id="a quotation without an end"),
    pytest.param([], [], id="nothing"),
    pytest.param(["sh", "-c", ""], [], id="an empty script"),
]


@pytest.mark.parametrize(("command", "expected"), PROGRAMS)
def test_the_programs_of_a_command(command: list[str], expected: list[str]) -> None:
    assert [program.name for program in programs(command)] == expected


def test_programs_in_substitutions_don_t_decide() -> None:
    assert [program.name for program in top_level(["sh", "-c", 'test "$(curl x)" = ok'])] == ["test"]
    assert [(program.name, program.piped) for program in top_level(["sh", "-c", "a | b"])] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize(
    ("command", "script", "more"),
    [
        pytest.param(["sh", "-c", "curl", "-f", "x"], "curl", ("-f", "x"), id="words after the script"),
        pytest.param(["sh", "-c", "curl -f x"], "curl -f x", (), id="one script"),
        pytest.param(["sh", "/a.sh", "-c"], None, (), id="a file"),
        pytest.param(["curl", "-c", "x"], None, (), id="no shell"),
    ],
)
def test_the_script_of_a_shell(command: list[str], script: str | None, more: tuple[str, ...]) -> None:
    found = script_of(command)
    assert (found and found.text) == script
    assert (found.more if found else ()) == more
