"""Getting the programs a cluster is made of: found, cached, or built from Go modules."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import BuildError
from .locks import locked
from .modules import BINARIES, Binary
from .paths import cache_dir
from .progress import Progress, default_progress
from .toolchain import find_go

CONTROL_PLANE = ("kube-apiserver", "etcd", "kubectl", "kube-controller-manager", "kube-scheduler")
SIMULATED = (*CONTROL_PLANE, "kwok")
NODE = (*CONTROL_PLANE, "containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy", "coredns")

_ENVTEST_NAMES = ("etcd", "kube-apiserver", "kubectl")
"""What ``KUBEBUILDER_ASSETS`` holds, by the convention of controller-runtime's envtest."""


def ensure(names: Iterable[str], progress: Progress | None = None) -> Path:
    """Return a folder that holds these programs, building what is missing.

    Looked for in the folder that ``KUBEBUILDER_ASSETS`` names (etcd, kube-apiserver and kubectl only), then in the
    cache, and built from Go modules at last. Each program is put into place in one step as soon as it is built, so that
    a build that was cut off goes on where it was; several processes may do this at once.

    Parameters
    ----------
    names
        Names from `localcluster.modules.BINARIES`.
    progress
        Where to say what goes on. Default: standard error.

    Returns
    -------
    pathlib.Path
        The folder. It may hold more than was asked for.

    Raises
    ------
    BuildError
        If a name is unknown or a build fails.
    MissingPrerequisiteError
        If something must be built and there is no Go to be had.
    """
    wanted = list(names)
    if unknown := sorted(set(wanted) - set(BINARIES)):
        raise BuildError(f"no such program: {', '.join(unknown)}; there are: {', '.join(sorted(BINARIES))}")
    folder = _folder()
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        telling = progress or default_progress()
        for number, name in enumerate(missing, 1):
            _provide(BINARIES[name], folder, f"{name} ({number} of {len(missing)})", telling)
    return folder


def missing(names: Iterable[str]) -> list[str]:
    """Return which of these programs are neither in the cache nor in ``KUBEBUILDER_ASSETS``, and would be built."""
    builds = cache_dir() / "builds"
    return [
        name for name in names if _asset(name) is None and not (builds / BINARIES[name].module.key() / name).exists()
    ]


def _folder() -> Path:
    """Return the folder of links to every program, one a set of versions and assets."""
    keys = sorted({binary.module.key() for binary in BINARIES.values()})
    digest = hashlib.sha256("\n".join([*keys, os.environ.get("KUBEBUILDER_ASSETS", "")]).encode())
    return cache_dir() / "bin" / digest.hexdigest()[:12]


def _provide(binary: Binary, folder: Path, title: str, progress: Progress) -> None:
    lock = cache_dir() / "locks" / f"{binary.module.key()}-{binary.name}.lock"
    with locked(lock, lambda who: progress.note(f"Waiting: {who} builds {binary.name}")):
        source = _asset(binary.name)
        if source is None:
            source = cache_dir() / "builds" / binary.module.key() / binary.name
            if not source.exists():
                go = find_go(progress)
                with progress.step(f"Building {title}"):
                    _build(binary, go, source)
        link = folder / binary.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)


def _asset(name: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets or name not in _ENVTEST_NAMES:
        return None
    found = Path(assets).absolute() / name
    return found if os.access(found, os.X_OK) else None


def _build(binary: Binary, go: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    module = binary.module
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{binary.name}-") as scratch:
        output = Path(scratch) / binary.name
        linker = f"-s -w {module.version_flag.format(version=module.version())}".strip()
        command = [str(go), "build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-tags", module.tags]
        command += ["-ldflags", linker, "-o", str(output), binary.package]
        # Static, so that they run in any container; no toolchain or workspace but what was found and pinned here.
        environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
        result = subprocess.run(
            command, cwd=module.directory, env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines()
            raise BuildError(f"building {binary.name} failed:\n" + "\n".join(lines[-20:]))
        output.replace(target)
