"""Locks between processes. The kernel lets go of them when their last holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Linux's open-file-description locks: inherited by children as with flock, and one can ask without taking them.
_FLOCK = struct.Struct("hhqqi4x")  # struct flock: type, whence, start, length, process
_WHOLE_FILE = (os.SEEK_SET, 0, 0, 0)


def try_lock(path: Path) -> int | None:
    """Take the lock of a file, if nobody has it.

    Returns
    -------
    int or None
        A file descriptor that holds the lock until it and its copies are closed; None if somebody else holds it.
    """
    descriptor = _open(path)
    try:
        _control(descriptor, fcntl.F_OFD_SETLK, fcntl.F_WRLCK)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Return whether some process holds the lock of this file."""
    if not path.exists():
        return False
    descriptor = _open(path)
    try:
        return _control(descriptor, fcntl.F_OFD_GETLK, fcntl.F_WRLCK) != fcntl.F_UNLCK
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock of a file, waiting for it if need be.

    Parameters
    ----------
    path
        The lock file. It is made if need be, and stays: removing it would let two processes hold "the" lock.
    on_wait
        Called once, with what the holder wrote about itself, if there is something to wait for.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        on_wait(path.read_text(errors="replace").strip() or "another process")
        descriptor = _open(path)
        _control(descriptor, fcntl.F_OFD_SETLKW, fcntl.F_WRLCK)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _control(descriptor: int, command: int, kind: int) -> int:
    """Run a lock command; return the type of the lock that the kernel answers with."""
    answer = fcntl.fcntl(descriptor, command, _FLOCK.pack(kind, *_WHOLE_FILE))
    found: int = _FLOCK.unpack(answer)[0]
    return found
