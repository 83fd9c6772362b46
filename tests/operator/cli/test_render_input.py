"""What render reads, and what it says of what it can't use: all of it at once, with the place, and nothing written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from apphealth.cli.errors import ExitCode
from apphealth.cli.manifests import sources

SAMPLES = Path(__file__).parent / "data" / "samples"
DEPLOYMENT = (SAMPLES / "deployment.yaml").read_text()
RENDERED = (SAMPLES / "rendered.yaml").read_text()
RULE = (SAMPLES / "rule.yaml").read_text()

BAD = {
    "broken YAML": ("a: [1\n", "bad.yaml:2:1: did not find expected ',' or ']'"),
    "a tab": ("a:\n\tb: 1\n", "bad.yaml:2:1: a tab where YAML wants spaces"),
    "a key twice": ("a: 1\na: 2\n", 'bad.yaml:2:1: the key "a" is defined twice, first on line 1'),
    "a Helm template": ("kind: {{ .Values.kind }}\n", "render it first (helm template"),
    "binary": (b"\x00\x01\x02", "bad.yaml:1:1: the character U+0000 is not allowed; is this a text file?"),
    "another encoding": ("a: ü".encode("latin-1"), "bad.yaml:1:4: byte 0xfc is not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "bad.yaml: is in UTF-16; save it as UTF-8"),
    "an unknown field": (
        RULE.replace("preset:", "presett:"),
        'bad.yaml:7:3: AppHealth all: spec.presett: no such field; did you mean preset?',
    ),
    "a wrong value in a list": (
        RULE + "  containers:\n  - name: a\n    probes: {liveness: {periodSeconds: 0}}\n",
        "bad.yaml:10:25: AppHealth all: spec.containers[0].probes.liveness.periodSeconds: must be a number from 1",
    ),
    "another version": (RULE.replace("v1alpha1", "v9"), "AppHealth all: apiVersion: must be apphealth.dev/v1alpha1"),
    "no name": (DEPLOYMENT.replace("  name: web\n", "  nam: web\n", 1), "bad.yaml:3:1: Deployment needs a"),
    "a name that is a number": (DEPLOYMENT.replace("name: web", "name: 1", 1), "bad.yaml:4:3: Deployment needs a"),
    "a name that no cluster takes": (
        DEPLOYMENT.replace("name: web", "name: ../../web", 1),
        'bad.yaml:4:3: the name "../../web" must consist of at most 253 lower-case letters, digits, - and .',
    ),
    "a name that Helm has yet to fill in": (
        DEPLOYMENT.replace("name: web", 'name: "{{ .Release.Name }}"', 1),
        "bad.yaml:4:3: its name is the source of a Helm template",
    ),
    "two different rules of one name": (
        f"{RULE}---\n{RULE.replace('tcp', 'http')}",
        "AppHealth default/all is defined twice, first at bad.yaml:1; keep one",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), [pytest.param(*case, id=name) for name, case in BAD.items()])
def test_input_that_cannot_be_used_is_placed_and_nothing_is_written(
    run: Callable, write: Callable, content: str | bytes, words: str
) -> None:
    write("bad.yaml", content)
    good = write("good.yaml", DEPLOYMENT)
    outcome = run("render", "-f", "bad.yaml", "-f", "good.yaml", "--in-place")
    assert outcome.code == ExitCode.INPUT
    assert words in outcome.err
    assert outcome.err.endswith("apphealth: 1 problem in the input; nothing was written\n")
    assert "Traceback" not in outcome.err
    assert good.read_text() == DEPLOYMENT
    assert outcome.out == b""


def test_all_problems_of_all_files_are_told_at_once(run: Callable, write: Callable) -> None:
    write("k/a.yaml", "a: [\n")
    write("k/b.yaml", RULE.replace("preset", "presett").replace("selector", "selektor"))
    write("k/c.yaml", DEPLOYMENT)
    outcome = run("render", "-f", "k", "-f", "missing.yaml")
    assert outcome.code == ExitCode.INPUT
    places = [line.split(": ")[0] for line in outcome.err.splitlines()]
    assert places == ["k/a.yaml:2:1", "k/b.yaml:6:3", "k/b.yaml:7:3", "missing.yaml", "apphealth"]
    assert "missing.yaml: can't be read: No such file or directory" in outcome.err


def test_a_file_without_rules_is_refused_as_a_source_of_rules(run: Callable, write: Callable) -> None:
    write("rules.yaml", DEPLOYMENT)
    write("web.yaml", DEPLOYMENT)
    outcome = run("render", "-f", "web.yaml", "--rules", "rules.yaml")
    assert outcome.code == ExitCode.INPUT
    assert "rules.yaml: holds no AppHealth and no ClusterAppHealth" in outcome.err


def test_a_folder_of_rules_may_hold_other_files(run: Callable, write: Callable) -> None:
    write("rules/all.yaml", RULE)
    write("rules/values.yaml", "replicas: 2\n")
    outcome = run("render", "-f", "-", "--rules", "rules", stdin=DEPLOYMENT.encode())
    assert outcome.text == RENDERED


def test_a_misspelt_kind_of_ours_is_refused(run: Callable, write: Callable) -> None:
    write("all.yaml", DEPLOYMENT + "---\n" + RULE.replace("kind: AppHealth", "kind: Apphealth"))
    outcome = run("render", "-q", "-f", "all.yaml")
    assert outcome.code == ExitCode.INPUT
    assert 'there is no kind "Apphealth" in apphealth.dev; did you mean AppHealth?' in outcome.err


def test_rules_from_elsewhere_count_and_are_not_put_out(run: Callable, write: Callable) -> None:
    write("rules/all.yaml", RULE)
    outcome = run("render", "-f", "-", "--rules", "rules", stdin=DEPLOYMENT.encode())
    assert outcome.text == RENDERED
    assert "rules: AppHealth/default/all" in outcome.err


def test_without_any_rule_the_built_in_one_is_used_and_said(run: Callable) -> None:
    stdin = DEPLOYMENT.replace("image: x", "image: x\n        env: [{name: APPHEALTH_PREFIX, value: /z}]").encode()
    outcome = run("render", "-f", "-", stdin=stdin)
    assert outcome.err.startswith(
        "there is no AppHealth or ClusterAppHealth in the input, so the built-in rule is used"
    )
    assert "(needs-proof)" in outcome.err
    assert outcome.out == stdin


def test_directories_are_searched_and_each_file_is_read_once(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("k/rule.json", '{"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": {"name": "all"},'
          ' "spec": {"selector": {}, "preset": "tcp"}}')  # fmt: skip
    write("k/below/web.YML", DEPLOYMENT)
    write("k/.hidden/broken.yaml", "a: [")
    write("k/.broken.yaml", "a: [")
    write("k/notes.txt", "a: [")
    (tmp_path / "k/below/up").symlink_to(tmp_path / "k")
    (tmp_path / "k/loop").symlink_to(tmp_path / "k/loop")
    (tmp_path / "k/again.yaml").symlink_to(tmp_path / "k/below/web.YML")
    outcome = run("render", "-f", "k", "-f", "k/below/web.YML", "--diff")
    assert outcome.code == ExitCode.OK
    assert outcome.text.count("+        readinessProbe:") == 1
    assert outcome.text.startswith("--- a/k/again.yaml\n")


def test_a_link_to_nowhere_is_told(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k/web.yaml").symlink_to(tmp_path / "k/web.yaml")
    outcome = run("render", "-f", "k")
    assert outcome.code == ExitCode.INPUT
    assert "k/web.yaml: can't be read: Too many levels of symbolic links" in outcome.err


def test_an_empty_directory_is_told(run: Callable, tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    assert "k: no .yaml, .yml or .json file in this directory or below" in run("render", "-f", "k").err


def test_a_file_that_is_too_large_is_told(run: Callable, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 1024 * 1024)
    write("k.yaml", "#" * (1024 * 1024 + 1))
    assert "k.yaml: is larger than 1 MiB; split it" in run("render", "-f", "k.yaml").err


def test_a_pipe_can_be_read(run: Callable, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(DEPLOYMENT,))
    writer.start()
    outcome = run("render", "-f", "pipe")
    writer.join()
    assert outcome.text == DEPLOYMENT


PASSED = {
    "nothing at all": b"",
    "only comments": b"# nothing\n---\n# here\n",
    "other kinds": b"apiVersion: v1\nkind: Secret\nmetadata: {name:  s}\ndata: {a: !!binary aGk=}\n",
    "an unknown tag": b"a: !Ref b\nc: !reference [d, e]\n",
    "no Kubernetes object": b"- just\n-   a list\n",
    "a byte order mark": b"\xef\xbb\xbfa: 1\n",
    "Windows line endings": b"a: 1\r\n---\r\nb:  2",
    "a Deployment to be named by the server": DEPLOYMENT.replace("name: web", "generateName: web-", 1).encode(),
    "a Deployment of an old version": DEPLOYMENT.replace("apps/v1", "extensions/v1beta1").encode(),
    "part of a Deployment": b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
    "JSON": b'{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": "?"}}',
    "a rule in mode Audit": (RULE.replace("preset: tcp", "preset: tcp\n  mode: Audit") + "---\n" + DEPLOYMENT).encode(),
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in PASSED.items()])
def test_what_is_not_ours_to_change_is_passed_through_byte_for_byte(run: Callable, content: bytes) -> None:
    outcome = run("render", "-f", "-", stdin=content)
    assert (outcome.code, outcome.out) == (ExitCode.OK, content)


def test_a_dump_of_a_cluster_counts_as_its_authors(run: Callable) -> None:
    managed = "  managedFields:\n  - manager: apphealth\n    operation: Update\n    fieldsV1: {f:spec: {}}\n"
    stdin = (RULE + "---\n" + RENDERED.replace("  name: web\n", f"  name: web\n{managed}", 1)).encode()
    outcome = run("render", "-f", "-", stdin=stdin)
    assert outcome.out == stdin
    assert "readiness kept" in outcome.err


def test_audit_can_be_taken_for_enforce(run: Callable) -> None:
    stdin = (RULE.replace("preset: tcp", "preset: tcp\n  mode: Audit") + "---\n" + DEPLOYMENT).encode()
    assert "would be set" in run("render", "-f", "-", stdin=stdin).err
    assert b"readinessProbe" in run("render", "-f", "-", "--enforce", stdin=stdin).out


def test_commands_are_run_by_probes_only_where_that_is_allowed(run: Callable) -> None:
    rule = RULE.replace(
        "preset: tcp", "probes: {liveness: {type: Exec, command: [check]}, readiness: {enabled: false}}"
    )
    stdin = f"{rule}---\n{DEPLOYMENT}".encode()
    assert "error: container web: liveness is to run a command" in run("render", "-f", "-", stdin=stdin).err
    assert b"command:" in run("render", "-f", "-", "--allow-exec", stdin=stdin).out.split(b"---")[1]


def test_two_equal_documents_are_no_contradiction(run: Callable) -> None:
    stdin = f"{RULE}---\n{DEPLOYMENT}---\n{DEPLOYMENT}".encode()
    assert run("render", "-f", "-", stdin=stdin).text == f"{RULE}---\n{RENDERED}---\n{RENDERED}"


def test_an_anchor_that_carries_a_change_too_far_is_refused(run: Callable) -> None:
    text = DEPLOYMENT.replace("      - name: web\n", "      - &web\n        name: web\n", 1)
    text += "      initContainers:\n      - <<: *web\n        name: first\n"
    outcome = run("render", "-f", "-", stdin=f"{RULE}---\n{text}".encode())
    assert outcome.code == ExitCode.INPUT
    assert "<stdin>: can't be changed in place" in outcome.err
    assert "an anchor is shared by what should differ" in outcome.err


def test_rules_that_contradict_each_other_are_told(run: Callable) -> None:
    other = RULE.replace("name: all", "name: web").replace("preset: tcp", "preset: grpc")
    outcome = run("render", "-f", "-", stdin=f"{RULE}---\n{other}---\n{DEPLOYMENT}".encode())
    assert outcome.code == ExitCode.OK
    assert "warning: AppHealth/default/all and AppHealth/default/web set preset differently" in outcome.err


def test_a_component_is_not_written_from_input_that_cannot_be_used(
    run: Callable, write: Callable, tmp_path: Path
) -> None:
    write("k/web.yaml", DEPLOYMENT)
    write("k/rule.yaml", RULE.replace("preset:", "presett:"))
    outcome = run("render", "-f", "k", "--patches", "p")
    assert outcome.code == ExitCode.INPUT
    assert not (tmp_path / "p").exists()
