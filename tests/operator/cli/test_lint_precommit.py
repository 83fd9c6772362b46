"""The hook that .pre-commit-hooks.yaml offers, run by pre-commit itself; of type `system`, it needs no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.operator.cli.objects import PORT, deployment

ROOT = Path(__file__).parents[3]
DEPLOYMENT = deployment(PORT, "livenessProbe: {httpGet: {path: /livez, port: PORT}}")


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    """Provide a repository that offers our hooks."""
    folder = tmp_path / "hooks"
    folder.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", folder)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "hooks")
    return folder


def pre_commit(tmp_path: Path, offered: Path, name: str, content: str) -> subprocess.CompletedProcess[str]:
    folder = tmp_path / "users"
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    programs = Path(sys.executable).parent
    env = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PRE_COMMIT_HOME": str(tmp_path / "home")}
    return subprocess.run(
        [programs / "pre-commit", "try-repo", str(offered), "apphealth-lint", "--all-files", "--verbose"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        pytest.param("deploy/web.yaml", DEPLOYMENT.replace("PORT", "http"), 0, "Passed", id="good"),
        pytest.param("deploy/web.yaml", DEPLOYMENT.replace("PORT", "web"), 1, "[port-unresolved]", id="bad"),
        pytest.param("chart/templates/web.yaml", "a: {{ .Values.a }}\n", 0, "Skipped", id="template"),
        pytest.param("chart/values-prod.yaml", "a: [\n", 0, "Skipped", id="values"),
    ],
)
def test_the_hook_judges_what_is_committed(
    tmp_path: Path, offered: Path, name: str, content: str, code: int, words: str
) -> None:
    done = pre_commit(tmp_path, offered, name, content)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout


def test_the_page_names_the_hook_that_is_offered() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text()
    assert page.count(f"id: {hook['id']}") == 2
    assert f"entry: {hook['entry']}" in page
