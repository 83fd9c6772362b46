"""A real Kubernetes on this machine, built from Go modules, without Docker.

`start` brings a cluster up and `attach` finds one that runs; both return a `Cluster`. `binaries` provides the programs,
`images` builds container images without a registry.
"""

from . import binaries, images
from .cluster import Cluster, ComponentStatus, attach, start
from .errors import (
    BuildError,
    ClusterNotFoundError,
    ClusterRunningError,
    CommandError,
    LocalClusterError,
    MissingPrerequisiteError,
    StartError,
)
from .level import Level

__all__ = [
    "BuildError",
    "Cluster",
    "ClusterNotFoundError",
    "ClusterRunningError",
    "CommandError",
    "ComponentStatus",
    "Level",
    "LocalClusterError",
    "MissingPrerequisiteError",
    "StartError",
    "attach",
    "binaries",
    "images",
    "start",
]
