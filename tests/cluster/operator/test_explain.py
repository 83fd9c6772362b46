"""`apphealth explain` on a cluster: it says what the operator's own record says, and what the operator would write."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import Cluster

PROGRAM = Path(sys.executable).parent / "apphealth"
THEIRS = {
    "name": "main",
    "image": "a",
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"tcpSocket": {"port": 1}},
}

Explain = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def explain(control_plane: Cluster, shop: Any) -> Explain:
    """Run `apphealth explain` in the test's namespace."""

    def run(*arguments: str, kubeconfig: Path = control_plane.kubeconfig) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), "explain", *arguments, "--kubeconfig", str(kubeconfig), "-n", shop.namespace]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def probes(containers: list[dict[str, Any]], *fields: str) -> dict[str, dict[str, Any]]:
    """Return some fields of each probe of the container main."""
    listed = next(container for container in containers if container["name"] == "main")["probes"]
    return {probe["type"]: {field: probe.get(field) for field in fields} for probe in listed}


def values(containers: list[dict[str, Any]], kind: str) -> dict[str, tuple[str, str]]:
    """Return the fields of a probe of the container main: value and source by name."""
    listed = probes(containers, "values")[kind]["values"]
    return {value["field"]: (value["value"], value["source"]) for value in listed}


def test_it_says_what_the_operators_record_says(shop, run_operator, explain):
    run_operator()
    shop.deployment("users")
    shop.service("users")
    env = [{"name": "USERS", "value": "http://users"}]
    shop.deployment("web", THEIRS | {"env": env})
    shop.rule()
    shop.until(lambda: shop.state() == "Applied", "web is Applied")
    record, found = shop.plan()["status"], said(explain("deploy/web", "-o", "json"))
    for field in ("state", "message", "mode", "rules", "dependencies", "findings"):
        assert found.get(field) == record.get(field), field
    told = probes(found["containers"], "action", "verification")
    recorded = probes(record["containers"], "action", "verification")
    assert {kind: told[kind] for kind in recorded} == recorded
    assert values(found["containers"], "liveness") == values(record["containers"], "liveness")
    assert probes(found["containers"], "owner")["liveness"] == {"owner": "apphealth"}
    assert found["next"]["writes"] is False
    assert "Keep: a probe is there already" in explain("deploy/web").stdout


def test_what_it_foretells_is_what_the_operator_writes(shop, explain, run_operator):
    shop.deployment("web", THEIRS)
    shop.rule(existingProbes="Replace")
    foretold = said(explain("deploy/web", "-o", "json"))
    assert foretold["next"]["writes"] is True
    assert "+      path: /live" in foretold["next"]["diff"]
    running = run_operator()
    shop.until_applied()
    wanted = probes(foretold["containers"], "wanted")
    assert {field.removesuffix("Probe"): {"wanted": probe} for field, probe in shop.probes().items()} == {
        kind: probe for kind, probe in wanted.items() if probe["wanted"]
    }
    shop.until(lambda: said(explain("deploy/web", "-o", "json"))["next"]["writes"] is False, "nothing is left to do")
    running.stop()
    shop.delete_rule()
    foretold = said(explain("deploy/web", "-o", "json"))
    assert (foretold["selected"], foretold["next"]["writes"]) == (False, True)
    assert foretold["originals"][0]["type"] == "readiness"
    assert {"-      path: /live", "-      path: /ready"} <= set(foretold["next"]["diff"].splitlines())


def test_it_goes_on_without_what_may_not_be_read(control_plane, shop, explain):
    shop.deployment()
    shop.rule()
    control_plane.kubectl("create", "serviceaccount", "reader", "-n", shop.namespace)
    reader = control_plane.service_account_kubeconfig(shop.namespace, "reader")
    refused = explain("deploy/web", kubeconfig=reader)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert f"apphealth: no right to read the namespace {shop.namespace}: " in refused.stderr

    kinds = ["deployments", "statefulsets", "daemonsets", "apphealths", "healthplans"]
    rules = [{"apiGroups": ["apps", "apphealth.dev"], "resources": kinds, "verbs": ["get", "list"]}]
    api = "rbac.authorization.k8s.io"
    names = {"name": "reader", "namespace": shop.namespace}
    role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": names, "rules": rules}
    binding = role | {
        "kind": "RoleBinding",
        "roleRef": {"apiGroup": api, "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount"} | names],
    }
    del binding["rules"]
    control_plane.apply(yaml.safe_dump_all([role, binding]))
    shop.until(lambda: explain("deploy/web", kubeconfig=reader).returncode == 0, "the right is there")
    found = explain("deploy/web", "-o", "json", kubeconfig=reader)
    assert json.loads(found.stdout)["state"] == "Planned"
    assert [line.split(" in ")[0] for line in found.stderr.splitlines()] == [
        "apphealth: no right to list clusterapphealths.apphealth.dev",
        "apphealth: no right to get namespaces",
        "apphealth: no right to list services",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("deploy/wep",), "did you mean Deployment/web?", id="a near name"),
        pytest.param(("deploy/web", "--context", "nowhere"), "no context 'nowhere'", id="no such context"),
    ],
)
def test_what_is_not_there_is_told(shop, explain, arguments, told):
    shop.deployment()
    done = explain(*arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert told in done.stderr
