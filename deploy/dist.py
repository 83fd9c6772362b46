"""`make dist`: everything that is published, in dist/.

Wheels and sdists of the operator and of the library, the chart's archive, the plugin of kubectl with its krew manifest,
the list of what the image contains (CycloneDX), and checksums. The same commit gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECTS = ("operator", "library")
CHART = ROOT / "deploy/helm/apphealth"
PLUGIN = ROOT / "deploy/krew/kubectl-apphealth"
LOCK = ROOT / "deploy/docker/operator.lock"


def main() -> None:
    """Fill dist/ anew."""
    target, epoch = ROOT / "dist", _epoch()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for project in PROJECTS:
        _build(ROOT / project, target, epoch)
    pack_chart(target, epoch)
    url = os.environ.get("DIST_URL", "").rstrip("/")
    plugin = pack_plugin(target, epoch)
    manifest = krew_manifest(plugin.name, hashlib.sha256(plugin.read_bytes()).hexdigest(), url)
    (target / "apphealth.krew.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    (target / "apphealth.cdx.json").write_text(json.dumps(bill_of_materials(LOCK.read_text()), indent=2) + "\n")
    names = sorted(path.name for path in target.iterdir())
    sums = (f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (target / "SHA256SUMS").write_text("".join(sums))
    sys.stdout.write("".join(f"dist/{name}\n" for name in (*names, "SHA256SUMS")))


def _epoch() -> int:
    """Return the time of the last commit, for archives."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


def _build(project: Path, target: Path, epoch: int) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(target)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(
        command, cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def pack_chart(target: Path, epoch: int) -> Path:
    """Write the chart's archive as `helm package` does, but with the commit's time.

    Parameters
    ----------
    target
        The folder to write to.
    epoch
        The time of all files in it.

    Returns
    -------
    Path
        The archive.
    """
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    files = {f"apphealth/{path.relative_to(CHART)}": path for path in sorted(CHART.rglob("*")) if path.is_file()}
    return _pack(target / f"apphealth-{version}.tgz", files, epoch)


def pack_plugin(target: Path, epoch: int) -> Path:
    """Write the archive from which krew installs ``kubectl apphealth``: a launcher and the wheel.

    Parameters
    ----------
    target
        The folder to write to; the wheel is in it.
    epoch
        The time of all files in it.

    Returns
    -------
    Path
        The archive.
    """
    (wheel,) = target.glob("apphealth-*.whl")
    files = {PLUGIN.name: PLUGIN, wheel.name: wheel, "LICENSE": ROOT / "LICENSE"}
    return _pack(target / f"kubectl-apphealth-{_version()}.tar.gz", files, epoch)


def krew_manifest(archive: str, digest: str, url: str) -> dict[str, object]:
    """Return the manifest of the kubectl plugin.

    Parameters
    ----------
    archive, digest
        The archive's name, and its SHA-256.
    url
        The address of the folder that the archive will be published in; empty: not known yet.
    """
    platform = {
        "selector": {"matchExpressions": [{"key": "os", "operator": "In", "values": ["linux", "darwin"]}]},
        "uri": f"{url}/{archive}" if url else archive,
        "sha256": digest,
        "bin": PLUGIN.name,
    }
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "apphealth"},
        "spec": {
            "version": f"v{_version()}",
            "shortDescription": "Explain, lint and plan health probes",
            "description": "Why a workload has its probes, what enforcing a rule of AppHealth would\n"
            "change, how far a rollout has come, who depends on whom, and mistakes in probes.\n",
            "caveats": "Needs uv or pipx, or an installed apphealth.\n",
            "platforms": [platform],
        },
    }


def _version() -> str:
    version: str = tomllib.loads((ROOT / "operator/pyproject.toml").read_text())["project"]["version"]
    return version


def _pack(archive: Path, files: dict[str, Path], epoch: int) -> Path:
    """Write a tar archive in which nothing depends on this machine; links are followed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for name, path in files.items():
            entry = tar.gettarinfo(path, name)
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch, 0, 0, "", ""
            entry.mode = 0o755 if path == PLUGIN else 0o644
            entry.type, entry.linkname = tarfile.REGTYPE, ""
            tar.addfile(entry, io.BytesIO(path.read_bytes()))
    archive.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))
    return archive


def bill_of_materials(lock: str) -> dict[str, object]:
    """Return what the image installs, as CycloneDX has it.

    Parameters
    ----------
    lock
        The requirements file that the image is built from.
    """
    project = tomllib.loads((ROOT / "operator/pyproject.toml").read_text())["project"]
    entries = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE)
    components = [
        {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}"}
        for name, version in sorted(set(entries))
    ]
    application = {"type": "application", "name": project["name"], "version": project["version"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": application},
        "components": components,
    }


if __name__ == "__main__":
    main()
