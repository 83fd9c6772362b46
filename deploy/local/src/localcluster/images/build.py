"""Building an image from an ordinary Dockerfile, offline."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import BuildError
from localcluster.locks import locked
from localcluster.oci import pack
from localcluster.paths import cache_dir
from localcluster.prerequisites import IMAGES, ensure_packages
from localcluster.progress import Progress, default_progress

from .base import BASE_NAMES, base, base_key
from .wheels import content_hash

_KEPT = 3
"""Number of archives that stay in the cache for each tag: one is up to 200 MB."""

# What makes `pip install` in a Dockerfile take the wheels that were gathered, and never ask a package index.
_PIP = """\
[global]
no-index = true
find-links = /wheels
disable-pip-version-check = true
root-user-action = ignore
"""


def build(
    context: Path,
    dockerfile: Path,
    tag: str,
    *,
    wheels: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Build an image.

    The Dockerfile may start from any of `BASE_NAMES`; ``RUN`` works, without a network, and ``pip install`` finds the
    wheels. After ``ARG SOURCE_DATE_EPOCH`` it compiles modules in a way that doesn't depend on the hour.

    Parameters
    ----------
    context
        The folder that the Dockerfile copies from.
    dockerfile
        The Dockerfile; needn't be in the folder.
    tag
        Full name of the image, such as ``localhost/apphealth/shop:1``.
    wheels
        A folder of wheels, from `localcluster.images.wheels`.
    progress
        Where to say what goes on. Default: standard error.

    Returns
    -------
    pathlib.Path
        An OCI archive, for `Cluster.load`. The same inputs give the same archive, from the cache.

    Raises
    ------
    MissingPrerequisiteError
        If buildah or mmdebstrap is missing and can't be installed.
    BuildError
        If the Dockerfile doesn't build; ends with buildah's last lines.
    """
    telling = progress or default_progress()
    key = _key(context, dockerfile, tag, wheels)
    target = cache_dir() / "images" / f"{tag.replace('/', '_').replace(':', '_')}-{key}.tar"
    with locked(cache_dir() / "locks" / "images.lock", lambda who: telling.note(f"Waiting: {who} builds an image")):
        if target.exists():
            target.touch()  # lately used
            return target
        ensure_packages(IMAGES, telling)
        root_file_system = base(telling)
        with telling.step(f"Building the image {tag}"), _buildah(target.parent) as buildah:
            buildah.provide_base(root_file_system)
            buildah.build(context, dockerfile, tag, wheels)
            buildah.export(tag, target)
        _prune(target)
    return target


def _key(context: Path, dockerfile: Path, tag: str, wheels: Path | None) -> str:
    parts = [base_key(), content_hash(context), dockerfile.read_text(), tag, content_hash(wheels) if wheels else ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _prune(newest: Path) -> None:
    prefix = newest.name.rpartition("-")[0]
    archives = sorted(newest.parent.glob(f"{prefix}-????????????????.tar"), key=lambda path: path.stat().st_mtime)
    for old in archives[:-_KEPT]:
        old.unlink()


@dataclass(frozen=True, slots=True)
class _Buildah:
    """buildah, with its storage in our cache."""

    storage: Path
    scratch: Path

    def provide_base(self, root_file_system: Path) -> None:
        """Make the base image, unless it is there."""
        label = f"localcluster.base={base_key()}"
        if self._run("images", "--quiet", "--filter", f"label={label}").strip():
            return
        container = self._run("from", "scratch").strip()
        self._run("add", "--quiet", container, str(root_file_system))
        self._run("config", "--label", label, "--env", "LANG=C.UTF-8", "--cmd", "python3", container)
        image = self._run("commit", "--quiet", "--rm", "--timestamp=0", container, BASE_NAMES[0]).strip()
        self._run("tag", image, *BASE_NAMES)

    def build(self, context: Path, dockerfile: Path, tag: str, wheels: Path | None) -> None:
        """Run the Dockerfile."""
        configuration = self.scratch / "pip.conf"
        configuration.write_text(_PIP)
        empty = self.scratch / "no-wheels"
        empty.mkdir()
        command = ["build", "--pull-never", "--isolation=chroot", "--layers=false", "--timestamp=0"]
        command += ["--build-arg=SOURCE_DATE_EPOCH=0", f"--volume={wheels or empty}:/wheels:ro"]
        command += [f"--volume={configuration}:/etc/pip.conf:ro", f"--file={dockerfile}", f"--tag={tag}"]
        self._run(*command, str(context))

    def export(self, tag: str, target: Path) -> None:
        """Write the image into an archive, and remove it from the storage."""
        layout, archive = self.scratch / "layout", self.scratch / "image.tar"
        self._run("push", "--quiet", tag, f"oci:{layout}:{tag}")
        self._run("rmi", tag)
        pack(layout, archive)
        archive.replace(target)

    def _run(self, *arguments: str) -> str:
        options = ["--root", str(self.storage), "--runroot", str(self.scratch / "run"), "--storage-driver", "overlay"]
        # In a network of its own, with nothing in it: whatever a Dockerfile tries, nothing is fetched. And with mounts
        # of its own, so that a build that is cut off leaves none.
        command = ["unshare", "--net", "--mount", "--", "buildah", *options, *arguments]
        environment = os.environ | {"TMPDIR": str(self.scratch), "BUILDAH_ISOLATION": "chroot"}
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if result.returncode != 0:
            output = (result.stdout + result.stderr).strip().splitlines()
            raise BuildError(f"`buildah {arguments[0]}` failed:\n" + "\n".join(output[-30:]))
        return result.stdout


@contextmanager
def _buildah(folder: Path) -> Iterator[_Buildah]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        yield _Buildah(folder / "storage", Path(scratch))
