"""Checks of what every service stands on: disk, names, certificates. They need no extra."""

import shutil
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from flask_management_endpoints.checks.outcome import Result, Status

DAY = 86400


def disk(
    path: str = "/", *, free_percent: float = 5.0, free_bytes: int = 0
) -> Callable[[], tuple[bool, dict[str, Any]]]:
    """Return a check that is UP while the file system of ``path`` has both ``free_percent`` and ``free_bytes`` free.

    Not for readiness: another replica's disk is no emptier because this one stops serving.
    """

    def check() -> tuple[bool, dict[str, Any]]:
        total, _, free = shutil.disk_usage(path)
        enough = free >= free_bytes and free * 100 >= total * free_percent
        return enough, {"path": path, "free": free, "total": total}

    return check


def dns(host: str) -> Callable[[], tuple[bool, dict[str, Any]]]:
    """Return a check that is UP while the system's resolver knows an address of ``host``."""

    def check() -> tuple[bool, dict[str, Any]]:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        return bool(addresses), {"host": host, "addresses": len(addresses)}

    return check


def certificate(
    host: str, port: int = 443, *, days: float = 14, ca_file: str | None = None, timeout: float = 2.0
) -> Callable[[], Result]:
    """Return a check of the TLS certificate that ``host`` shows: DEGRADED when it expires in less than ``days``.

    DOWN when it has expired, isn't trusted (``ca_file``: a bundle of your own) or is for another name. Run it in the
    background: ``refresh_seconds=3600``.
    """

    def check() -> Result:
        context = ssl.create_default_context(cafile=ca_file)
        with (
            socket.create_connection((host, port), timeout) as connection,
            context.wrap_socket(connection, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert() or {}
        left = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / DAY
        details = {"expires": shown["notAfter"], "daysLeft": round(left, 1)}
        if left < days:
            return Result(Status.DEGRADED, f"expires in {left:.1f} days", details)
        return Result(Status.UP, None, details)

    return check
