"""Starting, stopping, rights, replicas: the operator as somebody who runs it meets it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

PROGRAM = Path(sys.executable).parent / "apphealth"
ROOT = Path(__file__).parents[3]


def test_it_stops_at_once_when_it_is_told_to(run_operator):
    operator = run_operator()
    operator.stop()
    assert "stopped" in operator.tail()


def test_it_stops_at_once_while_it_waits_for_the_api_server(run_operator, installed, tmp_path):
    config = yaml.safe_load(installed.read_text())
    config["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:9"}
    nowhere = tmp_path / "nowhere.kubeconfig"
    nowhere.write_text(yaml.safe_dump(config))
    operator = run_operator(kubeconfig=nowhere, wait=False)
    deadline = time.monotonic() + 60
    while "cannot reach http://127.0.0.1:9" not in operator.tail():
        assert time.monotonic() < deadline, operator.tail()
        time.sleep(0.1)
    assert not operator.is_ready()
    operator.stop()
    assert "Traceback" not in operator.tail()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("a: [", "isn't valid YAML", id="broken"),
        pytest.param("kind: Config", "no current-context", id="no-context"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_line_and_an_exit_code(tmp_path, text, said):
    path = tmp_path / "config"
    path.write_text(text)
    command = [PROGRAM, "run", "--kubeconfig", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def namespaced(cluster, namespace, workload_verbs=None):
    """Give the operator's account in a namespace the rights of deploy/operator/namespaced, or fewer on workloads."""
    text = cluster.kubectl("kustomize", str(ROOT / "deploy/operator/namespaced")).stdout
    objects = [item for item in yaml.safe_load_all(text) if item["kind"] != "Deployment"]
    for item in objects:
        item["metadata"]["namespace"] = namespace
        for subject in item.get("subjects", ()):
            subject["namespace"] = namespace
        for rule in item.get("rules", ()):
            if workload_verbs and "deployments" in rule["resources"]:
                rule["verbs"] = workload_verbs
    cluster.apply(yaml.safe_dump_all(objects))
    return cluster.service_account_kubeconfig(namespace, "apphealth")


def test_for_one_namespace_its_annotations_count(run_operator, control_plane, shop, api):
    kubeconfig = namespaced(control_plane, shop.namespace)
    ignore = {"metadata": {"annotations": {"apphealth.dev/ignore": "not here"}}}
    api.patch(f"/api/v1/namespaces/{shop.namespace}", ignore)
    shop.deployment()
    shop.rule()
    run_operator(f"--namespace={shop.namespace}", kubeconfig=kubeconfig)
    shop.until(lambda: shop.condition("Ready") == ("False", "NothingSelected"), "the namespace has opted out")
    assert shop.generation() == 1


def events_of_rules(api, shop):
    found = api.get(f"/apis/events.k8s.io/v1/namespaces/{shop.namespace}/events")["items"]
    return [item["reason"] for item in found if item["regarding"]["kind"] == "AppHealth"]


def test_for_one_namespace_rights_on_it_are_enough(run_operator, control_plane, new_shop, api):
    inside, outside = new_shop(), new_shop()
    kubeconfig = namespaced(control_plane, inside.namespace)
    operator = run_operator(f"--namespace={inside.namespace}", kubeconfig=kubeconfig)
    for shop in (inside, outside):
        shop.deployment()
        shop.rule()
    inside.until_applied()
    assert outside.generation() == 1
    inside.until(lambda: "AllManaged" in events_of_rules(api, inside), "the rule says by an Event that it is done")
    inside.delete_rule()
    inside.until_clean()
    operator.stop()
    first, *lines = operator.log.read_text().splitlines()
    assert f"scope namespace {inside.namespace}" in first
    web = f"Deployment/{inside.namespace}/web"
    assert [line.partition(" patched ")[2] for line in lines if " patched " in line] == [
        f"{web}: added liveness, readiness of main (AppHealth/{inside.namespace}/all)",
        f"{web}: removed liveness, readiness of main (no rule selects it any more)",
    ]


