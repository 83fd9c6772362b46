"""The pages for those who install and run AppHealth: every command exists with its options, every YAML is valid."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from apphealth.api.parse import parse_rule
from localcluster import binaries

ROOT = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "SECURITY.md",
    "docs/how-to/install.md",
    "docs/how-to/upgrade.md",
    "docs/how-to/uninstall.md",
    "docs/how-to/troubleshooting.md",
    "docs/metrics.md",
    "docs/security.md",
    "docs/support.md",
)
BLOCK = re.compile(r"^ *```(\w+)(?: \S+)?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def commands():
    """Yield each command of the pages that is meant to be typed."""
    for page in PAGES:
        for language, text in BLOCK.findall((ROOT / page).read_text()):
            if language == "sh":
                for line in text.replace("\\\n", " ").splitlines():
                    for command in line.split("#")[0].split("&&"):
                        if command.strip():
                            yield pytest.param(shlex.split(command), id=f"{page}: {command.strip()[:60]}")


@pytest.fixture(scope="module")
def programs():
    return {"kubectl": str(binaries.ensure(["kubectl"]) / "kubectl"), "helm": str(binaries.ensure(["helm"]) / "helm")}


def accepted(*command, **options):
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", list(commands()))
def test_every_command_is_one_that_the_programs_take(programs, words):
    match words:
        case ["kubectl", *_, "-k", folder]:
            assert "kind: " in accepted(programs["kubectl"], "kustomize", folder)
        case ["kubectl", *rest]:
            accepted(programs["kubectl"], *rest, "--help")
        case ["helm", ("install" | "upgrade") as verb, name, chart, *flags]:
            accepted(programs["helm"], verb, name, chart, *flags, "--help")
            kept = [flag for flag in flags if flag not in {"--wait", "--create-namespace", "--reuse-values"}]
            assert "kind: Deployment" in accepted(
                programs["helm"], "template", name, chart, *kept, "--kube-version=1.36.0"
            )
        case ["helm", *rest]:
            accepted(programs["helm"], *rest, "--help")
        case ["apphealth", *rest]:
            accepted(Path(sys.executable).with_name("apphealth"), *rest, "--help")
        case ["make", *rest]:
            accepted("make", "-n", *rest, env=os.environ | {"BUILDER": "docker"})
        case ["docker", "push", _image]:
            pass  # somebody else's program, with nothing of ours in it
        case _:
            pytest.fail(f"a command that no test knows: {words}")


def examples():
    for page in PAGES:
        for language, text in BLOCK.findall((ROOT / page).read_text()):
            if language == "yaml":
                lines = text.splitlines()
                indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
                yield pytest.param(yaml.safe_load("\n".join(line[indent:] for line in lines)), id=page)


@pytest.mark.parametrize("example", list(examples()))
def test_every_example_is_valid(programs, tmp_path, example):
    if example["kind"] != "Kustomization":
        parse_rule(example)
        return
    for key in ("resources", "components"):
        example[key] = [os.path.relpath(ROOT / path, tmp_path.resolve()) for path in example[key]]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(example))
    assert "my.example/apphealth:0.1.0" in accepted(programs["kubectl"], "kustomize", str(tmp_path))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    text = (ROOT / page).read_text()
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, anchor


def test_the_troubleshooting_page_knows_every_state():
    from apphealth.api.healthplan import State

    page = (ROOT / "docs/how-to/troubleshooting.md").read_text()
    told = {state for state in State if f"| `{state}` |" in page}
    assert set(State) - told == {State.APPLIED}, "what is well needs no help"
