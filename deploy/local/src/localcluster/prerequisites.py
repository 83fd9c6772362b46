"""What a real node needs from this machine, besides what is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingPrerequisiteError
from .locks import locked
from .paths import state_dir
from .progress import Progress

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
BUSYBOX = Path("/bin/busybox")


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Something the operating system provides."""

    package: str
    """The Debian package that brings it."""

    is_there: Callable[[], bool]


def cni_folder() -> Path | None:
    """Return the folder with the CNI plugins, if there is one."""
    return next((folder for folder in CNI_FOLDERS if (folder / "ptp").exists()), None)


def _command(package: str, name: str) -> Prerequisite:
    return Prerequisite(package, lambda: shutil.which(name) is not None)


NODE = (
    _command("runc", "runc"),
    _command("nftables", "nft"),
    _command("iproute2", "ip"),
    _command("util-linux", "unshare"),
    Prerequisite("containernetworking-plugins", lambda: cni_folder() is not None),
    Prerequisite("busybox-static", BUSYBOX.exists),
)
IMAGES = (_command("buildah", "buildah"), _command("mmdebstrap", "mmdebstrap"))


def why_no_node() -> str | None:
    """Return why this machine can't run a real node; None if it can. Packages that can be installed are no reason."""
    if sys.platform != "linux":
        return f"a real node needs Linux, and this is {sys.platform}"
    if os.geteuid() != 0:
        return "a real node needs root: it makes namespaces, mounts and network devices"
    return None


def ensure_node_prerequisites(progress: Progress) -> None:
    """Install what a real node needs and isn't there.

    Raises
    ------
    MissingPrerequisiteError
        If this isn't Linux, we aren't root, or something can't be installed; says what to install.
    """
    if reason := why_no_node():
        raise MissingPrerequisiteError(f"{reason}. Use --level control-plane or simulated here")
    if state_dir().is_relative_to("/run") or state_dir().is_relative_to("/var/log"):
        raise MissingPrerequisiteError(
            f"a real node covers /run and /var/log with its own, and {state_dir()} is in there: set APPHEALTH_STATE_DIR"
        )
    ensure_packages(NODE, progress)


def ensure_packages(wanted: Iterable[Prerequisite], progress: Progress) -> None:
    """Install the Debian packages that are missing.

    Raises
    ------
    MissingPrerequisiteError
        If that can't be done; says what to install.
    """
    everything = list(wanted)
    missing = [item.package for item in everything if not item.is_there()]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingPrerequisiteError(f"missing here: {names} (names of Debian packages). Install them and try again")
    with (
        locked(state_dir() / "locks" / "apt.lock", lambda who: progress.note(f"Waiting: {who} installs packages")),
        progress.step(f"Installing Debian packages: {names}"),
    ):
        _install(missing)
    if still := [item.package for item in everything if not item.is_there()]:
        raise MissingPrerequisiteError(f"installed, but still not found: {' '.join(still)}")


def _install(packages: list[str]) -> None:
    install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", *packages]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # The lists of packages may be missing or old: fetched only if it doesn't work without.
    for command in (install, ["apt-get", "update", "-qq"], install):
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if command is install and result.returncode == 0:
            return
    names = " ".join(packages)
    raise MissingPrerequisiteError(f"`apt-get install {names}` failed; install them by hand:\n{result.stderr.strip()}")
