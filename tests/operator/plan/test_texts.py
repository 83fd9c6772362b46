"""The texts that a container's configuration holds, each with its key and its place, before hosts are looked for."""

import pytest

from apphealth.model.service import ServiceKey
from apphealth.model.workload import ConfigFiles, Container, EnvVar
from apphealth.plan.dependencies.evidence.commandline import MAX_WORDS, command_line
from apphealth.plan.dependencies.evidence.environment import MAX_REFERENCES, Variable, environment, expanded, variables
from apphealth.plan.dependencies.evidence.files import MAX_LINES, files
from apphealth.plan.dependencies.evidence.text import Names, Text, mentions_in

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


NAMES = Names("shop", {"10.96.0.7": ServiceKey("data", "db")}, "local")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        pytest.param("", "db:80", ["shop/db"], id="of its own namespace"),
        pytest.param("", "db.data:80", ["data/db"], id="of another"),
        pytest.param("", "db.data.svc:80", ["data/db"], id="with svc"),
        pytest.param("", "db.data.svc.local", ["data/db"], id="in full"),
        pytest.param("", "db.data.svc.west", [], id="of another cluster"),
        pytest.param("", "db.data.west.example", [], id="outside"),
        pytest.param("", "10.96.0.7:80", ["data/db"], id="by its address"),
        pytest.param("", "10.96.0.8:80", [], id="an unknown address"),
        pytest.param("", "my-db-0.db:80", ["db/my-db-0", "shop/db, a pod"], id="a pod, or a Service in a namespace"),
        pytest.param("", "users-api.data:80", ["data/users-api"], id="no pod: it has no number"),
        pytest.param("", "80.data:80", ["data/80"], id="no pod: it has no name"),
        pytest.param("", "my-db-0.db.data:80", ["data/db, a pod"], id="a pod of another namespace"),
        pytest.param("", "password=users:80 upstream=db:80", ["shop/db"], id="after a key that says no host"),
        pytest.param("DB_HOST", "db", ["shop/db"], id="a word whose key says that it is a host"),
        pytest.param("DB_HOST", "db store", [], id="more than a host"),
        pytest.param("LOG_LEVEL", "db", [], id="a word"),
        pytest.param("SCRIPT", "db.py", [], id="a file"),
        pytest.param("SCRIPT_HOST", "db.py", ["py/db"], id="a host that is spelt like a file"),
        pytest.param("", "kube-dns.kube-system:53", [], id="the cluster's DNS"),
    ],
)
def test_a_text_names_services(key, value, named):
    found = mentions_in(Text(key, value, "env X"), NAMES)
    assert [f"{m.service.namespace}/{m.service.name}{', a pod' if m.pod else ''}" for m in found] == named
