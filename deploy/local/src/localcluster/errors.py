"""What can go wrong, each with the words a user needs to put it right."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path


class LocalClusterError(Exception):
    """Anything this package reports to its user; the text says what to do."""


class MissingPrerequisiteError(LocalClusterError):
    """Something is lacking on this machine: root, Linux, a Debian package, a Go toolchain."""


class BuildError(LocalClusterError):
    """A binary or an image couldn't be built."""


class ClusterNotFoundError(LocalClusterError):
    """No running cluster has that name."""


class ClusterRunningError(LocalClusterError):
    """A cluster of that name runs already."""


class StartError(LocalClusterError):
    """A cluster didn't become ready."""


class CommandError(LocalClusterError):
    """A command against the cluster ended with another code than 0.

    Attributes
    ----------
    result
        The finished process, with its output.
    """

    def __init__(self, result: subprocess.CompletedProcess[str]) -> None:
        self.result = result
        words = [Path(str(result.args[0])).name, *map(str, result.args[1:])]
        output = (result.stderr or result.stdout or "").strip()
        super().__init__(f"`{shlex.join(words)}` ended with code {result.returncode}: {output}")
