"""Removing what a cluster leaves behind once its processes are dead.

A cluster with a real node runs in namespaces of its own: its mounts, network devices, routes, nft tables and everything
under ``/run`` and ``/var/log`` went with its last process. What stays is the state folder, and the control groups.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import LocalClusterError
from .locks import is_locked
from .spec import Files

CGROUP_MOUNT = Path("/sys/fs/cgroup")
CNI_CACHE = Path("/var/lib/cni")
"""libcni has no option for the place of its cache: a cluster mounts a folder of its own over it."""

_PATIENCE = 30.0
"""Seconds that killed processes get to die."""


def remove_remains(files: Files) -> None:
    """Remove everything of a cluster whose processes are dead or dying. The caller holds the cluster's lock.

    Raises
    ------
    LocalClusterError
        If they don't die.
    """
    _wait_for_processes(files)
    for folder in [*_cgroups(files), *_cgroup_roots("k8s.io")]:
        with contextlib.suppress(OSError):  # not there, or the control group of somebody else's containers
            folder.rmdir()
    shutil.rmtree(files.root, ignore_errors=True)
    with contextlib.suppress(OSError):  # other clusters are in there
        files.root.parent.rmdir()
        CNI_CACHE.rmdir()


def _wait_for_processes(files: Files) -> None:
    deadline = time.monotonic() + _PATIENCE
    while is_locked(files.processes_lock):
        if time.monotonic() > deadline:
            raise LocalClusterError(
                f"processes of the cluster {files.root.name} don't end; see which with: fuser -v {files.processes_lock}"
            )
        time.sleep(0.02)


def _cgroups(files: Files) -> Iterator[Path]:
    """Find the control groups of the containers that containerd remembers, in either version's trees."""
    containers = files.node / "containerd" / "io.containerd.grpc.v1.cri"
    for container in containers.glob("*/*"):  # containers/ID and sandboxes/ID
        yield from _cgroup_roots(f"k8s.io/{container.name}")


def _cgroup_roots(name: str) -> Iterator[Path]:
    yield from (CGROUP_MOUNT / name, *CGROUP_MOUNT.glob(f"*/{name}"))
