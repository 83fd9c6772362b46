"""The process that outlives a cluster's programs, and cleans up after them.

It starts the supervisor, waits, and ends the cluster on SIGTERM, when the supervisor dies, or when the process that
started the cluster is gone: that process holds the other end of a pipe (the lifeline), and detaches by writing one byte
into it.
Run by `localcluster.launch` only.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys

from . import network
from .cleanup import remove_remains
from .level import Level
from .locks import try_lock
from .spec import ClusterSpec, Files
from .supervisor import die_with_parent

DETACH = b"d"
"""Written into the lifeline by a starter that leaves the cluster running."""


def python(module: str) -> list[str]:
    """Return the command line that runs the main function of a module of this package."""
    # Not -m: this package imports its modules, which runpy warns about. -P: never from the current folder.
    return [sys.executable, "-P", "-c", f"from localcluster.{module} import main; main()"]


def main() -> None:
    """Keep a cluster. Arguments: its name, the file descriptors of its lock (only kept open) and of the lifeline."""
    name, lifeline = sys.argv[1], int(sys.argv[3])
    if os.fork():  # the starter waits for this process, and has no child to look after then
        return
    files = Files.of(name)
    spec = ClusterSpec.load(files)
    wakeup = _wake_on_signals()
    supervisor = _start_supervisor(spec)
    try:
        files.keeper_pid.write_text(str(os.getpid()))
        if spec.level is Level.NODE:
            network.connect(spec.addresses, network.namespace_process(supervisor.pid))
        _wait_for_the_end(supervisor, lifeline, wakeup)
    finally:
        supervisor.kill()
        supervisor.wait()
        remove_remains(files)


def _start_supervisor(spec: ClusterSpec) -> subprocess.Popen[bytes]:
    lock = try_lock(spec.files.processes_lock)
    if lock is None:
        raise RuntimeError("the processes' lock is taken, though the cluster's lock was free")
    command = [*python("supervisor"), spec.name, str(lock)]
    if spec.level is Level.NODE:
        namespaces = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        command = [*namespaces, "--", *command]
    try:
        return subprocess.Popen(
            command,
            pass_fds=(lock,),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
    finally:
        os.close(lock)


def _wake_on_signals() -> socket.socket:
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach())
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reading


def _wait_for_the_end(supervisor: subprocess.Popen[bytes], lifeline: int, wakeup: socket.socket) -> None:
    watched: list[int | socket.socket] = [wakeup, lifeline]
    while supervisor.poll() is None:
        ready, _, _ = select.select(watched, [], [])
        if wakeup in ready and signal.SIGTERM in wakeup.recv(4096):
            return
        if lifeline in ready:
            if os.read(lifeline, 1) != DETACH:
                return
            watched.remove(lifeline)