def test_of_two_replicas_one_writes_and_the_other_takes_over(run_operator, shop, api):
    first = run_operator("--leader-elect")
    lease = "/apis/coordination.k8s.io/v1/namespaces/apphealth/leases/apphealth"
    # The Lease of an operator that an earlier test has killed counts until it ends.
    shop.until(lambda: "leading" in first.tail(), "the first one leads", timeout=60)
    holder = api.get(lease)["spec"]["holderIdentity"]
    second = run_operator("--leader-elect")
    shop.deployment()
    shop.rule()
    shop.until_applied()
    now = api.get(lease)["spec"]["holderIdentity"]
    # On a machine that is too busy to renew the Lease in time, the second one may lead by now.
    leader, other = (first, second) if now == holder else (second, first)
    assert "leading" in leader.tail()
    assert now != holder or "leading" not in other.tail()
    leader.stop()
    shop.until(lambda: api.get(lease)["spec"].get("holderIdentity") not in ("", now), "the other one leads")
    shop.delete_rule()
    shop.until_clean()
    other.stop()
    assert not api.get(lease)["spec"].get("holderIdentity")


def test_a_missing_right_to_patch_is_said_in_the_plan_and_in_the_rule(run_operator, control_plane, new_shop):
    """An operator with the rights of one namespace but to patch Deployments."""
    shop = new_shop()
    kubeconfig = namespaced(control_plane, shop.namespace, workload_verbs=["get", "list", "watch"])
    run_operator(f"--namespace={shop.namespace}", kubeconfig=kubeconfig)
    shop.deployment()
    shop.rule()
    shop.until(lambda: shop.state() == "Rejected", "the plan says Rejected")
    assert 'cannot patch resource "deployments"' in shop.findings()["missing-right"]
    shop.until(lambda: shop.condition("Degraded") == ("True", "AccessDenied"), "the rule is degraded")


def test_a_missing_right_to_read_is_said_and_waited_for(run_operator, control_plane, new_shop):
    shop = new_shop()
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", shop.namespace)
    kubeconfig = control_plane.service_account_kubeconfig(shop.namespace, "nobody")
    operator = run_operator(f"--namespace={shop.namespace}", kubeconfig=kubeconfig, wait=False)
    shop.until(lambda: "no right to list deployments.apps in the namespace" in operator.tail(), "the log says so")
    assert "deploy/operator" in operator.tail()
    assert "Traceback" not in operator.tail()


def test_an_original_that_runs_a_command_stays_remembered_until_that_is_allowed(run_operator, shop):
    """No rule is left, and an operator without --allow-exec keeps our probe: without the original it would be lost."""
    scope = f"--namespace={shop.namespace}"
    theirs = {"exec": {"command": ["true"]}, "periodSeconds": 7}
    shop.deployment("web", {"name": "main", "image": "example/web:1", "livenessProbe": theirs})
    none = {"enabled": False}
    probes = {"liveness": {"path": "/live", "port": 8080}, "readiness": none, "startup": none}
    shop.rule(existingProbes="Replace", probes=probes)
    operator = run_operator(scope, "--allow-exec")
    shop.until_applied(liveness="/live")
    operator.stop()
    operator = run_operator(scope)
    shop.delete_rule()
    shop.until(lambda: "runs a command (--allow-exec)" in operator.tail(), f"it says why: {operator.tail()}")
    assert shop.paths() == {"liveness": "/live"}
    assert shop.plan()["status"]["originals"][0]["original"]["exec"] == theirs["exec"]
    operator.stop()
    run_operator(scope, "--allow-exec")
    shop.until(lambda: shop.plan() is None, "it is put back")
    assert shop.probes()["livenessProbe"]["exec"] == theirs["exec"]
    assert shop.probes()["livenessProbe"]["periodSeconds"] == 7
