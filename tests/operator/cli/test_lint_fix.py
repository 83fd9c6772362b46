"""`apphealth lint --fix` writes what render writes, no more than once, and nothing that somebody does not want."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from apphealth.cli.errors import ExitCode
from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets import ALL

RULE = """\
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec:
  selector: {}
  probes: {liveness: {path: /livez}, readiness: {path: /readyz}}
"""
SHOP = """\
# The shop.
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment   # stateless
metadata:
  name: web
  annotations: {}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: 'shop/web:1.4'
        ports: [{name: http, containerPort: 8080}]
"""
DERIVED = SHOP.replace("        ports:", "        env: [{name: APPHEALTH_PREFIX, value: /z}]\n        ports:")


def missing(run: Callable, path: str, *args: str) -> set[str]:
    found = json.loads(run("lint", "-f", path, "-o", "json", *args).text)["findings"]
    return {one["id"] for one in found if one["id"].endswith("-missing") and not one["ignored"]}


def test_it_writes_what_a_rule_asks_for_and_keeps_the_rest(run: Callable, write: Callable) -> None:
    path = write("deploy/shop.yaml", SHOP)
    write("rules/web.yaml", RULE)
    outcome = run("lint", "-f", "deploy", "--rules", "rules", "--fix")
    assert outcome.code == ExitCode.OK
    assert "1 file changed by --fix" in outcome.err
    after = path.read_text()
    assert after.startswith(SHOP)
    assert "path: /readyz" in after
    assert missing(run, "deploy") == set()


def test_it_writes_just_what_render_writes(run: Callable, write: Callable) -> None:
    mended = write("mended/shop.yaml", SHOP)
    rendered = write("rendered/shop.yaml", SHOP)
    write("rules/web.yaml", RULE)
    run("lint", "-f", "mended", "--rules", "rules", "--fix")
    run("render", "-f", "rendered", "--rules", "rules", "--in-place")
    assert mended.read_text() == rendered.read_text()


def test_a_second_time_changes_nothing(run: Callable, write: Callable) -> None:
    path = write("shop.yaml", DERIVED)
    run("lint", "-f", "shop.yaml", "--fix", "--unproven")
    once = path.read_text()
    outcome = run("lint", "-f", "shop.yaml", "--fix", "--unproven")
    assert outcome.code == ExitCode.OK
    assert "changed by --fix" not in outcome.err
    assert path.read_text() == once != DERIVED


def test_only_missing_probes_make_a_hint_at_unproven(run: Callable, write: Callable) -> None:
    write("shop.yaml", DERIVED)
    run("lint", "-f", "shop.yaml", "--fix", "--unproven")
    rule = "apiVersion: apphealth.dev/v1alpha1\nkind: ClusterAppHealth\nmetadata: {name: all}\n"
    write(
        "rules.yaml", rule + "spec: {selector: {}, namespaceSelector: {}, containers: [{name: absent, preset: auto}]}\n"
    )
    outcome = run("lint", "-f", "shop.yaml", "--rules", "rules.yaml", "--fix", "--fail-on", "warning")
    assert "container-missing" in outcome.text
    assert "--unproven writes them" not in outcome.err


UNTOLD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: main
        image: shop/web:1.4
        ports: [{name: http, containerPort: 8080}]
"""


@pytest.mark.parametrize("args", [["--unproven"], ["--unproven", "--diff"], []])
def test_where_nothing_can_be_written_it_says_what_to_type(run: Callable, write: Callable, args: list[str]) -> None:
    path = write("web.yaml", UNTOLD)
    outcome = run("lint", "web.yaml", "--fix", *args)
    assert "nothing tells what Deployment/default/web (main) serves" in outcome.err
    assert "apphealth.dev/preset: NAME" in outcome.err
    typed = UNTOLD.replace("labels: {app: web}\n    spec", "labels: {app: web}\n"
                           "      annotations: {apphealth.dev/preset: spring-boot}\n    spec")  # fmt: skip
    assert typed != path.write_text(typed)
    assert run("lint", "web.yaml", "--fix", "--fail-on", "info").code == ExitCode.OK
    assert "readinessProbe:" in path.read_text()


def test_what_is_only_derived_is_written_with_unproven_alone(run: Callable, write: Callable) -> None:
    path = write("shop.yaml", DERIVED)
    outcome = run("lint", "-f", "shop.yaml", "--fix")
    assert outcome.code == ExitCode.CHANGES
    assert "--unproven writes them" in outcome.err
    assert path.read_text() == DERIVED
    run("lint", "-f", "shop.yaml", "--fix", "--unproven")
    assert "# unproven: " in path.read_text()
    assert missing(run, "shop.yaml") == set()


