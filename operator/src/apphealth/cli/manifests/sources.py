"""From the paths of a command line to texts.

A directory is searched for `*.yaml`, `*.yml` and `*.json`, everything below it included, in the order of names; hidden
files and folders are left out. Symbolic links are followed, and each file is read once, however it is reached.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from apphealth.cli.manifests.problems import Problem

STDIN = "-"
EXTENSIONS = frozenset({".yaml", ".yml", ".json"})
MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is read: some 10,000 Deployments."""
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One text, and where it came from."""

    name: str
    """As messages call it: the path as it was reached, or `<stdin>`."""
    path: Path | None
    """None for standard input."""
    relative: Path
    """The path below the directory that was asked for; for a file, its name."""
    text: str
    bom: bool = False
    """The file began with a byte order mark, which `text` has no more."""
    searched: bool = False
    """It was found in a directory, not named by the user."""

    def encode(self, text: str) -> bytes:
        """Return the bytes of a text that takes this one's place."""
        return ((_BOM if self.bom else "") + text).encode()


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    relative: Path
    searched: bool

    @property
    def identity(self) -> str:
        """The file itself, whichever way it is reached."""
        return STDIN if str(self.path) == STDIN else os.path.realpath(self.path)


def gather(paths: Sequence[str], *, without: Path | None = None) -> tuple[list[Source], list[Problem]]:
    """Read all files that `paths` lead to.

    Parameters
    ----------
    paths
        Files, directories, and `-` for standard input.
    without
        A directory that is not searched, because we write it.
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
        elif path.is_dir():
            found = list(_walk(path, path, frozenset({without})))
            yield from found or [Problem(given, 0, 0, "there is no .yaml, .yml or .json file here or below")]
        else:
            yield _Found(path, Path(path.name), searched=False)


def _walk(root: Path, folder: Path, above: frozenset[str]) -> Iterator[_Found | Problem]:
    """Yield the files below a folder; a link back to a folder above is not followed."""
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
    name = "<stdin>" if stdin else str(found.path)
    try:
        if stdin:
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with found.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(name, error)
    if len(content) > MAX_BYTES:
        return Problem(name, 0, 0, f"is larger than {MAX_BYTES // 1024 // 1024} MiB; split it")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_text(name, content, error)
    return Source(
        name=name,
        path=None if stdin else found.path,
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
