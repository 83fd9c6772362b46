"""A real Kubernetes on this machine, with the operator in it as its Deployment."""

from __future__ import annotations

import shutil

from deploy.demo.display import Display
from deploy.demo.errors import DemoError
from deploy.demo.imagery import DisplayProgress, operator_image, shop_image
from deploy.demo.kubectl import ROOT, Kubectl
from deploy.demo.tables import count_kinds
from deploy.demo.world import OPERATOR_MANIFESTS, OPERATOR_NAMESPACE, RULE_MANIFEST, SHOP_NAMESPACE, Outcome, Site

from localcluster import Cluster, ClusterNotFoundError, Level, attach, binaries, start


class LocalWorld:
    """A local cluster with a real node: an existing one, or a new one.

    Parameters
    ----------
    name
        Its name in localcluster.
    keep
        Whether a new cluster stays after the demonstration.
    """

    def __init__(self, name: str, *, keep: bool) -> None:
        self._name = name
        self._keep = keep
        self._cluster: Cluster | None = None
        self._found = False
        self._stays = False

    @property
    def site(self) -> Site:
        """The cluster and the namespace."""
        kubectl = binaries.ensure(["kubectl"]) / "kubectl"
        return Site(Kubectl(str(kubectl), (f"--kubeconfig={self._running().kubeconfig}",)), SHOP_NAMESPACE)

    @property
    def operator_advice(self) -> str:
        """The advice to keep the cluster and read the operator's log."""
        return f"try again with --keep, and read: kubectl logs -n {OPERATOR_NAMESPACE} deployment/apphealth"

    def prepare(self, display: Display) -> None:
        """Find or start the cluster, build the two images and load them into its node."""
        display.say("etcd, API server, controllers, scheduler, containerd, kubelet, kube-proxy and CoreDNS; no Docker.")
        if to_build := binaries.missing(binaries.NODE):
            display.say(
                f"[bold]This first time it builds {len(to_build)} programs from source: ten minutes or more on two "
                "cores, and 6 GB of disk.[/bold] They are Go modules, compiled with the Go toolchain: "
                f"{', '.join(to_build)}. Then come two container images, about two minutes. "
                "Each has a line of its own. Ctrl-C ends it, and the next run goes on where it was; "
                "later runs skip all of this."
            )
        self._cluster = self._find(display) or start(self._name, level=Level.NODE, progress=DisplayProgress(display))
        display.done(f"Kubernetes runs: {self._cluster.server}")
        for what, archive in (("operator", operator_image(display)), ("shop", shop_image(display))):
            with display.waiting(f"Loading the image of the {what} into the node"):
                self._cluster.load(archive)
        if self._found:
            self.site.remove_shop(display)

    def install(self, display: Display) -> None:
        """Apply the manifests as they are in this repository, and wait for the operator."""
        kubectl = self.site.kubectl
        output = kubectl.run("apply", "-k", str(ROOT / OPERATOR_MANIFESTS))
        display.command(f"kubectl apply -k {OPERATOR_MANIFESTS}", count_kinds(output))
        if self._found:  # its image may have changed
            kubectl.run("rollout", "restart", "deployment/apphealth", "-n", OPERATOR_NAMESPACE)
        with display.waiting("The operator starts"):
            kubectl.run("rollout", "status", "deployment/apphealth", "-n", OPERATOR_NAMESPACE, "--timeout=90s")

    def farewell(self) -> list[str]:
        """Return how to go on with the cluster, if it stays."""
        if not self._stays:
            return ["", "Next: README.md, First rule: the same on a cluster of your own, in mode Audit first."]
        cluster = self._running()
        reason = ", as it was there before" if self._found else ""
        lines = ["", f"The cluster stays{reason}. Go on with:"]
        if shutil.which("kubectl") is None:
            lines.append(f"  export PATH=$PATH:{binaries.ensure(['kubectl'])}")
        lines.append(f"  export KUBECONFIG={cluster.kubeconfig}")
        if not self._found:
            lines.append(f"  kubectl apply -f {RULE_MANIFEST}")
        return [*lines, "Take it down with:", f"  .venv/bin/localcluster down --name {self._name}"]

    def close(self, display: Display, outcome: Outcome) -> None:
        """Take a new cluster down; remove the shop from one that existed before."""
        if self._cluster is None:
            return
        self._stays = self._found or (self._keep and outcome is not Outcome.INTERRUPTED)
        if self._found:
            self.site.remove_shop(display)
        elif self._stays:
            self._cluster.detach()
        else:
            with display.waiting("Taking the cluster down"):
                self._cluster.down()

    def _find(self, display: Display) -> Cluster | None:
        try:
            found = attach(self._name)
        except ClusterNotFoundError:
            return None
        if found.level is not Level.NODE:
            raise DemoError(
                f"the cluster {self._name} is of level {found.level}, and the demonstration needs a real node",
                f"take it down (.venv/bin/localcluster down --name {self._name}), or give another --name",
            )
        display.say(f"The cluster {self._name} runs already, and is used.")
        self._found = True
        return found

    def _running(self) -> Cluster:
        assert self._cluster is not None, "prepare comes first"  # noqa: S101 - a bug of ours, not a state of the cluster
        return self._cluster