@pytest.mark.parametrize(
    ("ignored", "written", "left"),
    [
        pytest.param("liveness-missing", "readinessProbe", "livenessProbe", id="liveness"),
        pytest.param("readiness-missing", "livenessProbe", "readinessProbe", id="readiness"),
    ],
)
def test_what_is_ignored_stays_missing(run: Callable, write: Callable, ignored: str, written: str, left: str) -> None:
    path = write("shop.yaml", SHOP.replace("{}", f'{{apphealth.dev/ignore-{ignored}: "as it is"}}'))
    write("rules/web.yaml", RULE.replace("selector: {}", "selector: {}\n  mode: Enforce"))
    assert run("lint", "-f", "shop.yaml", "--fix", "--rules", "rules").code == ExitCode.OK
    assert written in path.read_text()
    assert f"{left}:" not in path.read_text()


def test_a_diff_shows_it_and_writes_nothing(run: Callable, write: Callable) -> None:
    path = write("shop.yaml", DERIVED)
    outcome = run("lint", "-f", "shop.yaml", "--fix", "--unproven", "--diff")
    assert outcome.code == ExitCode.CHANGES
    assert outcome.text.startswith("--- a/shop.yaml\n+++ b/shop.yaml\n")
    assert path.read_text() == DERIVED


def test_nothing_is_written_where_something_cant_be_read(run: Callable, write: Callable) -> None:
    path = write("shop.yaml", DERIVED)
    write("broken.yaml", "apiVersion: [\n")
    assert run("lint", "-f", ".", "--fix", "--unproven").code == ExitCode.INPUT
    assert path.read_text() == DERIVED


def test_what_is_found_and_is_no_manifest_is_in_nobodys_way(run: Callable, write: Callable) -> None:
    path = write("shop.yaml", DERIVED)
    write("chart/templates/web.yaml", "a: {{ .Values.a }}\nb: c: {{ d }}\n")
    assert run("lint", "-f", ".", "--fix", "--unproven").code == ExitCode.OK
    assert "livenessProbe" in path.read_text()


def test_variants_are_told_to_be_mended_one_by_one(run: Callable, write: Callable) -> None:
    write("base/shop.yaml", DERIVED)
    path = write("overlay/shop.yaml", DERIVED.replace("1.4", "1.5"))
    outcome = run("lint", "-f", ".", "--fix", "--unproven")
    assert outcome.code == ExitCode.INPUT
    assert "is defined twice" in outcome.text
    assert path.read_text().count("livenessProbe") == 0


def test_stateful_sets_and_daemon_sets_are_mended_too(run: Callable, write: Callable) -> None:
    write("rules/web.yaml", RULE)
    for kind in ("StatefulSet", "DaemonSet"):
        path = write(f"{kind}/shop.yaml", SHOP.replace("kind: Deployment", f"kind: {kind}"))
        run("lint", "-f", kind, "--rules", "rules", "--fix")
        assert "readinessProbe" in path.read_text(), kind


@pytest.mark.parametrize("image", ["postgres:17", "redis:8", "rabbitmq:4", "mongo:8"])
def test_what_it_writes_has_no_findings_of_its_own(run: Callable, write: Callable, image: str) -> None:
    path = write("db.yaml", SHOP.replace("shop/web:1.4", image).replace("8080", "5432"))
    assert run("lint", "-f", "db.yaml", "--fix", "--unproven", "--fail-on", "info").code == ExitCode.OK
    assert "readinessProbe" in path.read_text()


@pytest.mark.parametrize("preset", sorted(set(ALL) - {"http"}))
def test_what_a_preset_writes_is_right_in_the_eyes_of_lint(run: Callable, write: Callable, preset: str) -> None:
    write("shop.yaml", SHOP)
    write("rules/web.yaml", RULE.partition("  probes:")[0] + f"  preset: {preset}\n")
    args = ("lint", "-f", "shop.yaml", "--rules", "rules", "-o", "json")
    run(*args, "--fix", "--unproven")
    found = {one["id"] for one in json.loads(run(*args).text)["findings"]}
    lives = ALL[preset].endpoints("").get(ProbeKind.LIVENESS)
    assert found <= {"port-number", "port-number" if lives else "liveness-missing"}


@pytest.mark.parametrize(
    ("image", "env"),
    [
        pytest.param("gitea/gitea:1.24", "[]", id="by image"),
        pytest.param("shop/web:1.4", "[{name: APPHEALTH_PREFIX, value: /z}]", id="by env"),
    ],
)
def test_what_auto_derives_is_right_without_the_rule_too(run: Callable, write: Callable, image: str, env: str) -> None:
    write(
        "shop.yaml",
        SHOP.replace("shop/web:1.4", image).replace("        ports:", f"        env: {env}\n        ports:"),
    )
    run("lint", "-f", "shop.yaml", "--fix", "--unproven")
    found = json.loads(run("lint", "-f", "shop.yaml", "-o", "json").text)["findings"]
    assert {one["id"] for one in found if one["severity"] != "info"} == set()
