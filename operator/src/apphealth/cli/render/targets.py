"""The files that `render` writes for each kind of target: a stream, a directory, the input files, a component."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.output import Write
from apphealth.cli.patching.files import PatchedFile

_SEPARATOR = "---\n"


def stream(files: Sequence[PatchedFile]) -> bytes:
    """Return all files as one stream of documents. A single file keeps every byte that didn't change."""
    if len(files) == 1:
        return files[0].source.encode(files[0].after)
    parts: list[str] = []
    for file in files:
        text = file.after if file.after.endswith("\n") or not file.after else file.after + "\n"
        parts.append(text if not parts or _begins_with_marker(text) else _SEPARATOR + text)
    return "".join(parts).encode()


def _begins_with_marker(text: str) -> bool:
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return next(lines, "").startswith("---")


def to_directory(files: Iterable[PatchedFile], directory: Path) -> list[Write]:
    """Return the writes that put all files into a directory, at their paths relative to the input's directory.

    Raises
    ------
    CommandError
        Two files have the same relative path.
    """
    writes: dict[Path, Write] = {}
    for file in files:
        path = directory / file.relative
        if path in writes:
            raise CommandError(f"two files would become {path}; give their common directory to -f", ExitCode.INPUT)
        writes[path] = Write(path, file.source.encode(file.after))
    return list(writes.values())


def to_component(directory: Path, files: Mapping[str, str], before: Mapping[str, str]) -> list[Write]:
    """Return the writes after which a directory that held `before` holds `files` and nothing else."""
    gone = [Write(directory / name, None) for name in before if name not in files]
    new = [Write(directory / name, text.encode()) for name, text in files.items() if before.get(name) != text]
    return gone + new


def is_directory(path: str) -> bool:
    """Whether `-o PATH` means a directory: PATH is one, or ends with a slash."""
    return path.endswith(("/", os.sep)) or Path(path).is_dir()
