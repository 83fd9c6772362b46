"""Bringing clusters up and down, and finding those that run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from . import binaries, network
from .cleanup import remove_remains
from .errors import ClusterNotFoundError, ClusterRunningError, LocalClusterError
from .keeper import python
from .level import Level
from .locks import is_locked, locked, try_lock
from .paths import state_dir
from .pki import write_pki
from .progress import Progress
from .readiness import wait_until_ready
from .spec import ClusterSpec, Files

PROGRAMS = {
    Level.CONTROL_PLANE: binaries.CONTROL_PLANE,
    Level.SIMULATED: binaries.SIMULATED,
    Level.NODE: binaries.NODE,
}
_DOWN_TIMEOUT = 60.0
"""Seconds that a keeper may take to end."""


def launch(
    name: str,
    level: Level,
    *,
    controllers: bool,
    extra_arguments: Mapping[str, Sequence[str]],
    progress: Progress,
) -> tuple[ClusterSpec, int]:
    """Start a cluster and wait until it is ready.

    Returns
    -------
    tuple
        What runs, and the write end of its lifeline: the cluster ends when that is closed, unless `keeper.DETACH` was
        written.

    Raises
    ------
    ClusterRunningError
        If the name is taken.
    StartError
        If the cluster doesn't become ready; it is down again then.
    """
    files = Files.of(name)
    if is_locked(files.lock):
        raise ClusterRunningError(f"the cluster {name} runs already: attach to it, take it down, or use another name")
    if level is Level.NODE:
        from .prerequisites import ensure_node_prerequisites

        ensure_node_prerequisites(progress)
    folder = binaries.ensure(PROGRAMS[level], progress)
    extra = {component: tuple(flags) for component, flags in extra_arguments.items()}
    with _claimed(files) as lock:
        spec = _prepare(files, level, folder, controllers=controllers, extra_arguments=extra)
        lifeline, log = _start_keeper(spec, lock)
    try:
        with log, progress.step(f"Starting the cluster {name} ({level})"):
            wait_until_ready(spec, log)
    except BaseException:
        os.close(lifeline)
        _end_keeper(files)
        raise
    return spec, lifeline


def bring_down(name: str) -> bool:
    """End a cluster and remove all that it left, also if it has crashed.

    Returns
    -------
    bool
        Whether there was anything to end or remove.
    """
    files = Files.of(name)
    there = files.root.exists()
    if is_locked(files.lock):
        _end_keeper(files)
    lock = try_lock(files.lock)
    if lock is None:
        raise LocalClusterError(f"the cluster {name} is being started by somebody else; try again")
    try:
        remove_remains(files)
    finally:
        os.close(lock)
    return there


def running(name: str) -> ClusterSpec:
    """Return the cluster of that name that runs.

    Raises
    ------
    ClusterNotFoundError
        If there is none.
    """
    files = Files.of(name)
    if is_locked(files.lock) and files.spec.exists():
        return ClusterSpec.load(files)
    others = ", ".join(spec.name for spec in all_running()) or "none"
    raise ClusterNotFoundError(
        f"no cluster {name} runs (running: {others}); start it with: localcluster up --name {name}"
    )


def all_running() -> list[ClusterSpec]:
    """Return every cluster that runs, by name."""
    return [spec for spec in _all_known() if is_locked(spec.files.lock)]


@contextmanager
def _claimed(files: Files) -> Iterator[int]:
    """Hold a cluster's lock, with nothing left of an earlier one; leave nothing if the block fails."""
    lock = try_lock(files.lock)
    if lock is None:
        raise ClusterRunningError(f"the cluster {files.root.name} has just been started by somebody else")
    try:
        remove_remains(files)
        yield lock
    except BaseException:
        remove_remains(files)
        raise
    finally:
        os.close(lock)


def _make_folder(root: Path) -> None:
    """Make a cluster's folder; the last other cluster that ends may remove the folder around it at any moment."""
    while True:
        root.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            root.mkdir(mode=0o700)
            return


def _prepare(
    files: Files,
    level: Level,
    folder: Path,
    *,
    controllers: bool,
    extra_arguments: Mapping[str, tuple[str, ...]],
) -> ClusterSpec:
    with locked(state_dir() / "locks" / "allocation.lock"):
        spec = ClusterSpec(
            name=files.root.name,
            level=level,
            binaries=folder,
            addresses=network.allocate(level, [other.addresses for other in _all_known()]),
            controllers=controllers,
            extra_arguments=extra_arguments,
        )
        _make_folder(files.root)
        (files.root / "logs").mkdir()
        spec.save()
    write_pki(spec)
    if level is Level.NODE:
        from .node import write_configuration

        write_configuration(spec)
    return spec


def _all_known() -> list[ClusterSpec]:
    """Return every cluster that has a folder, running or crashed, by name."""
    found = []
    for path in sorted((state_dir() / "clusters").glob("*/cluster.json")):
        with suppress(FileNotFoundError):  # just removed
            found.append(ClusterSpec.load(Files(path.parent)))
    return found


def _start_keeper(spec: ClusterSpec, lock: int) -> tuple[int, BinaryIO]:
    """Start the keeper, which inherits the lock; return the write end of its lifeline, and its log."""
    reading, lifeline = os.pipe()
    log = spec.files.log("keeper").open("w+b")
    try:
        subprocess.run(
            [*python("keeper"), spec.name, str(lock), str(reading)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(lock, reading),
            start_new_session=True,
            check=True,
        )
    except BaseException:
        os.close(lifeline)
        log.close()
        raise
    finally:
        os.close(reading)
    return lifeline, log


def _end_keeper(files: Files) -> None:
    deadline = time.monotonic() + _DOWN_TIMEOUT
    told = False
    while is_locked(files.lock):
        keeper = _keeper_pid(files)
        if keeper and not told:
            with suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGTERM)
            told = True
        if time.monotonic() > deadline:
            raise LocalClusterError(
                f"the keeper of {files.root.name} (process {keeper}) doesn't end: end it with kill -9"
            )
        time.sleep(0.02)


def _keeper_pid(files: Files) -> int | None:
    """Return the keeper's process id; None while it starts or after it removed everything."""
    try:
        return int(files.keeper_pid.read_text())
    except (OSError, ValueError):
        return None
