"""Deleting a rule puts a workload back as it was, on pods too."""

import pytest

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: localhost/apphealth/test-apps:1
        command: [gunicorn, --bind=:8000, --no-control-socket, 'breakable:app']
        ports: [{containerPort: 8000}]
        readinessProbe: {httpGet: {path: /, port: 8000}}
"""
RULE = """
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec:
  selector: {}
  existingProbes: Replace
  probes:
    liveness: {path: /healthz}
    readiness: {path: /healthz}
"""


@pytest.fixture
def web(places, node_namespace, place):
    found = place(node_namespace)
    found.kubectl("apply", "-f", "-", text=MANIFEST)
    return found


def test_a_deleted_rule_leaves_the_deployment_and_its_pods_as_they_were(web, eventually):
    before = web.get("deployment", "web")["spec"]
    web.kubectl("apply", "-f", "-", text=RULE)
    eventually(lambda: "/healthz" in web.described("web")["Readiness"], "the probe is replaced")
    assert set(web.described("web")) == {"Liveness", "Readiness", "Startup"}
    web.settle("web")

    web.kubectl("delete", "apphealth", "web")
    eventually(lambda: web.get("deployment", "web")["spec"] == before, "the spec is as before")
    web.settle("web")
    (pod,) = web.pods("web")
    assert pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/"
    assert "livenessProbe" not in pod["spec"]["containers"][0]
    eventually(lambda: not web.items("healthplans"), "the HealthPlan is gone")
    managers = {entry["manager"] for entry in web.get("deployment", "web")["metadata"]["managedFields"]}
    assert "apphealth" not in managers
