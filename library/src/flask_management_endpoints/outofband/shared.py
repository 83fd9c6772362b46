"""A small document in memory that the arbiter shares with its workers, and that any of them may change.

Written rarely, read at every probe: a reader looks at one number, and reads the document only if it isn't the one it
knows. Writers exclude each other by a lock of the operating system, which ends with the process that holds it.
"""

import fcntl
import json
import logging
import mmap
import os
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.state import Records, copied

SIZE = 256 * 1024
_HEAD = struct.Struct("=qq")  # version, odd while somebody writes; length
_VERSION = struct.Struct("=q")
logger = logging.getLogger("flask_management_endpoints")


class SharedStore:
    """Records in shared memory. Made before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SIZE)
        self._lock_file = _nameless_file()
        self._known_version = 0
        self._known: Records = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take a lock of its own against the other threads of this process."""
        self._lock = threading.Lock()

    def read(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the records; the last ones known while another process is writing."""
        version = _VERSION.unpack_from(self._memory)[0]
        if version != self._known_version and version % 2 == 0:
            self._refresh()
        return self._known

    def _refresh(self) -> None:
        version, length = _HEAD.unpack_from(self._memory)
        text = self._memory[_HEAD.size : _HEAD.size + length]
        if version % 2 == 0 and _VERSION.unpack_from(self._memory)[0] == version:
            with suppress(ValueError):  # the process that wrote it was killed in the middle
                self._known, self._known_version = json.loads(text), version

    def change(self, change: Callable[[Records], None]) -> None:
        """Change the records. What doesn't fit isn't taken over, and told."""
        with self.exclusively():
            self._refresh()
            records = copied(self._known)
            change(records)
            self._write(json.dumps(records).encode())

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Keep all other threads and processes that ask for the same out meanwhile."""
        with self._lock:
            fcntl.lockf(self._lock_file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock_file, fcntl.LOCK_UN)

    def _write(self, text: bytes) -> None:
        if len(text) > SIZE - _HEAD.size:
            logger.error("the state of all workers is longer than %d bytes; the last change isn't shared", SIZE)
            return
        version = _VERSION.unpack_from(self._memory)[0] | 1
        _HEAD.pack_into(self._memory, 0, version, len(text))
        self._memory[_HEAD.size : _HEAD.size + len(text)] = text
        _VERSION.pack_into(self._memory, 0, version + 1)


def _nameless_file() -> int:
    """Return a file that only this process and its children know: they lock it, nobody reads it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("health")
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)  # noqa: PTH108 - mkstemp's own kind of path
    return descriptor
