"""Where the output goes: one stream, a directory, the files themselves, a kustomize component, a diff."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from apphealth.cli.errors import CommandError, ExitCode, ReaderGoneError
from apphealth.cli.render.rendering import Rendered

_SEPARATOR = "---\n"


@dataclass(frozen=True, slots=True)
class Write:
    """One file to be written; without content, to be deleted."""

    path: Path
    content: bytes | None


def stream(files: Sequence[Rendered]) -> bytes:
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


def to_directory(files: Iterable[Rendered], directory: Path) -> list[Write]:
    """Return the writes of all files below a directory, at their places below the input's."""
    writes: dict[Path, Write] = {}
    for file in files:
        path = directory / file.relative
        if path in writes:
            raise CommandError(f"two files would become {path}; give their common directory to -f", ExitCode.INPUT)
        writes[path] = Write(path, file.source.encode(file.after))
    return list(writes.values())


def in_place(files: Iterable[Rendered]) -> list[Write]:
    """Return the writes of the files that changed, where they came from."""
    return [Write(place_of(file), file.source.encode(file.after)) for file in files if file.changed]


def place_of(file: Rendered) -> Path:
    """Return where a file belongs: where it was read, or beside it."""
    path = file.source.path
    if path is None:
        return file.relative
    return path.with_name(file.relative.name) if file.new else path


def to_component(directory: Path, files: Mapping[str, str], before: Mapping[str, str]) -> list[Write]:
    """Return the writes that make a directory hold just `files`, where it held `before`."""
    gone = [Write(directory / name, None) for name in before if name not in files]
    new = [Write(directory / name, text.encode()) for name, text in files.items() if before.get(name) != text]
    return gone + new


def diff(name: str, before: str, after: str) -> Iterator[str]:
    """Yield the lines of a unified diff, as `git apply` takes it."""
    name = name.lstrip("/")
    one, two = (name if text else "/dev/null" for text in (before, after))
    label = ("a/" if before else "", "b/" if after else "")
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), label[0] + one, label[1] + two, n=3
    )
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def put(content: bytes) -> None:
    """Write to standard output: all of it, also where Python was told not to buffer and a write can fall short.

    Raises
    ------
    ReaderGoneError
        Where nobody reads it any more.
    """
    sys.stdout.flush()
    try:
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
            out.write(content)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def is_directory(path: str) -> bool:
    """Whether `-o PATH` means a directory: it is one, or ends like one."""
    return path.endswith(("/", os.sep)) or Path(path).is_dir()


def write_file(path: Path, content: bytes) -> None:
    """Write one file; a pipe or a device is written to, not replaced."""
    if not path.exists() or path.is_file():
        commit([Write(path, content)])
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path}: can't be written: {error.strerror or error}", ExitCode.ENVIRONMENT) from error


def commit(writes: Sequence[Write]) -> None:
    """Write all files: first beside their places, then all at once, so that a full disk changes nothing.

    Raises
    ------
    CommandError
        Where one can't be written; what was there is untouched.
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
