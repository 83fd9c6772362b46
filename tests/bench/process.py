"""The operator as a process: started as a user starts it, and watched from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL = 0.02
_LOOKED_AROUND = "all workloads have been reconciled"


@dataclass(slots=True)
class Operator:
    """A running operator."""

    process: subprocess.Popen[bytes]
    started: float
    """`time.time()` at its start."""
    port: int
    log: Path

    @property
    def cpu(self) -> float:
        """Seconds of CPU it has used."""
        return cpu_of(self.process.pid)

    @property
    def peak_mb(self) -> float:
        """The most memory it ever held (VmHWM), in megabytes (10^6 bytes)."""
        return self._status("VmHWM")

    @property
    def memory_mb(self) -> float:
        """The memory that it holds now (VmRSS), in megabytes."""
        return self._status("VmRSS")

    def wait_ready(self, timeout: float = 1800.0) -> float:
        """Wait until it says that it is ready; return the seconds since its start."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the operator ended with {self.process.returncode}:\n{self.tail()}")
            if self._ready():
                return time.time() - self.started
            time.sleep(_POLL)
        raise TimeoutError(f"the operator is not ready after {timeout:g} s:\n{self.tail()}")

    def wait_looked_around(self, timeout: float = 1800.0) -> float:
        """Wait until it has looked at every workload, as it does after its start; return the seconds since then."""
        self.wait_ready(timeout)
        deadline = time.monotonic() + timeout
        while _LOOKED_AROUND not in self.log.read_text(errors="replace"):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError(f"the operator has not looked at all workloads:\n{self.tail()}")
            time.sleep(_POLL)
        return time.time() - self.started

    def tail(self, lines: int = 20) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Have it end by itself; kill it after 20 s."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ready(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _status(self, field: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith(f"{field}:"))
        return int(kilobytes) * 1024 / 1e6


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a running process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def operator(kubeconfig: Path, folder: Path) -> Iterator[Operator]:
    """Run the operator until the end of the block."""
    port = _free_port()
    log = folder / "operator.log"
    program = Path(sys.executable).parent / "apphealth"
    command = [str(program), "run", f"--kubeconfig={kubeconfig}", f"--health-port={port}", "--no-leader-elect"]
    with log.open("wb") as output:
        started = time.time()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    running = Operator(process, started, port, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
