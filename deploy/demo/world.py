"""Where the demonstration takes place: a cluster made for it on this machine, or one's own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from deploy.demo.display import Display
from deploy.demo.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
"""The repository: commands are shown, and run, as from here."""
SHOP_IMAGE = "localhost/apphealth/shop:demo"
SHOP_MANIFEST = "deploy/demo/manifests/shop.yaml"
RULE_MANIFEST = "deploy/demo/manifests/clusterapphealth.yaml"
SHOP_NAMESPACE = "shop"
"""The namespace that the manifests name."""
OPERATOR_NAMESPACE = "apphealth"
OPERATOR_MANIFESTS = "deploy/operator"


class Outcome(Enum):
    """How the story ended."""

    TOLD = 0
    FAILED = 1
    INTERRUPTED = 130
    """Each value is an exit code; this one as shells count Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster, and the namespace in it that the demonstration may do with as it likes."""

    kubectl: Kubectl
    namespace: str
    shop_image: str = SHOP_IMAGE

    @property
    def rule(self) -> str:
        """The name of the ClusterAppHealth."""
        return self.namespace

    def rule_text(self) -> str:
        """Return the ClusterAppHealth for this namespace."""
        text = (ROOT / RULE_MANIFEST).read_text()
        return text.replace(f"name: {SHOP_NAMESPACE}\n", f"name: {self.namespace}\n").replace(
            f"metadata.name: {SHOP_NAMESPACE}}}", f"metadata.name: {self.namespace}}}"
        )

    def shop_text(self) -> str:
        """Return the shop's manifests."""
        return (ROOT / SHOP_MANIFEST).read_text().replace(SHOP_IMAGE, self.shop_image)

    def remove_shop(self, display: Display) -> None:
        """Remove what the story makes, as far as it is there."""
        with display.waiting(f"Removing the ClusterAppHealth {self.rule} and the namespace {self.namespace}"):
            if self.kubectl.works("get", "clusterapphealths"):
                self.kubectl.run("delete", "clusterapphealth", self.rule, "--ignore-not-found")
            self.kubectl.run("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=110s")


class World(Protocol):
    """Where the demonstration takes place."""

    @property
    def site(self) -> Site:
        """The cluster and the namespace."""

    @property
    def operator_advice(self) -> str:
        """Where to look when the operator doesn't do what it should."""

    def prepare(self, display: Display) -> None:
        """Get the cluster and the images ready."""

    def install(self, display: Display) -> None:
        """Install AppHealth, and start the operator."""

    def farewell(self) -> list[str]:
        """Say what is left, and how to go on; nothing if nothing is left."""

    def close(self, display: Display, outcome: Outcome) -> None:
        """Remove what `prepare`, `install` and the story made; unless it is to stay, and nobody pressed Ctrl-C."""
