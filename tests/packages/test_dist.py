"""What `make dist` publishes, and that the image installs what the tests run with."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from localcluster import binaries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist():
    """Run `make dist`'s program; provides the folder."""
    subprocess.run([sys.executable, "-m", "deploy.dist"], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return ROOT / "dist"


def test_it_holds_everything_and_the_checksums_are_right(dist):
    names = {path.name for path in dist.iterdir()}
    kinds = (r"apphealth-[\d.]+\.tgz", r"apphealth-.*\.whl", r"apphealth-.*\.tar\.gz", r"apphealth\.cdx\.json")
    library = (r"flask_management_endpoints-.*\.whl", r"flask_management_endpoints-.*\.tar\.gz")
    plugin = (r"kubectl-apphealth-.*\.tar\.gz", r"apphealth\.krew\.yaml")
    for pattern in (*kinds, *library, *plugin, "SHA256SUMS"):
        assert [name for name in names if re.fullmatch(pattern, name)], pattern
    sums = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in names if name != "SHA256SUMS"
    }


def test_the_same_commit_gives_the_same_bytes(dist):
    before = (dist / "SHA256SUMS").read_text()
    subprocess.run([sys.executable, "-m", "deploy.dist"], cwd=ROOT, check=True, capture_output=True, timeout=120)
    assert (dist / "SHA256SUMS").read_text() == before


def test_the_chart_in_the_archive_stands_by_itself(dist):
    (archive,) = dist.glob("apphealth-*.tgz")
    with tarfile.open(archive) as packed:
        assert all(member.isfile() for member in packed), "no link that leads out of it"
    helm = str(binaries.ensure(["helm"]) / "helm")
    done = subprocess.run([helm, "lint", "--strict", archive], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_krew_installs_a_plugin_that_runs(dist, tmp_path):
    manifest = yaml.safe_load((dist / "apphealth.krew.yaml").read_text())
    (platform,) = manifest["spec"]["platforms"]
    archive = dist / platform["uri"]
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin/kubectl-apphealth"
    link.symlink_to(tmp_path / platform["bin"])

    def run(*folders):
        path = ":".join(map(str, folders))
        return subprocess.run(
            [link, "version"], env={"PATH": path, "HOME": str(tmp_path)}, check=False, capture_output=True, text=True
        )

    version = manifest["spec"]["version"].removeprefix("v")
    done = run(Path(sys.executable).parent, "/usr/bin", "/bin")
    assert (done.returncode, version in done.stdout) == (0, True), done.stderr
    uvx = tmp_path / "bin/uvx"
    uvx.write_text('#!/bin/sh\necho "$@"\n')
    uvx.chmod(0o755)
    (wheel,) = tmp_path.glob("*.whl")
    assert run(tmp_path / "bin", "/usr/bin", "/bin").stdout == f"--quiet --from {wheel} apphealth version\n"
    uvx.unlink()
    nothing = run("/usr/bin", "/bin")
    assert (nothing.returncode, "install uv or pipx" in nothing.stderr) == (1, True)


def pins(name):
    lines = re.findall(r"^([A-Za-z0-9._-]+==[^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {line.lower() for line in lines}


def test_the_image_installs_what_the_tests_run_with(dist):
    installed = pins("deploy/docker/operator.lock")
    project = tomllib.loads((ROOT / "operator/pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=]", line)[0].lower() for line in project["dependencies"]}
    assert wanted <= {pin.partition("==")[0] for pin in installed}, "make lock"
    assert installed | pins("deploy/docker/build.lock") <= pins("requirements.lock")
    listed = json.loads((dist / "apphealth.cdx.json").read_text())["components"]
    assert {f"{it['name']}=={it['version']}".lower() for it in listed} == installed
