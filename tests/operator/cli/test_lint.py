"""`apphealth lint` from the shell: what it reads, what it tells, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.operator.cli.objects import PORT, SERVICE, deployment

from apphealth.cli.errors import ExitCode

DEPLOYMENT = deployment(PORT, metadata="\n  name: web")
BOTH = f"{SERVICE}---\n{DEPLOYMENT}"
LIVENESS = "        livenessProbe: {httpGet: {path: /livez, port: http}}\n"
READINESS = "        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5}\n"
GOOD = f"{BOTH}{LIVENESS}{READINESS}"


def annotated(text: str, *annotations: str) -> str:
    lines = "".join(f"    {annotation}\n" for annotation in annotations)
    return text.replace("  name: web\nspec:", f"  name: web\n  annotations:\n{lines}spec:", 1)


@pytest.fixture
def findings(run: Callable, write: Callable) -> Callable[..., list[dict[str, Any]]]:
    """Lint a text, and return what was found."""

    def call(text: str, *args: str) -> list[dict[str, Any]]:
        write("m.yaml", text)
        return json.loads(run("lint", "-f", "m.yaml", "-o", "json", *args).text)["findings"]

    return call


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in found if one["ignored"] is None and not one["accepted"]]


@pytest.mark.parametrize(
    ("text", "args", "code"),
    [
        pytest.param(GOOD, [], ExitCode.OK, id="nothing"),
        pytest.param(GOOD, ["--fail-on", "info"], ExitCode.OK, id="nothing at all"),
        pytest.param(BOTH, [], ExitCode.CHANGES, id="an error"),
        pytest.param(BOTH, ["--fail-on", "never"], ExitCode.OK, id="an error that is only told"),
        pytest.param(DEPLOYMENT, [], ExitCode.OK, id="information"),
        pytest.param(DEPLOYMENT, ["--fail-on", "warning"], ExitCode.OK, id="information below a warning"),
        pytest.param(DEPLOYMENT, ["--fail-on", "info"], ExitCode.CHANGES, id="information that fails"),
        pytest.param("a: [", ["--fail-on", "never"], ExitCode.INPUT, id="what can't be read"),
    ],
)
def test_the_exit_code_says_what_was_found(
    run: Callable, write: Callable, text: str, args: list[str], code: ExitCode
) -> None:
    write("m.yaml", text)
    assert run("lint", "-f", "m.yaml", *args).code == code
    assert run("lint", "m.yaml", *args).code == code


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param([], "nothing to check: give -f PATH or --cluster", id="nothing to look at"),
        pytest.param(["-f", ".", "--cluster"], "-f and --cluster exclude each other", id="files and cluster"),
        pytest.param(["-f", ".", "-A"], "need --cluster", id="namespaces without a cluster"),
        pytest.param(["-f", "-", "--fix"], "has no file to write", id="mending standard input"),
        pytest.param(["--cluster", "--fix"], "--fix writes files", id="mending a cluster"),
        pytest.param(["-f", ".", "--diff"], "--diff needs --fix", id="a diff of nothing"),
        pytest.param(["-f", "-", "--rules", "-"], "can be read only once", id="standard input twice"),
        pytest.param(["--explain", "probe-identical"], "did you mean probes-identical?", id="a rule that isn't there"),
    ],
)
def test_a_command_line_that_contradicts_itself_is_refused(run: Callable, args: list[str], words: str) -> None:
    outcome = run("lint", *args)
    assert outcome.code == ExitCode.USAGE
    assert words in outcome.err


def test_a_line_tells_place_severity_object_rule_and_fix(run: Callable, write: Callable) -> None:
    write("deploy/web.yaml", BOTH)
    first = run("lint", "-f", "deploy").text.splitlines()[0]
    assert first.startswith("deploy/web.yaml:18:9: error: Deployment/default/web: container web: the Service web sends")
    assert "[readiness-missing]. Fix: add a readinessProbe" in first


JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: NAME}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}
"""
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml]\n"
OLD = DEPLOYMENT.replace("apps/v1", "extensions/v1beta1")
AUDIT = """\
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec: {mode: Audit, selector: {}}
"""
NOTHING = [
    pytest.param(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": []}), "no Kubernetes object", id="empty List"
    ),
    pytest.param("", "before the pipe", id="nothing"),
    pytest.param("---\n---\n# only a comment\n", "no Kubernetes object", id="empty documents"),
    pytest.param("Error: chart not found\n", "no Kubernetes object", id="an error's text"),
    pytest.param("root:x:0:0\n", "no Kubernetes object", id="some text"),
    pytest.param(KUSTOMIZATION, "kubectl kustomize", id="a kustomization"),
    pytest.param(JOB, "1 CronJob", id="a job"),
    pytest.param(OLD, "1 Deployment (extensions/v1beta1)", id="an API version of old"),
    pytest.param(PATCH, "only part of one", id="a patch"),
    pytest.param("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "1 Secret", id="other kinds"),
]


@pytest.mark.parametrize(("text", "words"), NOTHING)
def test_nothing_to_judge_is_no_success(run: Callable, text: str, words: str) -> None:
    outcome = run("lint", "-f", "-", "--fail-on", "never", stdin=text.encode())
    assert (outcome.code, outcome.text) == (ExitCode.INPUT, "")
    assert "nothing to judge" in outcome.err
    assert words in outcome.err
    allowed = run("lint", "-f", "-", "--allow-empty", stdin=text.encode())
    assert (allowed.code, allowed.text) == (ExitCode.OK, "")
    assert "0 objects" in allowed.err


def test_a_rule_is_something_to_judge(run: Callable) -> None:
    assert run("lint", "-f", "-", stdin=AUDIT.encode()).code == ExitCode.OK


def test_a_directory_of_templates_or_of_overlays_is_nothing_to_judge(run: Callable, write: Callable) -> None:
    write("chart/templates/web.yaml", "a: {{ .Values.a }}\n")
    write("chart/Chart.yaml", "apiVersion: v2\nname: web\n")
    outcome = run("lint", "chart")
    assert outcome.code == ExitCode.INPUT
    assert "helm template" in outcome.err
    write("overlay/kustomization.yaml", KUSTOMIZATION)
    outcome = run("lint", "overlay")
    assert outcome.code == ExitCode.INPUT
    assert "kubectl kustomize overlay | apphealth lint -f -" in outcome.err


def test_what_was_not_judged_is_said(run: Callable, write: Callable) -> None:
    write("web.yaml", GOOD)
    write("a.yaml", JOB)
    write("b.yaml", JOB.replace("NAME", "other"))
    write("c.yaml", OLD.replace("web", "old"))
    outcome = run("lint", ".")
    assert outcome.code == ExitCode.OK
    assert "not judged: 2 CronJobs, 1 Deployment (extensions/v1beta1)" in outcome.err
    summary = json.loads(run("lint", ".", "-o", "json").text)["summary"]
    assert summary["notJudged"] == {"CronJob": 2, "Deployment (extensions/v1beta1)": 1}


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: shop/web:1.4
    ports: [{name: http, containerPort: 8080}]
    livenessProbe: {httpGet: {path: /livez, port: web}}
"""
BARE = [
    pytest.param(POD, "spec.containers[web]", id="a Pod"),
    pytest.param(POD.replace("name: web,", "generateName: web-,"), "spec.containers[web]", id="a Pod without a name"),
    pytest.param(DEPLOYMENT.replace("Deployment", "ReplicaSet") + LIVENESS.replace("http}", "web}"),
                 "spec.template.spec.containers[web]", id="a ReplicaSet"),
    pytest.param(DEPLOYMENT.replace("Deployment", "ReplicationController").replace("apps/v1", "v1")
                 .replace("{matchLabels: {app: web}}", "{app: web}") + LIVENESS.replace("http}", "web}"),
                 "spec.template.spec.containers[web]", id="a ReplicationController"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field"), BARE)
def test_pods_without_a_controller_of_ours_are_judged(findings: Callable, text: str, field: str) -> None:
    found = {one["id"]: one for one in findings(f"{SERVICE}---\n{text}")}
    assert set(found) == {"readiness-missing", "port-unresolved"}
    assert found["readiness-missing"]["field"] == field
    assert found["port-unresolved"]["field"] == f"{field}.livenessProbe.httpGet.port"
    assert set(ids(findings(f"{SERVICE}---\n{text}{RULE}"))) == set(found)  # the operator writes to none of them


def test_pods_that_have_an_owner_are_left_to_it(run: Callable) -> None:
    owned = POD.replace("labels: {app: web}", "labels: {app: web}, ownerReferences: [{kind: ReplicaSet, name: x}]")
    assert " in 1 object\n" in run("lint", "-f", "-", stdin=f"{SERVICE}---\n{owned}".encode()).err


def test_a_service_leads_to_the_pods_of_its_own_directory(run: Callable, write: Callable) -> None:
    write("one/service.yaml", SERVICE)
    write("one/web.yaml", DEPLOYMENT + LIVENESS + READINESS)
    write("two/web.yaml", DEPLOYMENT.replace("name: web\nspec", "name: two\nspec") + LIVENESS)
    assert run("lint", ".", "--fail-on", "info").code == ExitCode.OK
    write("three/web.yaml", POD)
    assert ids(json.loads(run("lint", "one/service.yaml", "three", "-o", "json").text)["findings"]) == [
        "readiness-missing",
        "port-unresolved",
    ]


def test_names_of_kinds_that_lint_doesn_t_judge_may_be_anything(run: Callable, write: Callable) -> None:
    write("web.yaml", f"{GOOD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '${{APP}}-config'}}\n")
    assert run("lint", "web.yaml").code == ExitCode.OK
    write("web.yaml", GOOD.replace("metadata:\n  name: web", "metadata:\n  name: ${APP}"))
    outcome = run("lint", "web.yaml")
    assert outcome.code == ExitCode.INPUT
    assert "replace its variables first (envsubst" in outcome.text


def test_standard_input_lists_and_json_are_read(run: Callable) -> None:
    import yaml

    items = list(yaml.safe_load_all(BOTH))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
    found = json.loads(run("lint", "-f", "-", "-o", "json", stdin=text.encode()).text)["findings"]
    assert ids(found) == ["readiness-missing", "liveness-missing"]
    line = text.splitlines()[found[0]["line"] - 1]
    assert line.strip() == "{"
    assert found[0]["field"] == "spec.template.spec.containers[web]"


def test_variants_of_an_object_are_judged_one_by_one(run: Callable, write: Callable) -> None:
    write("base/web.yaml", GOOD)
    write("overlay/web.yaml", BOTH)
    outcome = run("lint", "-f", ".")
    assert outcome.code == ExitCode.CHANGES
    assert {line.partition(":")[0] for line in outcome.text.splitlines()} == {"overlay/web.yaml"}


def test_patches_are_passed_over_and_what_lacks_only_a_selector_is_not(findings: Callable, run: Callable) -> None:
    whole = BOTH.replace("  selector: {matchLabels: {app: web}}\n", "")
    assert ids(findings(whole)) == ["readiness-missing", "liveness-missing"]
    assert ids(findings(whole.replace("        image: shop/web:1.4\n", ""))) == []
    assert "m.yaml:8: Deployment web is skipped: it is only part of one" in run("lint", "m.yaml").err


def test_templates_in_a_directory_are_left_out_and_told(run: Callable, write: Callable) -> None:
    write("chart/templates/web.yaml", "metadata:\n  name: {{ .Release.Name }}\n  x: y: {{ z }}\n")
    write("chart/other.yaml", GOOD)
    outcome = run("lint", "-f", "chart")
    assert outcome.code == ExitCode.OK
    assert "chart/templates/web.yaml: skipped: it is the source of a Helm template" in outcome.err
    assert run("lint", "-f", "chart/templates/web.yaml").code == ExitCode.INPUT


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b'{"compilerOptions": {} // why\n}', ExitCode.OK, id="something else"),
        pytest.param(b"apiVersion: v1\nkind: [", ExitCode.INPUT, id="a manifest"),
        pytest.param("apiVersion: v1\nkind: x".encode("utf-16"), ExitCode.INPUT, id="a manifest in UTF-16"),
    ],
)
def test_what_is_found_and_is_no_manifest_need_not_be_readable(
    run: Callable, write: Callable, content: bytes, code: ExitCode
) -> None:
    write("web.yaml", GOOD)
    write("other.json", content)
    outcome = run("lint", "-f", ".")
    assert outcome.code == code
    assert ("other.json: skipped: it can't be parsed, and is no manifest" in outcome.err) is (code == ExitCode.OK)
    assert run("lint", "-f", "other.json").code == ExitCode.INPUT


def test_the_other_files_are_judged_where_one_cant_be_read(run: Callable, write: Callable) -> None:
    write("a.yaml", "apiVersion: [\n")
    write("b.yaml", BOTH)
    outcome = run("lint", "-f", ".")
    assert outcome.code == ExitCode.INPUT
    assert "a.yaml:2:1: error:" in outcome.text
    assert "[input-invalid]" in outcome.text
    assert "[readiness-missing]" in outcome.text


RULE = """\
---
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec:
  mode: Enforce
  selector: {}
  probes: {liveness: {path: /livez}, readiness: {path: /readyz}}
"""

CONTAINERS = RULE.replace("selector: {}", "selector: {}\n  containers: [{name: NAME, preset: tcp}]")


@pytest.mark.parametrize(
    ("name", "expected"),
    [pytest.param("web", [], id="one has it"), pytest.param("wbe", ["Deployment/a"], id="none has it")],
)
def test_a_container_that_a_rule_names_has_to_be_in_one_pod(findings: Callable, name: str, expected: list[str]) -> None:
    others = [DEPLOYMENT.replace("name: web", f"name: {other}") for other in ("a", "b")]
    text = "---\n".join([*others, DEPLOYMENT]) + CONTAINERS.replace("NAME", name)
    found = [one for one in findings(text) if one["id"] == "container-missing"]
    assert [f"{one['kind']}/{one['name']}" for one in found] == expected
    assert all("its containers: a, b, web" in one["message"] for one in found)


ENFORCED = """\
---
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec: {mode: Enforce, selector: {}}
"""


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(RULE, [], id="in force"),
        pytest.param(RULE.replace("Enforce", "Audit"), ["readiness-missing", "liveness-missing"], id="only told"),
        pytest.param(RULE.replace("Enforce", "Audit").replace("AppHealth", "ClusterAppHealth") + ENFORCED,
                     ["readiness-missing", "liveness-missing"], id="only told, beside one in force"),
        pytest.param(RULE.replace("{}", "{matchLabels: {app: other}}"),
                     ["readiness-missing", "liveness-missing"], id="for others"),
        pytest.param(RULE.replace("readiness: {path: /readyz}", "readiness: {enabled: false}"),
                     ["readiness-missing"], id="that leaves one out"),
    ],
)  # fmt: skip
def test_what_a_rule_gives_is_not_missing(
    findings: Callable, run: Callable, write: Callable, rule: str, expected: list[str]
) -> None:
    assert ids(findings(BOTH + rule)) == expected
    write("rule.yaml", rule)
    assert ids(findings(BOTH, "--rules", "rule.yaml")) == expected


@pytest.mark.parametrize(
    ("annotation", "ignored", "reason"),
    [
        pytest.param('apphealth.dev/ignore-readiness-missing: "it is a batch"', {"readiness-missing"}, "it is a batch",
                     id="ours"),
        pytest.param('apphealth.dev/ignore-readiness-missing: ""', {"readiness-missing"}, "no reason given",
                     id="ours without a reason"),
        pytest.param('apphealth.dev/ignore: "legacy"', {"readiness-missing", "liveness-missing"}, "legacy", id="all"),
        pytest.param("kube-score/ignore: service-type, pod-probes", {"readiness-missing", "liveness-missing"},
                     "no reason given", id="kube-score"),
        pytest.param('ignore-check.kube-linter.io/no-readiness-probe: "a worker"', {"readiness-missing"}, "a worker",
                     id="kube-linter"),
        pytest.param('kube-linter.io/ignore-all: "vendor"', {"readiness-missing", "liveness-missing"}, "vendor",
                     id="kube-linter, all"),
        pytest.param('polaris.fairwinds.com/livenessProbeMissing-exempt: "true"', {"liveness-missing"},
                     "no reason given", id="polaris"),
        pytest.param('polaris.fairwinds.com/livenessProbeMissing-exempt: "false"', set(), "", id="polaris, not"),
        pytest.param('polaris.fairwinds.com/exempt: "true"', {"readiness-missing", "liveness-missing"},
                     "no reason given", id="polaris, all"),
        pytest.param("checkov.io/skip1: CKV_K8S_8=it ends", {"liveness-missing"}, "it ends", id="checkov"),
        pytest.param("kube-score/ignore: service-type", set(), "", id="another check"),
        pytest.param('apphealth.dev/ignore-nothing: "x"', set(), "", id="another rule"),
    ],
)  # fmt: skip
def test_what_annotations_ignore_is_shown_with_the_reason(
    findings: Callable, run: Callable, annotation: str, ignored: set[str], reason: str
) -> None:
    found = findings(annotated(BOTH, annotation))
    assert {one["id"] for one in found} == {"readiness-missing", "liveness-missing"}
    told = {one["id"]: one["ignored"] for one in found if one["ignored"] is not None}
    assert set(told) == ignored
    assert all(why["reason"] == reason and why["by"].partition(": ")[0] in annotation for why in told.values())
    text = run("lint", "-f", "m.yaml")
    assert all(f"Because: {reason}" in line for line in text.text.splitlines() if ": ignored: " in line)
    assert text.code == (ExitCode.OK if "readiness-missing" in ignored else ExitCode.CHANGES)


def test_annotations_of_the_pod_template_and_the_namespace_count_too(findings: Callable) -> None:
    template = BOTH.replace(
        "metadata: {labels: {app: web}}",
        'metadata: {labels: {app: web}, annotations: {apphealth.dev/ignore-readiness-missing: "why"}}',
    )
    assert ids(findings(template)) == ["liveness-missing"]
    namespace = (
        'kind: Namespace\napiVersion: v1\nmetadata: {name: shop, annotations: {apphealth.dev/ignore: "theirs"}}\n'
    )
    assert ids(findings(f"{BOTH}---\n{namespace}", "-n", "shop")) == []
    assert ids(findings(f"{BOTH}---\n{namespace}")) == ["readiness-missing", "liveness-missing"]


def test_a_port_is_ignored_for_the_probe_that_is_meant(findings: Callable) -> None:
    text = GOOD.replace("port: http}", "port: web}")
    annotation = 'ignore-check.kube-linter.io/liveness-port: "named by the mesh"'
    assert ids(findings(text)) == ["port-unresolved", "port-unresolved"]
    found = findings(annotated(text, annotation))
    assert [one["field"].rpartition("livenessProbe")[1] for one in found if one["ignored"]] == ["livenessProbe"]
    assert ids(found) == ["port-unresolved"]


@pytest.mark.parametrize(
    ("annotation", "id_"),
    [
        pytest.param("preset: flaks", "preset-unknown", id="an unknown preset"),
        pytest.param('port: "99999"', "annotation-invalid", id="a port that there is not"),
    ],
)
def test_a_mistake_in_an_annotation_needs_no_rule_to_be_told(findings: Callable, annotation: str, id_: str) -> None:
    labels = "metadata: {labels: {app: web}"
    text = GOOD.replace(f"{labels}}}", f"{labels}, annotations: {{apphealth.dev/{annotation}}}}}")
    assert id_ in ids(findings(text))


def test_a_port_that_a_rule_sends_a_probe_to_in_vain_is_told(findings: Callable) -> None:
    rule = "apiVersion: apphealth.dev/v1alpha1\nkind: AppHealth\nmetadata: {name: web}\nspec:\n  selector: {}\n"
    found = findings(f"{BOTH}{READINESS}---\n{rule}  probes: {{liveness: {{path: /livez, port: admin}}}}\n")
    told = next(one for one in found if one["id"] == "port-unresolved")
    assert "probes.liveness.port: port 'admin'" in told["message"]


def test_a_baseline_accepts_what_is_there_and_tells_what_is_new(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("old.yaml", BOTH)
    written = run("lint", "-f", ".", "--write-baseline", "lint.json")
    assert written.code == ExitCode.OK
    assert len(json.loads((tmp_path / "lint.json").read_text())["findings"]) == 2
    # The file moves and its lines too; a container comes before the other, and a new workload is there.
    (tmp_path / "old.yaml").unlink()
    first = "      - {name: a, image: x}\n"
    write("moved/here.yaml", f"# comment\n\n{BOTH.replace('      - name: web', f'{first}      - name: web')}")
    assert run("lint", "-f", ".", "--baseline", "lint.json").code == ExitCode.OK
    write("new.yaml", BOTH.replace("web", "api"))
    outcome = run("lint", "-f", ".", "--baseline", "lint.json")
    assert outcome.code == ExitCode.CHANGES
    assert {line.partition(":")[0] for line in outcome.text.splitlines()} == {"new.yaml"}
    assert "2 in the baseline" in outcome.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("{", "is not a baseline of apphealth", id="broken"),
        pytest.param("[]", "is not a baseline of apphealth", id="something else"),
        pytest.param('{"version": 9, "findings": []}', "has version 9", id="of another version"),
        pytest.param(None, "can't be read: No such file", id="not there"),
    ],
)
def test_a_baseline_that_cant_be_read_is_said(run: Callable, write: Callable, content: str | None, words: str) -> None:
    if content is not None:
        write("lint.json", content)
    outcome = run("lint", "-f", ".", "--baseline", "lint.json")
    assert outcome.code == ExitCode.INPUT
    assert words in outcome.err


def test_what_cant_be_read_is_never_accepted(run: Callable, write: Callable) -> None:
    write("a.yaml", "apiVersion: [\n")
    assert run("lint", "-f", ".", "--write-baseline", "lint.json").code == ExitCode.INPUT
    assert run("lint", "-f", "a.yaml", "--baseline", "lint.json").code == ExitCode.INPUT


def test_explain_tells_what_why_and_what_to_do(run: Callable) -> None:
    outcome = run("lint", "--explain", "probes-identical")
    assert outcome.code == ExitCode.OK
    assert outcome.text.startswith("probes-identical (warning): Liveness asks what readiness asks")
    assert "docs/lint/probes-identical.md" in outcome.text


def test_a_terminal_gets_a_table_by_object(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    write("web.yaml", annotated(BOTH, 'apphealth.dev/ignore-liveness-missing: "ends by itself"'))
    monkeypatch.setattr("apphealth.cli.lint.text.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    text = run("lint", "-f", "web.yaml").text
    assert text.startswith("Deployment/default/web  web.yaml\n")
    assert "because: ends by itself (apphealth.dev/ignore-liveness-missing)" in text
    assert "docs/lint" not in text  # which nobody has who installed it


def test_the_page_names_every_field_of_the_json(findings: Callable) -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    section = page.partition("\n## lint\n")[2].partition("\n## ")[0]
    assert all(f"`{field}`" in section for field in findings(BOTH)[0])
