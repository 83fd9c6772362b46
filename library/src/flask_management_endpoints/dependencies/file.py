"""The operator's dependencies file, re-read when it changes.

The kubelet replaces such a file by switching the symlink ``..data``, editors by renaming, scripts by writing into it;
what tells all of them is what ``stat`` says of the file at the end of the links. Whatever is wrong with a new
version, the last good one stays, with a warning in the log.
"""

import json
import logging
import math
import os
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from flask_management_endpoints.dependencies.model import Dependency, Timeouts
from flask_management_endpoints.dependencies.urls import BadUrlError, split
from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.raw import Raw

DEFAULT_PATH = "/etc/apphealth/dependencies.json"
PATH_VARIABLE = "APPHEALTH_DEPENDENCIES_FILE"
VERSION = 1
MAX_BYTES = 1024 * 1024
MAX_DEPENDENCIES = 256
MAX_NAME = 253
"""As long as ``service.namespace`` can be in DNS."""
LOOK_EVERY = 0.5
"""Seconds between two looks at the file, however many requests there are."""
logger = logging.getLogger("flask_management_endpoints.dependencies")


class FileProblemError(ValueError):
    """A dependencies file that can't be used; the message says why."""


class DependenciesFile:
    """The file as it was when it was last good."""

    def __init__(self, path: str | None = None) -> None:
        self._fixed_path = path
        self._signature: object = None
        self._looked = -math.inf
        self._problem: str | None = None
        self._entries: dict[str, Dependency] = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take a lock of its own."""
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """Where the file is looked for: the given path, ``APPHEALTH_DEPENDENCIES_FILE``, else the operator's mount."""
        return Path(self._fixed_path or os.environ.get(PATH_VARIABLE) or DEFAULT_PATH)

    def dependencies(self) -> Mapping[str, Dependency]:
        """Return the dependencies by name; looks at the file at most every half second.

        Whoever asks while another thread looks gets what was known before; only the first look is waited for.
        """
        if self._is_time() and self._lock.acquire(blocking=self._looked == -math.inf):
            try:
                if self._is_time():
                    self._look()
                    self._looked = time.monotonic()
            finally:
                self._lock.release()
        return self._entries

    def _is_time(self) -> bool:
        return time.monotonic() - self._looked >= LOOK_EVERY

    def _look(self) -> None:
        path = self.path
        signature, text, problem = _read(path, self._signature)
        if signature == self._signature:
            return
        self._signature = signature
        if problem is None and text is not None:
            try:
                found, faulty = parse(text)
            except FileProblemError as error:
                problem = str(error)
            else:
                for name, fault in faulty.items():
                    logger.warning("dependencies file %s: %s; the other dependencies count", path, fault)
                    if name in self._entries:
                        found[name] = self._entries[name]
                self._entries = found
        if problem and problem != self._problem and not self._is_absent(problem):
            logger.warning(
                "dependencies file %s: %s; %d dependencies of its last good version stay",
                path,
                problem,
                len(self._entries),
            )
        if problem is None and self._problem:
            logger.info("dependencies file %s is good again: %d dependencies", path, len(self._entries))
        self._problem = None if problem and self._is_absent(problem) else problem

    def _is_absent(self, problem: str) -> bool:
        """Return whether there has simply never been a file, which is the normal case outside a cluster."""
        return problem == _GONE and not self._entries


_GONE = "it is gone"


def _read(path: Path, known: object) -> tuple[object, bytes | None, str | None]:
    """Return what identifies the version that is there, its content unless it is the ``known`` one, or its fault."""
    try:
        status = path.stat()
        signature = (str(path), status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        if signature == known:
            return signature, None, None
        if not stat.S_ISREG(status.st_mode):  # a pipe would have the probe wait for a writer
            return signature, None, "it can't be read: it is no regular file"
        if status.st_size > MAX_BYTES:
            return signature, None, f"it has {status.st_size} bytes; {MAX_BYTES} are the most that is read"
        with path.open("rb") as stream:
            return signature, stream.read(MAX_BYTES + 1), None
    except FileNotFoundError:
        return (str(path), "gone"), None, _GONE
    except OSError as error:
        return (str(path), error.errno), None, f"it can't be read: {error.strerror}"


def parse(text: bytes) -> tuple[dict[str, Dependency], dict[str, str]]:
    """Return the dependencies in the file's ``text``, and by name what is wrong with those that can't be used.

    Keys that aren't known are ignored: newer operators may write them.

    Raises
    ------
    FileProblemError
        When it isn't version 1 of the format, or no dependency in it can be used.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileProblemError(f"it isn't JSON: {error}") from None
    if not isinstance(document, dict):
        raise FileProblemError("it holds no JSON object")
    if document.get("version") != VERSION:
        raise FileProblemError(f"version {document.get('version')!r} isn't known; {VERSION} is")
    entries = document.get("service_dependencies", {})
    if not isinstance(entries, dict):
        raise FileProblemError("service_dependencies is no object")
    if len(entries) > MAX_DEPENDENCIES:
        raise FileProblemError(f"it names {len(entries)} dependencies; {MAX_DEPENDENCIES} are the most")
    found: dict[str, Dependency] = {}
    faulty: dict[str, str] = {}
    for name, entry in entries.items():
        try:
            found[name] = _dependency(name, entry)
        except FileProblemError as error:
            faulty[name] = str(error)
    if faulty and not found:
        raise FileProblemError(next(iter(faulty.values())))
    return found, faulty


def _dependency(name: str, entry: Raw) -> Dependency:
    if not name or len(name) > MAX_NAME:
        raise FileProblemError(f"{name[:40]!r}… has {len(name)} characters; a name has 1 to {MAX_NAME}")
    if not isinstance(entry, dict):
        raise FileProblemError(f"{name}: {entry!r:.60} is no object")
    url = entry.get("url")
    try:
        scheme = split(url if isinstance(url, str) else "").scheme
    except BadUrlError as error:
        raise FileProblemError(f"{name}: url: {error}") from None
    required = entry.get("required", False)
    if not isinstance(required, bool):
        raise FileProblemError(f"{name}: required is {required!r:.60}; use true or false")
    kind = entry.get("check", "actuator")
    if kind not in ("actuator", "status", "tcp"):
        raise FileProblemError(f"{name}: check is {kind!r:.60}; use actuator or status")
    return Dependency(
        name=name,
        url=str(url),
        verbatim=True,
        kind="tcp" if scheme == "tcp" else kind,
        required=required,
        groups=frozenset({"readiness"}) if required else frozenset(),
        timeouts=_timeouts(name, entry.get("timeout")),
        source="file",
    )


def _timeouts(name: str, seconds: Raw) -> Timeouts | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 300:
        raise FileProblemError(f"{name}: timeout is {seconds!r:.60}; use seconds, more than 0, at most 300")
    return Timeouts.of(float(seconds))
