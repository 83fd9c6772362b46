"""AppHealth, installed in the user's cluster for the time of the demonstration, and removed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from deploy.demo.errors import DemoError
from deploy.demo.kubectl import ROOT, Kubectl
from deploy.demo.world import OPERATOR_MANIFESTS, OPERATOR_NAMESPACE

_POLICY_KINDS = frozenset({"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"})


@dataclass(frozen=True, slots=True)
class Installation:
    """The objects of ``deploy/operator`` without the Deployment, as far as the cluster knows their kinds."""

    kubectl: Kubectl
    objects: tuple[dict[str, Any], ...]
    present: frozenset[str]
    """The names of the objects that were in the cluster before."""

    @classmethod
    def plan(cls, kubectl: Kubectl) -> Installation:
        """Return the objects to install, and those that the cluster has already."""
        documents = yaml.safe_load_all(kubectl.run("kustomize", str(ROOT / OPERATOR_MANIFESTS)))
        policies = "mutatingadmissionpolicies" in kubectl.run("api-resources", "-o", "name")
        left_out = {"Deployment"} | (frozenset() if policies else _POLICY_KINDS)
        objects = tuple(document for document in documents if document["kind"] not in left_out)
        found = kubectl.run("get", "-f", "-", "-o", "name", "--ignore-not-found", text=yaml.safe_dump_all(objects))
        return cls(kubectl, objects, frozenset(found.split()))

    @property
    def names(self) -> list[str]:
        """Kind and name of each object to install."""
        return [f"{item['kind']} {item['metadata']['name']}" for item in self.objects]

    def require_operator(self) -> None:
        """Check that an operator runs in a cluster in which AppHealth is installed already.

        Raises
        ------
        DemoError
            No operator is ready.
        """
        selector = ("-A", "-l", "app.kubernetes.io/name=apphealth")
        deployments = self.kubectl.items("deployments", *selector)
        if not any(item["status"].get("readyReplicas") for item in deployments):
            raise DemoError(
                f"AppHealth is partly installed ({', '.join(sorted(self.present))}), and no operator runs",
                f"complete it with: kubectl apply -k {OPERATOR_MANIFESTS}; or remove it, and try again",
            )

    def apply(self) -> None:
        """Install all objects."""
        self.kubectl.run("apply", "-f", "-", text=self._text())
        self.kubectl.run("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
        self.kubectl.run("wait", "--for=create", "serviceaccount/apphealth", "-n", OPERATOR_NAMESPACE)

    def remove(self) -> None:
        """Remove all objects."""
        self.kubectl.run("delete", "--ignore-not-found", "--timeout=110s", "-f", "-", text=self._text())

    def _text(self) -> str:
        return yaml.safe_dump_all(self.objects)
