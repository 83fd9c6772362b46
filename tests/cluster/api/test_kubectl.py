"""What people see of the resources through kubectl: explain, columns, names, strict validation, status."""

import json
import uuid

import pytest

RULE = "apiVersion: apphealth.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{selector: {{}}{more}}}\n"


def apply(cluster, namespace, *, kind="AppHealth", name="web", more="", check=True):
    text = RULE.format(kind=kind, name=name, more=more)
    return cluster.kubectl("apply", "-n", namespace, "-f", "-", input=text, check=check)


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("ah", "gives every workload that it selects in its namespace", id="AppHealth"),
        pytest.param("cah", "It starts in mode Audit", id="ClusterAppHealth"),
        pytest.param("hp", "what was decided for one workload", id="HealthPlan"),
        pytest.param(
            "ah.spec.probes.liveness.periodSeconds", "Seconds from one try to the next. Absent: 10.", id="unit"
        ),
        pytest.param("ah.spec.containers.probes.startup.maxSeconds", "Absent: 300.", id="field-behind-an-alias"),
        pytest.param("cah.spec.priority", "the one with the higher priority wins", id="priority"),
        pytest.param("hp.status.state", "AwaitingPods: derived probes wait for a running pod", id="state"),
    ],
)
def test_explain_is_documentation(crds, path, says):
    assert says in words(crds.kubectl("explain", path).stdout)


def test_a_rule_shows_its_counts_and_whether_it_is_ready(crds, namespace):
    apply(crds, namespace)
    status = {
        "observedGeneration": 1,
        "workloads": {"selected": 12, "managed": 9, "pending": 1, "keptByOwner": 2, "failed": 0, "wouldRestart": 0},
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "InProgress",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
    crds.kubectl(
        *("patch", "ah", "web", "-n", namespace, "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": status})),
    )
    head, row = crds.kubectl("get", "ah", "-n", namespace).stdout.splitlines()
    shown = ["NAME", "MODE", "SELECTED", "MANAGED", "PENDING", "WOULD RESTART", "IN FLIGHT", "READY", "REASON", "AGE"]
    assert head.split() == " ".join(shown).split()
    assert row.split()[:-1] == ["web", "Enforce", "12", "9", "1", "0", "False", "InProgress"]
    assert max(len(head), len(row)) <= 120
    wide = crds.kubectl("get", "ah", "-n", namespace, "-o", "wide").stdout.splitlines()[0]
    assert {"KEPT", "FAILED"} <= set(wide.split())


def test_the_status_is_a_subresource_of_rules(crds, namespace):
    apply(crds, namespace)
    crds.kubectl("patch", "ah", "web", "-n", namespace, "--type=merge", "-p", '{"status": {"observedGeneration": 7}}')
    assert "status" not in crds.get("ah", "web", "-n", namespace)


def test_a_plan_is_written_whole_and_shows_its_probes(crds, namespace):
    plan = {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "HealthPlan",
        "metadata": {"name": "deployment-web"},
        "spec": {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": {
            "state": "Applied",
            "summary": {"workload": "Deployment/web", "liveness": "http-get", "readiness": "tcp", "startup": "grpc"}
            | {"probes": "L R S", "verified": "Verified"},
            "originals": [{"container": "main", "type": "liveness", "original": {"anything": {"at": ["all"]}}}],
        },
    }
    crds.kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(plan))
    head, row = crds.kubectl("get", "hp", "-n", namespace).stdout.splitlines()
    assert head.split() == ["NAME", "WORKLOAD", "STATE", "PROBES", "VERIFIED", "AGE"]
    assert row.split()[:-1] == ["deployment-web", "Deployment/web", "Applied", "L", "R", "S", "Verified"]
    assert max(len(head), len(row)) <= 120
    wide = crds.kubectl("get", "hp", "-n", namespace, "-o", "wide").stdout
    assert "http-get" in wide
    assert crds.get("hp", "deployment-web", "-n", namespace)["status"] == plan["status"]


def test_the_category_shows_all_three_kinds_and_a_name_just_its_own(crds, namespace):
    """A category named like a kind would make `kubectl delete apphealth web` a matter of all three."""
    apply(crds, namespace)
    everywhere = f"test-{uuid.uuid4().hex[:8]}"
    apply(crds, namespace, kind="ClusterAppHealth", name=everywhere)
    try:
        shown = crds.kubectl("get", "health", "-n", namespace, "-o", "name").stdout.split()
        assert "apphealth.apphealth.dev/web" in shown
        assert f"clusterapphealth.apphealth.dev/{everywhere}" in shown
        assert crds.kubectl("get", "apphealth", "web", "-n", namespace, "-o", "name").stdout.strip().endswith("/web")
    finally:
        crds.kubectl("delete", "cah", everywhere)


def test_apply_names_a_field_that_there_is_not(crds, namespace):
    refused = apply(crds, namespace, more=", probes: {liveness: {host: example.com}}", check=False)
    assert refused.returncode == 1
    assert 'unknown field "spec.probes.liveness.host"' in refused.stderr


def test_apply_says_every_problem_at_once(crds, namespace):
    more = ", preset: Spring Boot, probes: {liveness: {port: '80'}, startup: {enabled: false, path: /}}"
    refused = apply(crds, namespace, more=more, check=False)
    assert refused.returncode == 1
    for field in ("spec.preset", "spec.probes.liveness.port", "spec.probes.startup.enabled"):
        assert f"{field}: Invalid value" in refused.stderr


def test_a_rule_is_gone_as_soon_as_it_is_deleted(crds, namespace):
    apply(crds, namespace)
    assert "finalizers" not in crds.get("ah", "web", "-n", namespace)["metadata"]
    crds.kubectl("delete", "ah", "web", "-n", namespace, "--timeout=5s")
