"""Output of several commands: to standard output, to files, as JSON and as diffs. It knows nothing of probes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import msgspec

from apphealth.cli.errors import CommandError, ExitCode, ReaderGoneError


@dataclass(frozen=True, slots=True)
class Write:
    """A file to write, or to delete if `content` is None."""

    path: Path
    content: bytes | None


def clean(text: str) -> str:
    """Return the text with `?` for each character that would break a line or control a terminal.

    Names and evidence come from manifests, whose author may not be trusted.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def duration(seconds: float) -> str:
    """Return a duration as people say it: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{round(seconds)} s"
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def as_json(value: object) -> str:
    """Return a value as indented JSON that ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def diff(name: str, before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified diff that `git apply` accepts.

    Parameters
    ----------
    name
        The file's path; a leading `/` is left out.
    before, after
        Both texts of the file; an empty one means that the file doesn't exist.
    """
    name = name.lstrip("/")
    one, two = (name if text else "/dev/null" for text in (before, after))
    label = ("a/" if before else "", "b/" if after else "")
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), label[0] + one, label[1] + two, n=3
    )
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def write_stdout(content: bytes) -> None:
    """Write all of the content to standard output.

    A buffered file of its own does so even under `python -u`, where a single write can fall short.

    Raises
    ------
    ReaderGoneError
        The reader has closed the pipe.
    """
    sys.stdout.flush()
    try:
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
            out.write(content)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def write_file(path: Path, content: bytes) -> None:
    """Write one file. A pipe or a device is opened and written to; a regular file is replaced.

    Parameters
    ----------
    path
        The file to write.
    content
        All of its new content.

    Raises
    ------
    CommandError
        The file can't be written; a regular file is unchanged.
    """
    if not path.exists() or path.is_file():
        commit([Write(path, content)])
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path}: can't be written: {error.strerror or error}", ExitCode.ENVIRONMENT) from error


def commit(writes: Sequence[Write]) -> None:
    """Write several files: all contents go into temporary files first, so that a full disk changes no file.

    Parameters
    ----------
    writes
        The files to write and to delete.

    Raises
    ------
    CommandError
        A file can't be written.
    """
    staged: list[tuple[str, Path]] = []
    try:
        for write in writes:
            if write.content is not None:
                staged.append(_stage(Path(os.path.realpath(write.path)), write.content))  # noqa: PERF401 -- see except
        for temporary, path in staged:
            Path(temporary).replace(path)
        for write in writes:
            if write.content is None:
                write.path.unlink(missing_ok=True)
    except OSError as error:
        for temporary, _ in staged:
            Path(temporary).unlink(missing_ok=True)
        where = error.filename or "output"
        raise CommandError(f"{where}: can't be written: {error.strerror or error}", ExitCode.ENVIRONMENT) from error


def _stage(path: Path, content: bytes) -> tuple[str, Path]:
    """Write the content into a temporary file beside its target, with the target's permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
    if path.exists():
        shutil.copymode(path, file.name)
    else:
        Path(file.name).chmod(0o666 & ~_umask())
    return file.name, path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
