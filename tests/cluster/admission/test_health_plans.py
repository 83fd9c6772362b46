"""Only the operator writes HealthPlans, whatever RBAC grants to others."""

import json
import os
from pathlib import Path

import pytest
import yaml

from localcluster import CommandError

OPERATOR = Path(__file__).parents[3] / "deploy/operator"
DENIED = "HealthPlans are written by the apphealth operator alone"


def plan(namespace, message="before"):
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return json.dumps(
        {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "HealthPlan",
            "metadata": {"name": "deployment-web", "namespace": namespace},
            "spec": {"workload": reference},
            "status": {"state": "Applied", "message": message},
        }
    )


@pytest.fixture(scope="module")
def guarded(control_plane):
    """Install the resources, the operator's account and the policy."""
    control_plane.apply(OPERATOR.parents[1] / "crds")
    for folder in ("shared", "cluster"):
        objects = yaml.safe_load_all(control_plane.kubectl("kustomize", str(OPERATOR / folder)).stdout)
        control_plane.apply(yaml.safe_dump_all(o for o in objects if o["kind"] != "Deployment"))
    return control_plane


@pytest.fixture
def tenant(guarded, namespace):
    """Provide kubectl as a user who may do everything with our group in a namespace, and nothing else."""
    guarded.kubectl("create", "role", "all", "--verb=*", "--resource=*.apphealth.dev", "-n", namespace)
    guarded.kubectl("create", "rolebinding", "all", "--role=all", "--user=tenant", "-n", namespace)
    return lambda *arguments, **options: guarded.kubectl("-n", namespace, "--as=tenant", *arguments, **options)


def eventually_denied(create):
    """Create until the policy is in force: the API server takes a moment to learn of it."""
    for _ in range(50):
        try:
            create()
        except CommandError as error:
            return str(error)
    return "created each time"


def test_a_user_with_all_rights_on_the_group_writes_no_health_plan(guarded, tenant, namespace):
    dry_run = ("create", "--dry-run=server", "-f", "-")
    assert DENIED in eventually_denied(lambda: tenant(*dry_run, input=plan(namespace)))
    guarded.kubectl("create", "-f", "-", input=plan(namespace))  # as an administrator
    edit = {"status": {"message": "edited"}}
    with pytest.raises(CommandError, match=DENIED):
        tenant("patch", "healthplan", "deployment-web", "--type=merge", "-p", json.dumps(edit))
    tenant("delete", "healthplan", "deployment-web")  # that stays a matter of RBAC


def test_the_operator_writes_health_plans_in_every_namespace(guarded, namespace):
    account = str(guarded.service_account_kubeconfig("apphealth", "apphealth"))
    guarded.kubectl("create", "--kubeconfig", account, "-f", "-", input=plan(namespace))
    edit = json.dumps({"status": {"message": "after"}})
    guarded.kubectl(
        "-n", namespace, "--kubeconfig", account, "patch", "healthplan", "deployment-web", "--type=merge", "-p", edit
    )


def test_the_operator_of_one_namespace_writes_there_and_nowhere_else(guarded, namespace, tmp_path):
    base = os.path.relpath(OPERATOR / "namespaced", tmp_path.resolve())
    overlay = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(overlay | {"namespace": namespace, "resources": [base]})
    )
    objects = yaml.safe_load_all(guarded.kubectl("kustomize", str(tmp_path)).stdout)
    guarded.apply(yaml.safe_dump_all(o for o in objects if o["kind"] != "Deployment"))
    account = str(guarded.service_account_kubeconfig(namespace, "apphealth"))
    guarded.kubectl("create", "--kubeconfig", account, "-f", "-", input=plan(namespace))
    guarded.kubectl("create", "role", f"all-{namespace}", "--verb=*", "--resource=*.apphealth.dev", "-n", "default")
    subject = f"--serviceaccount={namespace}:apphealth"
    guarded.kubectl("create", "rolebinding", namespace, f"--role=all-{namespace}", subject, "-n", "default")
    elsewhere = ("create", "--kubeconfig", account, "--dry-run=server", "-f", "-")
    assert DENIED in eventually_denied(lambda: guarded.kubectl(*elsewhere, input=plan("default")))


def test_what_a_workload_owned_is_collected_all_the_same(guarded, namespace):
    """Orphaning by `--cascade=orphan` has the garbage collector edit what the workload owned."""
    guarded.kubectl("create", "deployment", "web", "--image=a", "--replicas=0", "-n", namespace)
    uid = guarded.kubectl("get", "deployment", "web", "-n", namespace, "-o", "jsonpath={.metadata.uid}").stdout
    owned = json.loads(plan(namespace))
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid}
    owned["metadata"]["ownerReferences"] = [owner]
    guarded.kubectl("create", "-f", "-", input=json.dumps(owned))
    guarded.kubectl("delete", "deployment", "web", "--cascade=orphan", "--timeout=30s", "-n", namespace)
    kept = guarded.kubectl("get", "healthplan", "deployment-web", "-n", namespace, "-o", "json").stdout
    assert "ownerReferences" not in json.loads(kept)["metadata"]


def lease(namespace, scope, name="apphealth"):
    metadata = {"name": name, "namespace": namespace, "annotations": {"apphealth.dev/scope": scope}}
    return json.dumps({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {}})


@pytest.mark.parametrize("scope", ["cluster", "namespace"])
def test_a_tenant_who_may_write_leases_passes_for_no_operator(guarded, namespace, scope):
    """By such a Lease the operator of the cluster would stand by."""
    guarded.kubectl("create", "role", "leases", "--verb=*", "--resource=leases.coordination.k8s.io", "-n", namespace)
    guarded.kubectl("create", "rolebinding", "leases", "--role=leases", "--user=tenant", "-n", namespace)
    dry_run = ("create", "--dry-run=server", "-f", "-", "-n", namespace)
    denied = eventually_denied(lambda: guarded.kubectl("--as=tenant", *dry_run, input=lease(namespace, scope)))
    assert "are held by apphealth operators alone" in denied
    guarded.kubectl(*dry_run, input=lease(namespace, scope))  # as an administrator
    account = guarded.service_account_kubeconfig("apphealth", "apphealth")
    # By a name of its own, since an operator of another test may hold the Lease there.
    own = lease("apphealth", scope, name=namespace)
    guarded.kubectl("--kubeconfig", str(account), *dry_run[:-1], "apphealth", input=own)
