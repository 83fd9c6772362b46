"""Where render puts its output, and that nothing is half written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from apphealth.cli.errors import ExitCode

SAMPLES = Path(__file__).parent / "data" / "samples"
DEPLOYMENT = (SAMPLES / "deployment.yaml").read_text()
RENDERED = (SAMPLES / "rendered.yaml").read_text()
RULE = (SAMPLES / "rule.yaml").read_text()
FLASK = DEPLOYMENT.replace("  name: web\n", "  name: api\n", 1).replace(
    "image: x", "image: x\n        env:\n        - name: APPHEALTH_PREFIX\n          value: /z"
)


@pytest.fixture
def tree(write: Callable, tmp_path: Path) -> Path:
    write("k/rule.yaml", RULE)
    write("k/apps/web.yaml", DEPLOYMENT)
    write("k/values.yaml", "replicas: 2\n")
    return tmp_path / "k"


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_directory_becomes_one_stream_of_its_objects(run: Callable, tree: Path) -> None:
    outcome = run("render", "-f", "k")
    assert outcome.text == f"{RENDERED}---\n{RULE}"
    assert run("render", "-f", "-", stdin=outcome.out).out == outcome.out


def test_a_stream_has_one_separator_between_files(run: Callable, write: Callable) -> None:
    write("a.yaml", "# first\n---\na: 1")
    write("b.yaml", "\ufeff# second\n---\nb: 1\n")
    write("c.yaml", "c: 1\n")
    outcome = run("render", "-f", "a.yaml", "-f", "b.yaml", "-f", "c.yaml")
    assert outcome.text == "# first\n---\na: 1\n# second\n---\nb: 1\n---\nc: 1\n"


def test_a_tree_is_written_as_a_tree(run: Callable, tree: Path, tmp_path: Path) -> None:
    assert run("render", "-f", "k", "-o", "out/").code == ExitCode.OK
    assert files(tmp_path / "out") == {"apps/web.yaml": RENDERED, "rule.yaml": RULE, "values.yaml": "replicas: 2\n"}
    assert files(tree)["apps/web.yaml"] == DEPLOYMENT


def test_a_file_is_written_whole(run: Callable, tree: Path, tmp_path: Path) -> None:
    outcome = run("render", "-f", "k", "-o", "out.yaml")
    assert (outcome.code, outcome.out) == (ExitCode.OK, b"")
    assert (tmp_path / "out.yaml").read_text() == f"{RENDERED}---\n{RULE}"


def test_a_device_is_written_to_and_not_replaced(run: Callable, tree: Path) -> None:
    assert run("render", "-f", "k", "-o", "/dev/null").code == ExitCode.OK
    assert not Path("/dev/null").is_file()


def test_in_place_changes_only_what_has_to_change(run: Callable, tree: Path) -> None:
    web, rule = tree / "apps/web.yaml", tree / "rule.yaml"
    web.chmod(0o640)
    untouched = rule.stat()
    assert run("render", "-f", "k", "-i").code == ExitCode.OK
    assert files(tree) == {"apps/web.yaml": RENDERED, "rule.yaml": RULE, "values.yaml": "replicas: 2\n"}
    assert web.stat().st_mode & 0o777 == 0o640
    assert (rule.stat().st_ino, rule.stat().st_mtime_ns) == (untouched.st_ino, untouched.st_mtime_ns)


def test_a_link_stays_a_link(run: Callable, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tree / "apps/web.yaml")
    run("render", "-f", "link.yaml", "--rules", "k/rule.yaml", "-i", "-q")
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tree / "apps/web.yaml").read_text() == RENDERED


def test_the_bytes_around_a_change_stay(run: Callable, write: Callable) -> None:
    before = f"\ufeff{RULE}---\n{DEPLOYMENT}".replace("\n", "\r\n").encode()
    path = write("web.yaml", before)
    assert run("render", "-f", "web.yaml", "-i").code == ExitCode.OK
    assert path.read_bytes() == f"\ufeff{RULE}---\n{RENDERED}".replace("\n", "\r\n").encode()


def test_a_diff_is_what_git_applies(run: Callable, tree: Path, tmp_path: Path) -> None:
    outcome = run("render", "-f", "k", "--diff")
    assert outcome.code == ExitCode.OK
    assert outcome.text.startswith("--- a/k/apps/web.yaml\n+++ b/k/apps/web.yaml\n")
    assert not [line for line in outcome.text.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert files(tree)["apps/web.yaml"] == DEPLOYMENT
    subprocess.run(["git", "apply", "-"], input=outcome.out, cwd=tmp_path, check=True)
    assert files(tree)["apps/web.yaml"] == RENDERED


def test_a_diff_of_a_file_without_a_last_newline_is_what_git_applies(
    run: Callable, write: Callable, tmp_path: Path
) -> None:
    write("rule.yaml", RULE)
    write("web.yaml", DEPLOYMENT.removesuffix("\n"))
    diff = run("render", "-f", "web.yaml", "--rules", "rule.yaml", "--diff").out
    subprocess.run(["git", "apply", "-"], input=diff, cwd=tmp_path, check=True)
    assert (tmp_path / "web.yaml").read_text() == RENDERED.removesuffix("\n")


def test_check_says_by_its_exit_code_whether_all_is_rendered(run: Callable, tree: Path) -> None:
    outcome = run("render", "-f", "k", "--check", "-q")
    assert (outcome.code, outcome.out, outcome.err) == (ExitCode.CHANGES, b"", "k/apps/web.yaml: would change\n")
    assert "+        readinessProbe:" in run("render", "-f", "k", "--check", "--diff", "-q").text
    run("render", "-f", "k", "-i")
    assert run("render", "-f", "k", "--check", "-q").code == ExitCode.OK


def test_quiet_says_nothing(run: Callable, tree: Path) -> None:
    assert run("render", "-f", "k", "-q").err == ""
    assert run("render", "-f", "k/apps", "-q").err == ""


def test_a_file_that_cannot_be_written_is_told_and_none_is(run: Callable, tree: Path, write: Callable) -> None:
    write("out/apps", "a file where a folder should be")
    outcome = run("render", "-f", "k", "-o", "out/")
    assert outcome.code == ExitCode.ENVIRONMENT
    assert "out/apps: can't be written" in outcome.err
    assert [path.name for path in Path("out").iterdir()] == ["apps"]


def test_two_files_for_one_place_are_told(run: Callable, write: Callable) -> None:
    write("a/web.yaml", "a: 1\n")
    write("b/web.yaml", "b: 1\n")
    outcome = run("render", "-f", "a", "-f", "b", "-o", "out/")
    assert outcome.code == ExitCode.INPUT
    assert "two files would become out/web.yaml" in outcome.err


def test_a_json_file_gets_its_config_map_beside_it(run: Callable, write: Callable, tmp_path: Path) -> None:
    pod = {"containers": [{"name": "api", "ports": [{"containerPort": 80}], "env": [{"name": "APPHEALTH_PREFIX"}]}]}
    spec = {"selector": {}, "template": {"spec": pod}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": spec}
    write("k/api.json", json.dumps(deployment))
    assert run("render", "-f", "k", "--check", "--unproven").code == ExitCode.CHANGES
    assert run("render", "-f", "k", "-i", "--unproven").code == ExitCode.OK
    assert '"name": "api-apphealth"' in (tmp_path / "k/api-apphealth.json").read_text()
    assert run("render", "-f", "k", "--check").code == ExitCode.OK
    assert run("render", "-f", "k/api.json", "--check").code == ExitCode.OK


def test_a_config_map_of_ours_follows_the_services(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("k/api.yaml", FLASK)
    run("render", "-f", "k", "-i", "--unproven")
    write(
        "k/api.yaml",
        (tmp_path / "k/api.yaml").read_text().replace("value: /z", "value: /z\n        - {name: DB_HOST, value: db}"),
    )
    write("k/db.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {ports: [{port: 5432}]}\n")
    before = (tmp_path / "k/api.yaml").read_text()
    assert run("render", "-f", "k", "-i", "-n", "shop").code == ExitCode.OK
    after = (tmp_path / "k/api.yaml").read_text()
    assert "tcp://db.shop.svc:5432" in after
    assert after.split("kind: ConfigMap")[0] == before.split("kind: ConfigMap")[0]


def test_a_config_map_of_somebody_elses_is_left_alone(run: Callable) -> None:
    theirs = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: api-apphealth}\ndata: {a: b}\n"
    outcome = run("render", "-f", "-", "--unproven", stdin=(FLASK + theirs).encode())
    assert outcome.code == ExitCode.OK
    assert outcome.text.endswith(theirs)
    assert f"warning: the ConfigMap api-apphealth (<stdin>:{FLASK.count(chr(10)) + 2}) is not ours" in outcome.err


def test_a_delivery_that_is_there_stays_when_no_rule_wants_it(run: Callable) -> None:
    rendered = run("render", "-f", "-", "--unproven", stdin=FLASK.encode()).text
    off = RULE.replace("preset: tcp", "dependencies: {deliver: false}")
    stdin = f"{off}---\n{rendered}".encode()
    assert run("render", "-f", "-", stdin=stdin).out == stdin


def test_addresses_in_a_namespace_that_nobody_named_are_warned_about(run: Callable) -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {ports: [{port: 5432}]}\n"
    stdin = (FLASK.replace("value: /z", "value: /z\n        - {name: DB_HOST, value: db}") + service).encode()
    assert "(namespace-unknown)" in run("render", "-f", "-", "--unproven", stdin=stdin).err
    assert "(namespace-unknown)" not in run("render", "-f", "-", "--unproven", "-n", "default", stdin=stdin).err


def test_on_a_terminal_the_summary_is_a_table(run: Callable, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr("apphealth.cli.render.summary.on_terminal", lambda: True)
    lines = run("render", "-f", "k").err.splitlines()
    assert lines[0].split() == ["Workload", "Container", "Liveness", "Readiness", "Startup"]
    assert "Deployment/default/web" in lines[1]
    assert "set: tcp-socket :8080" in lines[1]


def test_a_narrow_terminal_folds_the_table_and_loses_nothing(
    run: Callable, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("apphealth.cli.render.summary.on_terminal", lambda: True)
    text = run("render", "-f", "k").err
    assert "…" not in text
    assert "Deployment/default/web".startswith(text.splitlines()[1].split()[0])


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_each_kind_of_workload_is_written(run: Callable, write: Callable, kind: str) -> None:
    write("in/web.yaml", DEPLOYMENT.replace("kind: Deployment", f"kind: {kind}"))
    write("in/rule.yaml", RULE)
    assert "readinessProbe" in run("render", "-f", "in").text


def test_what_many_containers_have_alike_is_one_line(run: Callable, write: Callable) -> None:
    text = (Path(__file__).parent / "data" / "samples" / "deployment.yaml").read_text()
    for number in range(5):
        write(f"{number}.yaml", text.replace("name: web", f"name: web{number}", 1))
    told = [line for line in run("render", ".", "-o", "out.yaml").err.splitlines() if "info:" in line]
    assert len(told) == 1
    assert " and 2 more: " in told[0]
