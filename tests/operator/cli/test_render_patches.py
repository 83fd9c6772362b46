"""Plans as a kustomize component, built by the real kustomize that is in kubectl."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from apphealth.cli.errors import ExitCode
from localcluster import binaries

DATA = Path(__file__).parent / "data"
RULE = (DATA / "samples" / "rule.yaml").read_text()
DEPLOYMENT = (DATA / "samples" / "deployment.yaml").read_text()


@pytest.fixture(scope="session")
def kubectl() -> Path:
    return binaries.ensure(["kubectl"]) / "kubectl"


@pytest.fixture
def kustomize(kubectl: Path, tmp_path: Path) -> Callable[[str], str]:
    def build(folder: str) -> str:
        done = subprocess.run([kubectl, "kustomize", folder], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return build


def by_name(stream: str) -> dict[tuple[str, str], Any]:
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in yaml.safe_load_all(stream)}


@pytest.mark.parametrize("name", ["shop.yaml", "replace.yaml", "anchors.yaml", "flow.yaml"])
def test_kustomize_builds_from_the_component_what_render_writes(
    run: Callable, write: Callable, kustomize: Callable, tmp_path: Path, name: str
) -> None:
    write("base/kustomization.yaml", f"resources: [{name}]\n")
    shutil.copy(DATA / "input" / name, tmp_path / "base" / name)
    write("overlay/kustomization.yaml", "resources: [../base]\ncomponents: [../probes]\n")
    assert run("render", "-f", "base", "-n", "shop", "--unproven", "--patches", "probes").code == ExitCode.OK
    assert by_name(kustomize("overlay")) == by_name((DATA / "output" / name).read_text())


def test_its_own_output_on_the_way_in_is_known_again(run: Callable, write: Callable, kustomize: Callable) -> None:
    write("k/kustomization.yaml", "resources: [web.yaml, rule.yaml]\n")
    write("k/web.yaml", (DATA / "input" / "shop.yaml").read_text().split("---\n", 1)[1])
    write("k/rule.yaml", RULE.replace("preset: tcp", "preset: auto"))
    write("o/kustomization.yaml", "resources: [../k]\ncomponents: [../probes]\n")
    args = ("render", "-f", "-", "-n", "shop", "--patches", "probes")
    assert run(*args, stdin=kustomize("k").encode()).code == ExitCode.OK
    built = kustomize("o")
    assert "livenessProbe" in built
    assert run(*args, "--check", stdin=built.encode()).code == ExitCode.OK
    write("k/rule.yaml", RULE.replace("preset: tcp", "preset: auto\n  probes: {liveness: {periodSeconds: 20}}"))
    assert run(*args, "--check", stdin=kustomize("o").encode()).code == ExitCode.CHANGES
    assert run(*args, stdin=kustomize("o").encode()).code == ExitCode.OK
    assert "periodSeconds: 20" in kustomize("o")


def test_a_component_without_patches_builds(
    run: Callable, write: Callable, kustomize: Callable, tmp_path: Path
) -> None:
    write("k/web.yaml", DEPLOYMENT)
    write("k/rule.yaml", RULE)
    write("k/kustomization.yaml", "resources: [web.yaml]\ncomponents: [probes]\n")
    run("render", "-f", "k", "--patches", "k/probes")
    assert {path.name for path in (tmp_path / "k/probes").iterdir()} == {"kustomization.yaml", "deployment-web.yaml"}
    write("k/rule.yaml", RULE.replace("preset: tcp", "preset: tcp\n  mode: Audit"))
    assert run("render", "-f", "k", "--patches", "k/probes").code == ExitCode.OK
    assert [path.name for path in (tmp_path / "k/probes").iterdir()] == ["kustomization.yaml"]
    assert "readinessProbe" not in kustomize("k")


def test_one_name_in_two_namespaces_gives_two_patches(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("k/rule.yaml", RULE.replace("AppHealth", "ClusterAppHealth").replace("preset", "mode: Enforce\n  preset"))
    for namespace in ("one", "two"):
        write(f"k/{namespace}.yaml", DEPLOYMENT.replace("name: web", f"name: web\n  namespace: {namespace}", 1))
    run("render", "-f", "k", "--patches", "p")
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        "kustomization.yaml",
        "one-deployment-web.yaml",
        "two-deployment-web.yaml",
    }


def test_a_diff_shows_files_that_come_and_go(run: Callable, write: Callable, tmp_path: Path) -> None:
    write("k/web.yaml", DEPLOYMENT)
    write("k/rule.yaml", RULE)
    coming = run("render", "-f", "k", "--patches", "p", "--diff").text
    assert "--- /dev/null\n+++ b/p/deployment-web.yaml\n" in coming
    assert not (tmp_path / "p").exists()
    run("render", "-f", "k", "--patches", "p")
    (tmp_path / "k/web.yaml").unlink()
    assert "--- a/p/deployment-web.yaml\n+++ /dev/null\n" in run("render", "-f", "k", "--patches", "p", "--diff").text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("resources: []\n", "was not written by --patches; name another directory", id="somebody else's"),
        pytest.param("# Written by 'apphealth render --patches'. Name this directory under components: in your"
                     " kustomization.yaml.\na: [\n", "delete the directory, and run the command again", id="broken"),
    ],
)  # fmt: skip
def test_a_directory_that_is_not_ours_is_refused(run: Callable, write: Callable, content: str, words: str) -> None:
    write("k/web.yaml", DEPLOYMENT)
    path = write("p/kustomization.yaml", content)
    outcome = run("render", "-f", "k", "--patches", "p")
    assert outcome.code == ExitCode.INPUT
    assert words in outcome.err
    assert path.read_text() == content


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_each_kind_of_workload_gets_a_patch_that_kustomize_applies(
    run: Callable, write: Callable, kustomize: Callable, kind: str
) -> None:
    write("k/web.yaml", DEPLOYMENT.replace("kind: Deployment", f"kind: {kind}"))
    write("k/rule.yaml", RULE)
    write("k/kustomization.yaml", "resources: [web.yaml]\ncomponents: [probes]\n")
    assert run("render", "-f", "k", "--patches", "k/probes").code == ExitCode.OK
    assert "readinessProbe" in kustomize("k")
