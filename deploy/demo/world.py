"""The cluster of the demonstration: a local one made for it, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from deploy.demo.display import Display
from deploy.demo.kubectl import ROOT, Kubectl

SHOP_IMAGE = "localhost/apphealth/shop:demo"
SHOP_MANIFEST = "deploy/demo/manifests/shop.yaml"
RULE_MANIFEST = "deploy/demo/manifests/clusterapphealth.yaml"
WRONG_MANIFEST = "deploy/demo/manifests/wrong-probe.yaml"
SHOP_NAMESPACE = "shop"
"""The namespace in the manifests."""
OPERATOR_NAMESPACE = "apphealth"
OPERATOR_MANIFESTS = "deploy/operator/with-admission"


class Outcome(Enum):
    """How the demonstration ended; each value is its exit code."""

    FINISHED = 0
    FAILED = 1
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT, as shells report it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster, and the namespace in it that belongs to the demonstration."""

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

    def wrong_text(self) -> str:
        """Return the AppHealth with a wrong probe."""
        return (ROOT / WRONG_MANIFEST).read_text()

    def shop_text(self) -> str:
        """Return the shop's manifests."""
        return (ROOT / SHOP_MANIFEST).read_text().replace(SHOP_IMAGE, self.shop_image)

    def remove_shop(self, display: Display) -> None:
        """Remove the ClusterAppHealth and the namespace, if they exist."""
        with display.waiting(f"Removing the ClusterAppHealth {self.rule} and the namespace {self.namespace}"):
            if self.kubectl.works("get", "clusterapphealths"):
                self.kubectl.run("delete", "clusterapphealth", self.rule, "--ignore-not-found")
            self.kubectl.run("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=110s")


class World(Protocol):
    """The cluster of the demonstration, with its preparation and its clean-up."""

    @property
    def site(self) -> Site:
        """The cluster and the namespace."""

    @property
    def operator_advice(self) -> str:
        """The advice if the operator doesn't do its work in time."""

    def prepare(self, display: Display) -> None:
        """Start or check the cluster, and load the images."""

    def install(self, display: Display) -> None:
        """Install AppHealth, and start the operator."""

    def farewell(self) -> list[str]:
        """Return what is left and how to go on; no line if nothing is left."""

    def close(self, display: Display, outcome: Outcome) -> None:
        """Remove everything that the demonstration made, unless it is kept and nobody pressed Ctrl-C."""
