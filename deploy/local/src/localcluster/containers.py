"""Talking to the containerd of a real node."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from .errors import CommandError, LocalClusterError
from .level import Level
from .node import PAUSE_IMAGE
from .oci import write_image
from .prerequisites import BUSYBOX
from .spec import ClusterSpec


def load_image(spec: ClusterSpec, archive: Path) -> list[str]:
    """Import an image archive (OCI or docker).

    Returns
    -------
    list of str
        The names of the images it held.

    Raises
    ------
    LocalClusterError
        If the cluster has no real node, or the archive can't be read.
    """
    if spec.level is not Level.NODE:
        raise LocalClusterError(
            f"the cluster {spec.name} has no real node to load images into: it is of level {spec.level}"
        )
    try:
        output = _ctr(spec, "images", "import", "--digests=false", str(archive.absolute()))
    except CommandError as problem:
        reason = problem.result.stderr.strip().splitlines()[-1]
        raise LocalClusterError(f"{archive} can't be imported as a container image: {reason}") from problem
    return [line.split()[0] for line in output.splitlines() if line.split()[1:] == ["saved"]]


def containerd_answers(spec: ClusterSpec) -> bool:
    """Return whether containerd takes requests."""
    try:
        _ctr(spec, "version")
    except CommandError:
        return False
    return True


def load_pause_image(spec: ClusterSpec) -> None:
    """Import the image of the process that holds a pod's namespaces: here, a busybox that sleeps."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "pause.tar"
        write_image(archive, PAUSE_IMAGE, {"busybox": BUSYBOX.read_bytes()}, ["/busybox", "sleep", "infinity"])
        _ctr(spec, "images", "import", str(archive))


def _ctr(spec: ClusterSpec, *arguments: str) -> str:
    command = [
        str(spec.binaries / "ctr"),
        f"--address={spec.files.node / 'containerd.sock'}",
        "--namespace=k8s.io",
        *arguments,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if result.returncode != 0:
        raise CommandError(result)
    return result.stdout
