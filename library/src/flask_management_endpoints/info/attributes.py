"""Host, operating system, process and container, by OpenTelemetry's semantic conventions 1.37 (resource attributes).

https://opentelemetry.io/docs/specs/semconv/resource/
"""

import os
import platform
import re
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from flask_management_endpoints.scrub import presentable

_ARCHITECTURES = {
    "x86_64": "amd64",
    "AMD64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm32",
    "i686": "x86",
    "i386": "x86",
}
_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
MAX_READ = 64 * 1024


def host(hostname: str | None = None) -> dict[str, str]:
    """Return ``host.name`` and ``host.arch``; ``host.hostname`` is version 1's key."""
    machine = platform.machine()
    name = hostname or os.environ.get("HOSTNAME") or socket.gethostname()
    return {"host.arch": _ARCHITECTURES.get(machine, machine), "host.hostname": name, "host.name": name}


def operating_system() -> dict[str, str]:
    """Return ``os.*``."""
    return dict(_operating_system())


@cache
def _operating_system() -> dict[str, str]:
    found = {
        "os.description": f"{platform.system()} {platform.release()}",
        "os.type": platform.system().lower(),
        "os.version": platform.release(),
    }
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return found
    return found | {"os.name": release["NAME"]}


def process() -> dict[str, Any]:
    """Return ``process.*`` without the command line."""
    return {
        "process.pid": os.getpid(),
        "process.creation.time": _started().isoformat(timespec="milliseconds"),
        "process.executable.name": os.path.basename(sys.executable),  # noqa: PTH119 - a Path costs 10 µs
        "process.executable.path": sys.executable,
        "process.runtime.description": sys.version.replace("\n", ""),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }


def lifetime() -> dict[str, Any]:
    """Return when this process started, and for how many seconds it has been up."""
    uptime = (
        time.clock_gettime(time.CLOCK_BOOTTIME) - _start_since_boot(os.getpid())
        if _has_proc()
        else time.monotonic() - _IMPORTED
    )
    return {"startTime": _started().isoformat(timespec="seconds"), "uptimeSeconds": round(max(0.0, uptime), 1)}


def command_line() -> dict[str, Any]:
    """Return the arguments this process was started with; they may hold passwords. The latter is version 1's key."""
    return {"process.command_args": list(sys.orig_argv), "process.command_line": " ".join(sys.argv)}


def machine(file: str = "/etc/machine-id") -> dict[str, str]:
    """Return the machine's id, which identifies it for ever; ``machine.id`` is version 1's key."""
    found = first_line(file)
    return {"host.id": found, "machine.id": found} if found else {}


def container() -> dict[str, str]:
    """Return ``container.id``, if it can be told from the cgroup or, with cgroup v2, from the mounts."""
    return dict(_container(read))


@cache
def _container(read: Callable[[str], str]) -> dict[str, str]:
    for path, marker in (("/proc/self/cgroup", ""), ("/proc/self/mountinfo", "/containers/")):
        for line in read(path).splitlines():
            match = _CONTAINER_ID.search(line) if marker in line else None
            if match:
                return {"container.id": match[0]}
    return {}


def from_environment(*, sensitive: bool = False) -> dict[str, str]:
    """Return what ``OTEL_RESOURCE_ATTRIBUTES`` says: ``key=value,key=value``, percent-encoded.

    It wins over what was found out. What looks like a secret is shown with ``sensitive`` only.
    """
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",") if "=" in pair)
    found = {key.strip(): unquote(value.strip()) for key, _, value in pairs if key.strip()}
    return {key: value for key, value in found.items() if sensitive or presentable(key, value)}


_IMPORTED = time.monotonic()


def _started() -> datetime:
    elapsed = (
        time.clock_gettime(time.CLOCK_BOOTTIME) - _start_since_boot(os.getpid())
        if _has_proc()
        else time.monotonic() - _IMPORTED
    )
    return datetime.fromtimestamp(time.time() - elapsed, UTC)


@cache
def _has_proc() -> bool:
    return hasattr(time, "CLOCK_BOOTTIME") and Path("/proc/self/stat").exists()


@cache
def _start_since_boot(pid: int) -> float:
    """Return the seconds from boot to this process's start: field 22 of proc_pid_stat(5), in clock ticks."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def first_line(path: str) -> str | None:
    """Return the first line of a small file, or None if there is none."""
    return next(iter(read(path).splitlines()), "").strip()[:1024] or None


def read(path: str) -> str:
    """Return the beginning of a small system file, or nothing if it can't be read."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            return stream.read(MAX_READ)
    except OSError:
        return ""
