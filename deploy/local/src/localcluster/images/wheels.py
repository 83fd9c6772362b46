"""Gathering the wheels that an image installs: those of this tree built, those of PyPI as the lock file pins them."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import BuildError
from localcluster.locks import locked
from localcluster.paths import cache_dir
from localcluster.progress import Progress, default_progress

from .base import PYTHON_VERSION

_GLIBC_MINORS = (36, 35, 34, 31, 28, 27, 26, 24, 17, 12, 5)
"""Of the manylinux tags that run on the base image (glibc 2.36), those that wheels are made for."""

_KEPT = 8
"""Number of folders of wheels that stay in the cache: each change of this tree makes a new one."""

_IGNORED = {"__pycache__", ".git", ".venv", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def wheels(
    projects: Sequence[Path] = (),
    requirements: Sequence[str] = (),
    *,
    lock: Path,
    progress: Progress | None = None,
) -> Path:
    """Return a folder with the wheels of these projects and requirements, and of all they depend on.

    Parameters
    ----------
    projects
        Folders with a ``pyproject.toml``; their wheels are built.
    requirements
        What else is to be installed, such as ``gunicorn``.
    lock
        A requirements file that pins everything that isn't a project, with hashes.
    progress
        Where to say what goes on. Default: standard error.

    Returns
    -------
    pathlib.Path
        The folder, for `build`. The same inputs give the same folder.

    Raises
    ------
    BuildError
        If a project doesn't build, or something isn't in the lock file.
    """
    telling = progress or default_progress()
    target = cache_dir() / "wheels" / _key(projects, requirements, lock)
    with locked(cache_dir() / "locks" / "wheels.lock", lambda who: telling.note(f"Waiting: {who} gathers wheels")):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with telling.step("Gathering wheels for images"), tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                output = Path(scratch) / "wheels"
                output.mkdir()
                _build_projects(projects, output)
                _download(_pinned(projects, requirements, lock, Path(scratch)), output)
                output.rename(target)
            _prune(target.parent)
        target.touch()  # lately used
    return target


def _prune(folder: Path) -> None:
    for old in sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old)


def content_hash(folder: Path) -> str:
    """Return a hash of the names, modes and contents of all files in a folder, caches and the like left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if _IGNORED.isdisjoint(inside.parts) and path.is_file():
            digest.update(f"{inside}\0{path.stat().st_mode & 0o111:o}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _key(projects: Sequence[Path], requirements: Sequence[str], lock: Path) -> str:
    parts = [*map(content_hash, projects), *sorted(requirements), lock.read_text(), PYTHON_VERSION]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _build_projects(projects: Iterable[Path], output: Path) -> None:
    for project in projects:
        command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        _python(*command, "--wheel-dir", str(output), str(project.resolve()))  # a bare name would mean PyPI


def _pinned(projects: Sequence[Path], requirements: Sequence[str], lock: Path, scratch: Path) -> Path:
    """Write the part of the lock file that these projects and requirements need."""
    pins = _read_lock(lock)
    (scratch / "wanted.txt").write_text("\n".join(requirements))
    (scratch / "pins.txt").write_text("\n".join(pin.constraint for pin in pins))
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python-version", PYTHON_VERSION]
    command += ["--constraints", str(scratch / "pins.txt"), str(scratch / "wanted.txt")]
    found = _python(*command, *(str(project / "pyproject.toml") for project in projects))
    needed = {_identity(line) for line in found.splitlines() if "==" in line}
    chosen = [pin for pin in pins if pin.identity in needed]
    own = {_normalised(path.name.split("-")[0]) for path in (scratch / "wheels").iterdir()}
    if missing := sorted({name for name, _ in needed} - {pin.identity[0] for pin in chosen} - own):
        raise BuildError(
            f"not in {lock.name}: {', '.join(missing)}. Add it to the dev group of the root pyproject.toml,"
            " then: make lock"
        )
    target = scratch / "pinned.txt"
    target.write_text("\n".join(pin.requirement for pin in chosen))
    return target


@dataclass(frozen=True, slots=True)
class _Pin:
    """An entry of the lock file. A package may have several, for different versions of Python."""

    identity: tuple[str, str]
    constraint: str
    """With the marker that says for which machines it holds."""

    requirement: str
    """With hashes, without the marker: whether the image needs it has been resolved already."""


def _read_lock(lock: Path) -> list[_Pin]:
    text = lock.read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
    return [
        _Pin(_identity(entry), entry.partition("--hash")[0].strip(), re.sub(r";.*?(?=--hash)", "", entry))
        for entry in entries
    ]


def _identity(requirement: str) -> tuple[str, str]:
    """Return name and version of a pinned requirement."""
    name, _, rest = requirement.partition("==")
    return _normalised(name), re.split(r"[\s;]", rest.strip(), maxsplit=1)[0]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.split("[", maxsplit=1)[0].strip()).lower()


def _download(pinned: Path, output: Path) -> None:
    machine = platform.machine()
    command = ["pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON_VERSION}"]
    command += [f"--platform=manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
    command += [f"--platform={legacy}_{machine}" for legacy in ("manylinux2014", "manylinux2010", "manylinux1")]
    _python(*command, "--dest", str(output), "-r", str(pinned))


def _python(*arguments: str) -> str:
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": "315532800"
    }  # 1980: the earliest that a wheel, a zip file, can tell
    result = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode != 0:
        raise BuildError(f"`python -m {' '.join(arguments[:3])}` failed:\n{result.stderr.strip()[-3000:]}")
    return result.stdout
