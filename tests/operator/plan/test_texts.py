"""The texts that a container's configuration holds, each with its key and its place, before hosts are looked for."""

import pytest

from apphealth.model.workload import ConfigFiles, Container, EnvVar
from apphealth.plan.dependencies.evidence.commandline import MAX_WORDS, command_line
from apphealth.plan.dependencies.evidence.environment import MAX_REFERENCES, Variable, environment, expanded, variables
from apphealth.plan.dependencies.evidence.files import MAX_LINES, files

COMMAND, ARGS = "command of main", "args of main"


@pytest.mark.parametrize(
    ("command", "args", "texts"),
    [
        pytest.param(["app"], ["x"], [("", "app", COMMAND), ("", "x", ARGS)], id="words"),
        pytest.param([], ["--db-host", "db"], [("", "--db-host", ARGS), ("db-host", "db", ARGS)], id="a flag"),
        pytest.param([], ["-H", "db", "x"], [("", "-H", ARGS), ("H", "db", ARGS),
                                             ("", "x", ARGS)], id="a short flag, and a word after its value"),
        pytest.param([], ["--a=b", "x"], [("", "--a=b", ARGS), ("", "x", ARGS)], id="with its value"),
        pytest.param(["--flag"], ["x"], [("", "--flag", COMMAND), ("", "x", ARGS)], id="a last flag"),
        pytest.param([], ["$(DB)"], [("", "db:80", ARGS)], id="a reference"),
        pytest.param([], ["--Xmx-X", "x"], [("", "--Xmx-X", ARGS), ("Xmx-X", "x", ARGS)], id="an X"),
    ],
)  # fmt: skip
def test_a_command_line(command, args, texts):
    container = Container(name="main", command=tuple(command), args=tuple(args))
    assert list(command_line(container, {"DB": Variable("db:80", "env DB")})) == texts


def test_only_so_many_words_are_read():
    assert len(list(command_line(Container(name="main", args=("x",) * (MAX_WORDS + 1)), {}))) == MAX_WORDS


def test_variables_say_where_they_come_from():
    container = Container(
        name="main",
        env_from=("all", "gone"),
        env=(EnvVar("A", "$(FROM)!"), EnvVar("B", "", "one", "key"), EnvVar("C", "", "one", "gone")),
    )
    maps = {("shop", "all"): {"FROM": "$(A)"}, ("shop", "one"): {"key": "b"}, ("other", "gone"): {"X": "y"}}
    assert list(environment(container, variables(container, "shop", maps))) == [
        ("FROM", "$(A)", "ConfigMap all key FROM of main"),
        ("A", "$(A)!", "env A of main"),
        ("B", "b", "env B from ConfigMap one of main"),
        ("C", "", "env C from ConfigMap one of main"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("db:80", "db:80", id="none"),
        pytest.param("$(A):$(B)", "db:$(B)", id="known and unknown"),
        pytest.param("$(EMPTY)", "$(EMPTY)", id="without a value"),
        pytest.param("$$(A) $", "$(A) $", id="escaped"),
        pytest.param("$(A)" * (MAX_REFERENCES + 1), "db" * MAX_REFERENCES + "$(A)", id="too many"),
        pytest.param("$(LONG)", "x" * 512, id="cut"),
    ],
)
def test_references_are_replaced(text, found):
    known = {"A": Variable("db", ""), "EMPTY": Variable("", ""), "LONG": Variable("x" * 1000, "")}
    assert expanded(text, known) == found


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        pytest.param("host = db", "host", "db", id="INI"),
        pytest.param("host: db", "host", "db", id="YAML"),
        pytest.param("- host: db", "host", "db", id="a list in YAML"),
        pytest.param("- db", "", "db", id="a list of words"),
        pytest.param("db - ", "", "db -", id="no list"),
        pytest.param('"dbHost":"db",', "dbHost", "db", id="JSON"),
        pytest.param("url=X db X", "url", "X db X", id="letters stay"),
        pytest.param("url: http://db=1", "url", "http://db=1", id="the first mark counts"),
        pytest.param("=db", "", "=db", id="no key before an equals sign"),
        pytest.param("proxy_pass http://db:80;", "", "proxy_pass http://db:80;", id="no mark"),
        pytest.param("a b = c", "", "a b = c", id="a key of two words"),
        pytest.param(f"{'k' * 65}=db", "", f"{'k' * 65}=db", id="a key that is too long"),
    ],
)
def test_a_line_of_a_file(line, key, value):
    container = Container(name="main", config_files=(ConfigFiles("app"),))
    found = list(files(container, "shop", {("shop", "app"): {"app.conf": f"\n# {line}\n  {line}  \n"}}))
    assert found == [(key, value, "file app.conf of ConfigMap app in main")]


def test_which_lines_are_read():
    container = Container(name="main", config_files=(ConfigFiles("app", ("one",)), ConfigFiles("gone")))
    lines = "db\n" * (MAX_LINES + 1)
    found = list(files(container, "shop", {("shop", "app"): {"one": lines, "two": lines}}))
    assert [source for *_, source in found] == ["file one of ConfigMap app in main"] * MAX_LINES
