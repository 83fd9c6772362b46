"""Which Go module each binary comes from. The versions are those of the ``go.mod`` files beside this file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GO_FOLDER = Path(__file__).parent / "go"

_KUBERNETES_VERSION = "-X k8s.io/component-base/version.gitVersion={version}"


@dataclass(frozen=True, slots=True)
class GoModule:
    """A folder with a ``go.mod`` that pins one upstream module and all it needs."""

    folder: str
    """Name below `GO_FOLDER`. Modules that disagree on a dependency's version have folders of their own."""

    path: str
    """The upstream module."""

    tags: str = ""
    """Build tags."""

    version_flag: str = ""
    """Linker flag that writes the version into the binary; ``{version}`` stands for it."""

    @property
    def directory(self) -> Path:
        """Where its go.mod is."""
        return GO_FOLDER / self.folder

    def version(self) -> str:
        """Return the upstream module's version, as go.mod has it."""
        for line in (self.directory / "go.mod").read_text().splitlines():
            words = line.removeprefix("require").split()
            if words[:1] == [self.path] and len(words) > 1:
                return words[1]
        raise LookupError(f"{self.directory / 'go.mod'} requires no {self.path}")

    def key(self) -> str:
        """Return a name for what is built from it: another version or another dependency gives another name."""
        return _key(self)


@cache
def _key(module: GoModule) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((module.directory / name).read_bytes())
    digest.update(f"{module.tags}|{module.version_flag}".encode())
    return f"{module.folder}-{module.version()}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Binary:
    """A program and the Go package it is built from."""

    name: str
    package: str
    module: GoModule


def _catalogue() -> dict[str, Binary]:
    kubernetes = GoModule("kubernetes", "k8s.io/kubernetes", version_flag=_KUBERNETES_VERSION)
    etcd = GoModule("etcd", "go.etcd.io/etcd/server/v3")
    containerd = GoModule(
        "containerd",
        "github.com/containerd/containerd/v2",
        tags="no_btrfs no_zfs no_devmapper",
        version_flag="-X github.com/containerd/containerd/v2/version.Version={version}",
    )
    kwok = GoModule("kwok", "sigs.k8s.io/kwok", version_flag="-X sigs.k8s.io/kwok/pkg/consts.Version={version}")
    coredns = GoModule("coredns", "github.com/coredns/coredns")
    helm = GoModule("helm", "helm.sh/helm/v3", version_flag="-X helm.sh/helm/v3/internal/version.version={version}")
    # Without service discovery, which is most of its dependencies: rules are tested, and fixed targets scraped.
    prometheus = GoModule("prometheus", "github.com/prometheus/prometheus", tags="remove_all_sd")
    packages = {
        kubernetes: {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubectl",
                "kubelet",
                "kube-proxy",
            )
        },
        etcd: {"etcd": "go.etcd.io/etcd/server/v3"},
        containerd: {
            name: f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        },
        kwok: {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        coredns: {"coredns": "github.com/coredns/coredns"},
        helm: {"helm": "helm.sh/helm/v3/cmd/helm"},
        prometheus: {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
    }
    return {
        name: Binary(name, package, module) for module, names in packages.items() for name, package in names.items()
    }


BINARIES = _catalogue()
"""Every binary this package can build, by name."""
