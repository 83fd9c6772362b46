"""The user's cluster, with the operator as a process on this machine that has the rights of its ServiceAccount."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from deploy.demo.display import Display
from deploy.demo.errors import DemoError
from deploy.demo.installation import Installation
from deploy.demo.kubectl import Kubectl
from deploy.demo.process import OperatorProcess
from deploy.demo.world import OPERATOR_NAMESPACE, Outcome, Site

from localcluster import binaries

NAMESPACE = "apphealth-demo"


class OwnWorld:
    """The cluster of a context of the user's kubeconfig.

    Parameters
    ----------
    context
        The name of the context.
    shop_image
        The name by which the nodes of the cluster find the shop's image.
    """

    def __init__(self, context: str, shop_image: str) -> None:
        program = shutil.which("kubectl") or str(binaries.ensure(["kubectl"]) / "kubectl")
        self._context = context
        self._scratch = Path(tempfile.mkdtemp(prefix="apphealth-demo-"))
        self.site = Site(Kubectl(program, (f"--context={context}",)), NAMESPACE, shop_image)
        self._installation: Installation | None = None
        self._operator: OperatorProcess | None = None
        self._may_remove_shop = False
        self._log: Path | None = None

    @property
    def operator_advice(self) -> str:
        """The advice to read the operator's log, with its place."""
        if self._operator is not None:
            return f"read the operator's log: {self._operator.log}"
        return f"read the operator's log: kubectl logs -n {OPERATOR_NAMESPACE} deployment/apphealth"

    def prepare(self, display: Display) -> None:
        """Check that the cluster answers, and that the namespace doesn't exist.

        Raises
        ------
        DemoError
            The cluster doesn't answer, or the namespace exists.
        """
        kubectl = self.site.kubectl
        try:
            version = kubectl.run("version", "-o", "yaml")
        except DemoError as problem:
            raise DemoError(str(problem), "see your contexts with: kubectl config get-contexts") from problem
        server = version.partition("serverVersion:")[2].partition("gitVersion: ")[2].split("\n")[0]
        display.done(f"The cluster of the context {self._context} answers: Kubernetes {server}")
        if kubectl.works("get", "namespace", NAMESPACE):
            raise DemoError(
                f"the namespace {NAMESPACE} exists already, and the demonstration would remove it in the end",
                f"check it, and if nobody needs it: kubectl delete namespace {NAMESPACE}",
            )
        self._may_remove_shop = True

    def install(self, display: Display) -> None:
        """Install AppHealth for the time of the demonstration, unless the cluster has it already."""
        installation = Installation.plan(self.site.kubectl)
        if installation.present:
            installation.require_operator()
            display.say("AppHealth is installed in the cluster already: it is used, and not changed.")
            return
        display.say("Installed for the whole cluster now, and removed in the end:")
        display.output("\n".join(installation.names))
        self._installation = installation
        installation.apply()
        display.command("kubectl apply -k deploy/operator     (all but its Deployment)")
        self._operator = OperatorProcess.start(self.site.kubectl, self._scratch)
        display.command("apphealth run --kubeconfig FILE       (on this machine, with the ServiceAccount's token)")
        display.wait("The operator reads the cluster", self._operator.is_ready, 60, self.operator_advice)

    def farewell(self) -> list[str]:
        """Return the place of the operator's log if the demonstration failed; nothing else is left."""
        return [f"The operator's log: {self._log}"] if self._log else []

    def close(self, display: Display, outcome: Outcome) -> None:
        """Remove the shop and what was installed, and stop the operator; its log stays after a failure."""
        try:
            if self._may_remove_shop:
                self.site.remove_shop(display)
        finally:
            if self._operator is not None:
                self._operator.stop()
            if self._installation is not None:
                with display.waiting("Removing what was installed for the whole cluster"):
                    self._installation.remove()
            self._tidy(outcome)

    def _tidy(self, outcome: Outcome) -> None:
        if outcome is Outcome.FAILED and self._operator is not None:
            self._operator.kubeconfig.unlink()
            self._log = self._operator.log
        else:
            shutil.rmtree(self._scratch)
