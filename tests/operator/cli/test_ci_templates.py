"""The GitHub Action and the GitLab template do what they say: their own commands are run.

Installing is left out: the virtual environment that they make is that of the tests.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.operator.cli.objects import deployment

ROOT = Path(__file__).parents[3]
HERE = Path(sys.executable).parent
BAD = deployment("ports: [{containerPort: 8080}]", "livenessProbe: {httpGet: {path: /, port: nope}}")


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/web.yaml").write_text(BAD)
    return tmp_path


def run(lines, folder, **env):
    script = "\n".join(line for line in lines if "venv" not in line and "pip" not in line)
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=os.environ | env, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(("fail_on", "code"), [("error", 1), ("never", 0)])
def test_the_action_annotates_the_lines_of_a_pull_request(checkout, fail_on, code):
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = next(step for step in action["runs"]["steps"] if "run" in step)
    given = {"inputs.paths": "deploy", "inputs.fail-on": fail_on, "inputs.args": "-q", "github.action_path": str(ROOT)}
    env = {name: given[value.strip("${ }")] for name, value in step["env"].items()}
    (checkout / "apphealth").mkdir()
    (checkout / "apphealth/bin").symlink_to(HERE)
    done = run(step["run"].splitlines(), checkout, RUNNER_TEMP=str(checkout), **env)
    assert done.returncode == code, done.stderr
    assert "::error file=deploy/web.yaml,line=" in done.stdout
    assert (ROOT / "operator/pyproject.toml").exists(), "what the step installs"


def test_gitlab_gets_a_report(checkout):
    job = yaml.safe_load((ROOT / "deploy/ci/gitlab.yml").read_text())["apphealth-lint"]
    (checkout / ".apphealth").mkdir()
    (checkout / ".apphealth/bin").symlink_to(HERE)
    done = run(job["script"], checkout, **job["variables"] | {"APPHEALTH_PATHS": "deploy"})
    assert done.returncode == 1, done.stderr
    assert "<testsuite" in (checkout / job["artifacts"]["reports"]["junit"]).read_text()
