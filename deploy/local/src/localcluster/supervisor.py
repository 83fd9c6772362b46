"""The parent of a cluster's programs: starts them, restarts what crashes, and takes commands on a socket.

With a real node it runs as process 1 of its own process, mount and network namespaces, so that nothing it started
outlives it.
Run by the keeper only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .api import ApiClient
from .components import Component, components
from .level import Level
from .spec import ClusterSpec, Files

_RESTART_DELAY = 1.0
"""Seconds before a crashed program is started again; doubled each time, up to `_LONGEST_DELAY`."""

_LONGEST_DELAY = 8.0
_API_POLL = 0.1
"""Seconds between two looks whether the API server answers."""

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _Child:
    """A component and what became of it."""

    component: Component
    process: subprocess.Popen[bytes] | None = None
    held: bool = False
    """Stopped on purpose: not to be started again until told so."""

    restarts: int = 0
    started: float = 0.0
    """When it was started last, by the monotonic clock."""

    due: float | None = None
    """When to start it again, by the monotonic clock."""

    def state(self) -> str:
        if self.held:
            return "stopped"
        if self.process is not None:
            return "running"
        return "waiting" if self.restarts == 0 else "crashed"


@dataclass(slots=True)
class Supervisor:
    """Runs the components of one cluster until it is killed."""

    spec: ClusterSpec
    processes_lock: int
    """File descriptor that every component inherits; see `Files.processes_lock`."""

    children: dict[str, _Child] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _api_seen: bool = False

    def run(self) -> None:
        """Start everything, then serve forever."""
        self.children = {component.name: _Child(component) for component in components(self.spec)}
        with self._wakeup(), self._listen():
            for child in self.children.values():
                if not child.component.needs_api:
                    self._start(child)
            while True:
                for key, _ in self._selector.select(self._timeout()):
                    key.data(key.fileobj)
                self._reap()
                self._start_due()

    def _timeout(self) -> float | None:
        if not self._api_seen:
            return _API_POLL
        due = [child.due for child in self.children.values() if child.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    @contextlib.contextmanager
    def _wakeup(self) -> Iterator[None]:
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writing.fileno())
        self._selector.register(reading, selectors.EVENT_READ, lambda source: source.recv(4096))
        with reading, writing:
            yield

    @contextlib.contextmanager
    def _listen(self) -> Iterator[None]:
        path = self.spec.files.control
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen()
            self._selector.register(listener, selectors.EVENT_READ, self._serve)
            yield

    def _serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        # One short line, from a program of ours: a peer that says nothing must not hold up the cluster.
        connection.settimeout(2)
        with connection, contextlib.suppress(OSError), connection.makefile("rw") as stream:
            stream.write(json.dumps(self._answer(stream.readline())) + "\n")

    def _answer(self, line: str) -> dict[str, object]:
        try:
            command = json.loads(line)
            operation, name = command["operation"], command.get("component")
        except (ValueError, KeyError, AttributeError):
            return {"error": "not a command"}
        if operation == "status":
            return {"components": {name: self._describe(child) for name, child in self.children.items()}}
        if (child := self.children.get(name)) is None:
            return {"error": f"no component {name!r} here; there are: {', '.join(self.children)}"}
        match operation:
            case "stop":
                self._stop(child)
            case "pause":
                self._signal(child, signal.SIGSTOP)
            case "resume":
                self._resume(child)
            case "restart":
                self._stop(child)
                self._resume(child)
            case _:
                return {"error": f"no such command: {operation!r}"}
        return {}

    def _describe(self, child: _Child) -> dict[str, object]:
        pid, uptime = (child.process.pid, time.monotonic() - child.started) if child.process else (None, 0.0)
        return {"state": child.state(), "pid": pid, "uptime": uptime, "restarts": child.restarts}

    def _start(self, child: _Child) -> None:
        child.due, child.started = None, time.monotonic()
        log = self.spec.files.log(child.component.name)
        with log.open("ab") as output:
            child.process = subprocess.Popen(
                child.component.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.spec.files.root,
                env=self._environment(),
                start_new_session=True,
                pass_fds=(self.processes_lock,),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
            )

    def _environment(self) -> dict[str, str]:
        # CoreDNS, kubelet and containerd look for their helpers (runc, the shim) on PATH.
        path = f"{self.spec.binaries}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": str(self.spec.files.root), "KUBECONFIG": "/dev/null"}

    def _stop(self, child: _Child) -> None:
        child.held = True
        child.due = None
        # No SIGTERM: kube-apiserver takes up to 60 s over it while watches are open.
        self._signal(child, signal.SIGKILL)
        if child.process:
            child.process.wait()
            child.process = None

    def _resume(self, child: _Child) -> None:
        child.held = False
        if child.process:
            self._signal(child, signal.SIGCONT)
        else:
            self._start(child)

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        if child.process:
            child.process.send_signal(number)

    def _reap(self) -> None:
        for child in self.children.values():
            if child.process and child.process.poll() is not None:
                child.process = None
                child.due = time.monotonic() + min(_RESTART_DELAY * 2**child.restarts, _LONGEST_DELAY)
                child.restarts += 1
        if os.getpid() == 1:
            _reap_orphans({child.process.pid for child in self.children.values() if child.process})

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            if child.due is not None and child.due <= now:
                self._start(child)
        if not self._api_seen and ApiClient.admin(self.spec).is_ready():
            self._api_seen = True
            for child in self.children.values():
                if child.component.needs_api and not child.held:
                    self._start(child)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies. A preexec_fn for `subprocess`."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _reap_orphans(known: set[int]) -> None:
    """Reap orphaned processes: containerd's shims leave their children to process 1."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if found.si_pid in known:
                return
            os.waitpid(found.si_pid, 0)


def main() -> None:
    """Run a cluster. Arguments: its name, and the file descriptor of its processes' lock."""
    spec = ClusterSpec.load(Files.of(sys.argv[1]))
    if spec.level is Level.NODE:
        from .node import prepare_namespaces

        prepare_namespaces(spec)
    Supervisor(spec, int(sys.argv[2])).run()
