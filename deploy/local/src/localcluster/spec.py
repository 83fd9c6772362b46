"""What a cluster is, as a value, and the folder that holds all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import LocalClusterError
from .level import Level
from .paths import state_dir

NODE_NAME = "node-1"
"""Name of the real node."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a cluster listens, and which ranges are its own."""

    server: str
    """Address of the API server, as the host sees it."""

    server_port: int
    etcd_port: int
    etcd_peer_port: int

    host: str
    """Address of the host, as the cluster sees it: for webhooks that run outside of it."""

    pods: str
    """Range of the pods' addresses."""

    services: str
    """Range of the Services' addresses."""

    link: str | None = None
    """Range of the two addresses between the host and a real node; None without one."""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """All that is decided before a cluster starts."""

    name: str
    level: Level
    binaries: Path
    """Folder of the programs."""

    addresses: Addresses
    controllers: bool = True
    """Whether kube-controller-manager and kube-scheduler run."""

    extra_arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """More command-line flags, by component."""

    @property
    def files(self) -> Files:
        """Where this cluster keeps its files."""
        return Files.of(self.name)

    def save(self) -> None:
        """Write it into the cluster's folder."""
        values = asdict(self) | {"binaries": str(self.binaries)}
        draft = self.files.spec.with_suffix(".draft")
        draft.write_text(json.dumps(values, indent=1))
        draft.replace(self.files.spec)

    @classmethod
    def load(cls, files: Files) -> ClusterSpec:
        """Read what `save` wrote."""
        values = json.loads(files.spec.read_text())
        extra = {name: tuple(flags) for name, flags in values.pop("extra_arguments").items()}
        return cls(
            name=values["name"],
            level=Level(values["level"]),
            binaries=Path(values["binaries"]),
            addresses=Addresses(**values["addresses"]),
            controllers=values["controllers"],
            extra_arguments=extra,
        )


@dataclass(frozen=True, slots=True)
class Files:
    """The folder of one cluster, and what is where in it."""

    root: Path

    @classmethod
    def of(cls, name: str) -> Files:
        """Return the files of the cluster of this name.

        Raises
        ------
        LocalClusterError
            If it can't be the name of a cluster.
        """
        if not _NAME.fullmatch(name):
            raise LocalClusterError(
                f"cluster name {name!r}: use 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end"
            )
        root = state_dir() / "clusters" / name
        # A socket's path holds 107 bytes; the longest below this folder is node/containerd.sock.
        if len(str(root)) > 85:
            raise LocalClusterError(
                f"the state folder {root} is too long a path for sockets: set APPHEALTH_STATE_DIR to a shorter one"
            )
        return cls(root)

    @property
    def lock(self) -> Path:
        """Held by the keeper as long as the cluster runs. Beside the folder, so that removing the folder leaves it."""
        return self.root.parent.parent / "locks" / f"{self.root.name}.lock"

    @property
    def processes_lock(self) -> Path:
        """Held by each process of the cluster: who gets it knows that all of them are dead."""
        return self.root.parent.parent / "locks" / f"{self.root.name}.processes.lock"

    @property
    def spec(self) -> Path:
        """What `ClusterSpec.save` wrote."""
        return self.root / "cluster.json"

    @property
    def keeper_pid(self) -> Path:
        """Process id of the keeper; right as long as the lock is held."""
        return self.root / "keeper.pid"

    @property
    def control(self) -> Path:
        """Socket of the supervisor."""
        return self.root / "control.sock"

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig with admin rights."""
        return self.root / "kubeconfig"

    @property
    def tokens(self) -> Path:
        """Tokens of the admin and the components, for kube-apiserver."""
        return self.root / "pki" / "tokens.csv"

    @property
    def node(self) -> Path:
        """All that a real node writes."""
        return self.root / "node"

    def pki(self, name: str) -> Path:
        """Return a certificate or key."""
        return self.root / "pki" / name

    def component_kubeconfig(self, component: str) -> Path:
        """Return the kubeconfig of a component."""
        return self.root / "pki" / f"{component}.kubeconfig"

    def log(self, component: str) -> Path:
        """Return a component's log."""
        return self.root / "logs" / f"{component}.log"
