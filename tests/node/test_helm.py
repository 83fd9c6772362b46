"""The chart and the image on a real node: helm installs the operator, and its hook takes everything back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcluster import binaries

ROOT = Path(__file__).parents[2]
IMAGE = "docker.io/library/apphealth:latest"
WHERE = "import sys; from deploy.demo import imagery, display; print(imagery.operator_image(display.Display()))"
ALONE = "namespaced=true,crds.install=false,sharedRoles=false,admission.healthPlans=false,admission.mutating=false"
WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "web", "ports": [{"containerPort": 8080}]}]},
        },
    },
}
RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "AppHealth",
    "metadata": {"name": "web"},
    "spec": {"selector": {}, "verification": "Skip", "probes": {"liveness": {"path": "/live"}}},
}


@pytest.fixture
def operator_in_the_node(node):
    """Build the operator's image from the checkout, and load it into the node."""
    done = subprocess.run([sys.executable, "-c", WHERE], cwd=ROOT, check=True, capture_output=True, text=True)
    node.load(Path(done.stdout.split()[-1]))


def test_helm_installs_the_operator_and_its_hook_takes_everything_back(
    node, operator, operator_in_the_node, node_namespace, eventually
):
    helm, namespace = str(binaries.ensure(["helm"]) / "helm"), node_namespace
    access = ["-n", namespace, f"--kubeconfig={node.kubeconfig}", "--wait"]
    image = f"image.repository={IMAGE.partition(':')[0]},image.tag=latest,image.pullPolicy=Never"

    def run(*arguments):
        command = [helm, *arguments, *access]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
        pods = node.kubectl("describe", "pods", "-n", namespace).stdout[-3000:]
        assert done.returncode == 0, f"{done.stderr}\n{pods}"

    def web():
        return node.get("deployment", "web", "-n", namespace)["spec"]["template"]["spec"]["containers"][0]

    run("install", "apphealth", str(ROOT / "deploy/helm/apphealth"), f"--set={ALONE},{image}", "--timeout=120s")
    # The operator for the whole cluster runs already, outside of it: this one stands by, and says so.
    log = node.kubectl("logs", "deploy/apphealth", "-n", namespace).stdout
    assert f"scope namespace {namespace}" in log
    node.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(WEB))
    node.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(RULE))
    eventually(lambda: "livenessProbe" in web(), "the probe is written")
    run("uninstall", "apphealth", "--timeout=180s")
    assert "livenessProbe" not in web()
    kinds = "apphealths,healthplans,deployments,jobs,serviceaccounts,roles,rolebindings"
    left = node.kubectl("get", kinds, "-n", namespace, "-o", "name").stdout.split()
    assert [name for name in left if "apphealth" in name] == []
