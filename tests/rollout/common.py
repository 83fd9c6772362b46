"""What the proofs share: a control plane with an audit log, the operator's manifests, and waiting."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.conftest import Api

from localcluster import Cluster, start

ROOT = Path(__file__).parents[2]
APPS = "/apis/apps/v1"
RULES = "/apis/apphealth.dev/v1alpha1/clusterapphealths"
HEALTH_PLANS = "/apis/apphealth.dev/v1alpha1/healthplans"
PER_NAMESPACE = 50
USER = "system:serviceaccount:apphealth:apphealth"
_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [update, patch]
  resources: [{group: apps, resources: [deployments, deployments/status]}]
- level: Metadata
  verbs: [create]
  resources: [{group: "", resources: [configmaps]}]
- level: None
"""


@dataclass(frozen=True, slots=True)
class Bed:
    """A control plane with the operator's manifests and an audit log; the operator doesn't run.

    Attributes
    ----------
    api
        The API server, with all rights.
    account
        The kubeconfig with the operator's rights.
    log
        The audit log.
    folder
        For whatever a proof writes.
    """

    api: Api
    account: Path
    log: Path
    folder: Path

    def audited(self, begin: int) -> Iterator[dict[str, Any]]:
        """Yield what was logged since a size of the log, without requests that failed."""
        with self.log.open("rb") as lines:
            lines.seek(begin)
            for line in lines:
                entry = json.loads(line)
                if entry["responseStatus"]["code"] < 300:
                    yield entry


@contextmanager
def bed(folder: Path) -> Iterator[Bed]:
    """Start a control plane whose audit log has every write to a Deployment, and take it down in the end."""
    policy, log = folder / "policy.yaml", folder / "audit.log"
    policy.write_text(_POLICY)
    flags = {
        "kube-apiserver": [f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-maxsize=8000"],
        "kube-controller-manager": ["--kube-api-qps=300", "--kube-api-burst=600"],
    }
    with start(f"rollout-proof-{os.getpid()}", extra_arguments=flags) as cluster, Api(cluster.kubeconfig) as api:
        yield Bed(api, install(cluster), log, folder)


def install(cluster: Cluster) -> Path:
    """Install everything but the operator; returns the kubeconfig of its account."""
    objects = yaml.safe_load_all(cluster.kubectl("kustomize", str(ROOT / "deploy/operator")).stdout)
    cluster.apply(yaml.safe_dump_all(item for item in objects if item and item["kind"] != "Deployment"))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    return cluster.service_account_kubeconfig("apphealth", "apphealth")


def rule(name: str, probes: dict[str, Any], **rollout: Any) -> dict[str, Any]:
    """Return a ClusterAppHealth for the namespaces with a label `proof`."""
    spec = {
        "mode": "Enforce",
        "selector": {},
        "namespaceSelector": {"matchLabels": {"proof": name}},
        "verification": "Skip",
        "probes": probes,
    }
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": name},
        "spec": spec | ({"rollout": rollout} if rollout else {}),
    }


def numbers(api: Api, name: str) -> dict[str, Any]:
    """Return the status of a rule's rollout."""
    status = (api.get(f"{RULES}/{name}") or {}).get("status") or {}
    return dict(status.get("rollout") or {})


def plans(api: Api) -> int:
    """Return how many HealthPlans there are."""
    listed = api.get(f"{HEALTH_PLANS}?limit=1")
    return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount") or 0)


def until(holds: Callable[[], Any], what: str, timeout: float) -> Any:
    """Wait until something holds; returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        check(time.monotonic() < deadline, f"not after {timeout:g} s: {what}")
        time.sleep(0.3)
    return found


def check(holds: bool, message: str) -> None:
    """End the proof with a message if something doesn't hold."""
    if not holds:
        raise SystemExit(f"rollout-proof: {message}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()
