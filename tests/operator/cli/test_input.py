"""What lint, render and graph read alike: paths, patterns, URLs, kustomizations; the namespace that is left out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.operator.cli.objects import deployment

from apphealth.cli.errors import ExitCode
from apphealth.cli.manifests import remote

WEB = deployment('env: [{name: DB, value: "postgres://db:5432/x"}]')
DB = """\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
"""


def workloads(run: Callable, *args: str) -> list[str]:
    outcome = run("graph", "-o", "json", *args)
    assert outcome.code == ExitCode.OK, outcome.err
    return [f"{node['namespace']}/{node['name']}" for node in json.loads(outcome.text)["nodes"]]


@pytest.mark.parametrize("command", ["lint", "graph", "render"])
def test_paths_need_no_option(run: Callable, write: Callable, command: str) -> None:
    write("a/web.yaml", WEB)
    write("b/db.yaml", DB)
    assert run(command, "a", "b/db.yaml").code == ExitCode.OK
    assert run(command, "a", "-f", "b").code == ExitCode.OK
    outcome = run(command, "missing.yaml")
    assert outcome.code == ExitCode.INPUT
    assert "can't be read: No such file" in outcome.err + outcome.text


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("deploy/*.yaml", {"shop/web"}, id="files"),
        pytest.param("deploy/**/*.yaml", {"shop/web", "shop/api"}, id="below"),
        pytest.param("dep*", {"shop/web", "shop/api"}, id="directories"),
        pytest.param("deploy/w[a-f]b.yaml", {"shop/web"}, id="letters"),
    ],
)
def test_quoted_patterns_are_expanded(run: Callable, write: Callable, pattern: str, expected: set[str]) -> None:
    write("deploy/web.yaml", WEB)
    write("deploy/below/api.yaml", WEB.replace("name: web}", "name: api}"))
    assert set(workloads(run, "-f", pattern, "-n", "shop")) == expected


def test_a_pattern_without_a_match_is_a_problem(run: Callable) -> None:
    outcome = run("graph", "-f", "deploy/*.yaml")
    assert outcome.code == ExitCode.INPUT
    assert "deploy/*.yaml: no file matches" in outcome.err


@pytest.fixture
def site() -> Iterator[str]:
    """Serve a manifest over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/web.yaml"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(WEB.encode() if found else b"")

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_read(run: Callable, site: str, tmp_path: Path) -> None:
    assert workloads(run, "-f", f"{site}/web.yaml") == ["default/web"]
    outcome = run("lint", f"{site}/none.yaml")
    assert outcome.code == ExitCode.INPUT
    assert f"{site}/none.yaml: error: can't be read: HTTP status 404" in outcome.text
    assert run("render", f"{site}/web.yaml", "-o", "out/").code == ExitCode.OK
    assert (tmp_path / "out" / "web.yaml").exists()


def test_a_url_that_gives_no_answer_is_a_problem(run: Callable) -> None:
    outcome = run("graph", "-f", "http://127.0.0.1:9/web.yaml")
    assert outcome.code == ExitCode.INPUT
    assert "http://127.0.0.1:9/web.yaml: can't be read: " in outcome.err


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["render", "-f", "http://127.0.0.1:9/a.yaml", "--in-place"], id="render a URL"),
        pytest.param(["render", "-k", ".", "--in-place"], id="render a kustomization"),
        pytest.param(["lint", "-k", ".", "--fix"], id="lint"),
    ],
)
def test_what_has_no_file_can_t_be_changed(run: Callable, args: list[str]) -> None:
    outcome = run(*args)
    assert outcome.code == ExitCode.USAGE
    assert "has no file to write for" in outcome.err


KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: shop
resources: [web.yaml]
"""


def test_a_kustomization_is_built(run: Callable, write: Callable) -> None:
    if remote.kustomize_program() is None:
        pytest.skip("needs kubectl or kustomize")
    write("over lay/kustomization.yaml", KUSTOMIZATION)
    write("over lay/web.yaml", WEB)
    assert workloads(run, "-k", "over lay") == ["shop/web"]
    outcome = run("lint", "-k", "over lay", "--fail-on", "never")
    assert (outcome.code, "in 1 object" in outcome.err) == (ExitCode.OK, True)
    assert "namespace: shop" in run("render", "-k", "over lay").text
    write("over lay/kustomization.yaml", KUSTOMIZATION.replace("web.yaml", "none.yaml"))
    outcome = run("graph", "-k", "over lay")
    assert outcome.code == ExitCode.INPUT
    assert "over lay: can't be built: " in outcome.err
    assert "none.yaml" in outcome.err


def test_without_a_program_that_builds_it_is_said(
    run: Callable, write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = run("graph", "-k", ".")
    assert outcome.code == ExitCode.INPUT
    assert "neither kubectl nor kustomize is installed" in outcome.err


SAID = (
    "1 object names no namespace, and is taken to be in 'shop', the only one that others name; -n NAME says otherwise"
)
NAMESPACES = [
    pytest.param([], DB, ["shop/db", "shop/web"], True, id="the only one"),
    pytest.param(["-n", "shop"], DB, ["shop/db", "shop/web"], False, id="named"),
    pytest.param(["-n", "other"], DB, ["other/web", "shop/db"], False, id="another"),
    pytest.param([], f"{DB}---\n{DB.replace('shop', 'x')}", ["default/web", "shop/db", "x/db"], False, id="two"),
    pytest.param([], DB.replace(", namespace: shop", ""), ["default/db", "default/web"], False, id="none"),
]


@pytest.mark.parametrize(("args", "other", "expected", "said"), NAMESPACES)
def test_the_namespace_that_others_name(
    run: Callable, write: Callable, args: list[str], other: str, expected: list[str], *, said: bool
) -> None:
    write("all.yaml", f"{WEB}---\n{other}")
    assert sorted(workloads(run, "all.yaml", *args)) == expected
    for command in ("graph", "lint", "render"):
        assert (SAID in run(command, "all.yaml", *args).err) is said
    assert (SAID in run("explain", "deploy/web", "-f", "all.yaml", *args).err) is said


def test_a_baseline_holds_whatever_namespace_is_inferred(run: Callable, write: Callable) -> None:
    write("web.yaml", WEB.replace("env:", "livenessProbe: {exec: {command: [java]}}\n        env:"))
    run("lint", ".", "--write-baseline", "known.json")
    write("db.yaml", DB)
    outcome = run("lint", "web.yaml", "db.yaml", "--baseline", "known.json", "--fail-on", "info")
    assert outcome.code == ExitCode.OK, outcome.text


def test_objects_of_one_name_are_taken_one_by_one(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("base/web.yaml", WEB)
    write("overlay/web.yaml", WEB.replace("postgres://db", "postgres://other"))
    write("db.yaml", DB.replace(", namespace: shop", ""))
    outcome = run("graph", ".")
    assert outcome.code == ExitCode.OK
    assert "-> db:5432" in outcome.text
    said = "overlay/web.yaml:1: Deployment default/web is defined twice: the first counts, base/web.yaml:1"
    assert said in outcome.err
    assert said in run("explain", "deploy/web", "-f", ".").err
    annotated = "metadata: {labels: {app: web}, annotations: {apphealth.dev/preset: spring-boot}}"
    for name in ("base", "overlay"):
        path = tmp_path / name / "web.yaml"
        path.write_text(path.read_text().replace("metadata: {labels: {app: web}}", annotated))
    assert run("render", ".", "--in-place").code == ExitCode.OK
    assert all("livenessProbe" in (tmp_path / name / "web.yaml").read_text() for name in ("base", "overlay"))
    outcome = run("render", ".", "--patches", "out")
    assert outcome.code == ExitCode.INPUT
    assert "is defined twice" in outcome.err


def test_rules_of_one_name_are_refused(run: Callable, write: Callable) -> None:
    rule = "apiVersion: apphealth.dev/v1alpha1\nkind: AppHealth\nmetadata: {name: a}\nspec: {selector: {}, preset: "
    write("all.yaml", f"{WEB}---\n{rule}flask}}\n---\n{rule}http}}\n")
    for command in ("graph", "render"):
        outcome = run(command, "all.yaml")
        assert outcome.code == ExitCode.INPUT
        assert "AppHealth default/a is defined twice" in outcome.err


def test_templates_that_are_only_found_in_a_directory_are_passed_over(run: Callable, write: Callable) -> None:
    write("web.yaml", WEB)
    for number in range(7):
        write(f"chart/templates/{number}.yaml", "metadata:\n  name: {{ .Release.Name }}\n  x: y: {{ z }}\n")
    for command in (["graph", "."], ["explain", "deploy/web", "-f", "."]):
        outcome = run(*command)
        assert outcome.code == ExitCode.OK
        assert outcome.err.count("skipped: it is the source of a Helm template") == 5
        assert "and 2 more like these" in outcome.err
    assert run("graph", "chart/templates/0.yaml").code == ExitCode.INPUT
