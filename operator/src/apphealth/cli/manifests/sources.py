"""The texts of the files that the paths of a command line lead to.

A directory and everything below it is searched for `*.yaml`, `*.yml` and `*.json`, in alphabetical order; hidden files
and directories are left out. Symbolic links are followed, and a file that is reached twice is read once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from urllib.parse import urlsplit

from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.remote import UnreadableError, is_remote, read_remote, shown

STDIN = "-"
EXTENSIONS = frozenset({".yaml", ".yml", ".json"})
MAX_BYTES = 64 * 1024 * 1024
"""The size of the largest file that is read: about 10,000 Deployments."""
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text of a file, and where the file was found."""

    name: str
    """Its name in messages: the path, or `<stdin>`."""
    path: Path | None
    """None for standard input, a URL and a kustomization."""
    relative: Path
    """The path relative to the directory that the user named; for a file that the user named, the file's name."""
    text: str
    bom: bool = False
    """Whether the file begins with a byte order mark, which is not part of `text`."""
    searched: bool = False
    """Whether the file was found in a directory, and not named by the user."""

    def encode(self, text: str) -> bytes:
        """Return the bytes of a new text of this file."""
        return ((_BOM if self.bom else "") + text).encode()


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    relative: Path
    searched: bool
    remote: str = ""
    """The URL or the kustomization, which are no files."""

    @property
    def identity(self) -> str:
        """The real path, equal for all links to a file."""
        return self.remote or (STDIN if str(self.path) == STDIN else os.path.realpath(self.path))


def without_file(paths: Sequence[str]) -> str:
    """Return the first path that is no file to write to, as users know it; empty if all are files or directories."""
    found = next((path for path in paths if path == STDIN or is_remote(path)), "")
    return f"-k {shown(found)}" if found != shown(found) else f"-f {found}" if found else ""


def gather(paths: Sequence[str], *, without: Path | None = None) -> tuple[list[Source], list[Problem]]:
    """Read the files at `paths`.

    Parameters
    ----------
    paths
        Files, directories, patterns such as `*.yaml`, URLs, kustomizations, and `-` for standard input.
    without
        A directory to leave out of the search, because its files are our output.

    Returns
    -------
    tuple
        The texts, and a problem for each file that can't be read.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for found in _find(paths, os.path.realpath(without) if without else ""):
        if isinstance(found, Problem):
            problems.append(found)
        elif found.identity not in seen:
            seen.add(found.identity)
            match _read(found):
                case Source() as source:
                    sources.append(source)
                case Problem() as problem:
                    problems.append(problem)
    return sources, problems


def _find(paths: Sequence[str], without: str) -> Iterator[_Found | Problem]:
    for given in paths:
        path = Path(given)
        if given == STDIN:
            yield _Found(path, Path("stdin.yaml"), searched=False)
        elif is_remote(given):
            yield _Found(path, _file_name(given), searched=False, remote=given)
        elif _is_pattern(given) and not path.exists():
            matches = sorted(glob(given, recursive=True))  # noqa: PTH207 -- Path.glob takes no absolute pattern
            yield from _find(matches, without) if matches else [Problem(given, 0, 0, "no file matches this pattern")]
        elif path.is_dir():
            found = list(_walk(path, path, frozenset({without})))
            yield from found or [Problem(given, 0, 0, "no .yaml, .yml or .json file in this directory or below")]
        else:
            yield _Found(path, Path(path.name), searched=False)


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def _file_name(remote: str) -> Path:
    """Return the name that the manifests of a URL or a kustomization have in a directory of output."""
    directory = shown(remote)
    name = Path(directory).resolve().name if directory != remote else Path(urlsplit(remote).path).name
    return Path(name if name.endswith(tuple(EXTENSIONS)) else f"{name or 'manifests'}.yaml")


def _walk(root: Path, folder: Path, above: frozenset[str]) -> Iterator[_Found | Problem]:
    """Yield the files below a directory; links to a parent directory are not followed."""
    if (real := os.path.realpath(folder)) in above:
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield _unreadable(str(folder), error)
        return
    for path in paths:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _walk(root, path, above | {real})
        elif path.suffix.lower() in EXTENSIONS and (path.is_file() or path.is_symlink()):
            yield _Found(path, path.relative_to(root), searched=True)


def _read(found: _Found) -> Source | Problem:
    stdin = str(found.path) == STDIN
    name = "<stdin>" if stdin else shown(found.remote) or str(found.path)
    try:
        if found.remote:
            content = read_remote(found.remote, MAX_BYTES + 1)
        elif stdin:
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with found.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(name, error)
    except UnreadableError as error:
        return Problem(name, 0, 0, str(error))
    if len(content) > MAX_BYTES:
        return Problem(name, 0, 0, f"is larger than {MAX_BYTES // 1024 // 1024} MiB; split it")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_text(name, content, error)
    return Source(
        name=name,
        path=None if stdin or found.remote else found.path,
        relative=found.relative,
        text=text.removeprefix(_BOM),
        bom=text.startswith(_BOM),
        searched=found.searched,
    )


def _not_text(name: str, content: bytes, error: UnicodeDecodeError) -> Problem:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem(name, 0, 0, "is in UTF-16; save it as UTF-8")
    before = content[: error.start]
    line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
    return Problem(name, line, column, f"byte 0x{content[error.start]:02x} is not UTF-8; is this a text file?")


def _unreadable(name: str, error: OSError) -> Problem:
    return Problem(name, 0, 0, f"can't be read: {error.strerror or error}")
