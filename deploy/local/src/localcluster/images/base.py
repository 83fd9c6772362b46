"""The base image: a small Debian with Python, made from Debian's own packages."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from localcluster.errors import BuildError
from localcluster.locks import locked
from localcluster.paths import cache_dir
from localcluster.prerequisites import IMAGES, ensure_packages
from localcluster.progress import Progress, default_progress

BASE_NAMES = ("docker.io/library/python:3.11-slim", "docker.io/library/python:3.11")
"""Names that a Dockerfile may start from: the usual ones, so that it builds elsewhere, too."""

PYTHON_VERSION = "3.11"
"""What the base image's Debian brings."""

_SUITE = "bookworm"
_PACKAGES = ("python3", "python3-venv", "python3-pip")
_LEFT_OUT = ("doc", "man", "locale", "info", "lintian")
_HOOKS = (
    # As in the usual image: `python` exists, and pip installs into the system's Python.
    'ln -s python3 "$1"/usr/bin/python',
    'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    'rm -rf "$1"/var/log/* "$1"/var/cache/*',
)


def base(progress: Progress | None = None) -> Path:
    """Return the root file system of the base image as a tar archive, making it the first time (some 40 s).

    Raises
    ------
    MissingPrerequisiteError
        If mmdebstrap is missing and can't be installed.
    BuildError
        If Debian's packages can't be had.
    """
    telling = progress or default_progress()
    target = cache_dir() / "images" / f"base-{base_key()}.tar"
    with locked(cache_dir() / "locks" / "base.lock", lambda who: telling.note(f"Waiting: {who} makes the base image")):
        if not target.exists():
            ensure_packages(IMAGES, telling)
            target.parent.mkdir(parents=True, exist_ok=True)
            with telling.step("Making the base image from Debian packages"):
                _make(target)
    return target


def base_key() -> str:
    """Return a name for what the base image is made of."""
    return hashlib.sha256(repr((_SUITE, _PACKAGES, _LEFT_OUT, _HOOKS)).encode()).hexdigest()[:12]


def _make(target: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _LEFT_OUT]
    command += [f"--customize-hook={hook}" for hook in _HOOKS]
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        output = Path(scratch) / "base.tar"
        # With this variable mmdebstrap's archive depends on the packages alone, not on the hour.
        environment = os.environ | {"SOURCE_DATE_EPOCH": "1"}
        result = subprocess.run(
            [*command, _SUITE, str(output)], capture_output=True, text=True, check=False, env=environment
        )
        if result.returncode != 0:
            raise BuildError(f"mmdebstrap made no base image:\n{result.stderr.strip()[-2000:]}")
        output.replace(target)
