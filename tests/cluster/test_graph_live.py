"""`apphealth graph` on a cluster: the same as on its manifests, with what the user may read."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from localcluster import Cluster

PROGRAM = Path(sys.executable).parent / "apphealth"
DATA = Path(__file__).parents[1] / "operator/cli/data/graph"
READ = {"apiGroups": ["*"], "verbs": ["get", "list"]}
KINDS = ["services", "configmaps", "deployments", "statefulsets", "daemonsets", "apphealths", "healthplans"]
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader", "namespace": "shop"},
    "rules": [READ | {"resources": KINDS}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "reader", "namespace": "shop"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "shop"}],
}


@pytest.fixture(scope="module")
def shop(control_plane: Cluster, installed: Path) -> Iterator[Cluster]:
    """Put the shop of the tests on files into the cluster."""
    for namespace in ("shop", "data"):
        control_plane.kubectl("create", "namespace", namespace)
    for name in ("shop.yaml", "rules.yaml"):
        control_plane.apply(complete((DATA / name).read_text()))
    yield control_plane
    control_plane.kubectl("delete", "namespace", "shop", "data", "--wait=false")
    control_plane.kubectl("delete", "clusterapphealths", "--all")


def complete(text: str) -> str:
    """Give manifests what only the API server insists on, and each object its namespace."""
    objects = []
    documents = yaml.safe_load_all(text)
    for item in (item for document in documents for item in document.get("items", [document])):
        if item["kind"] not in ("Namespace", "ClusterAppHealth"):
            item["metadata"].setdefault("namespace", "shop")
        template = item.get("spec", {}).get("template")
        if template:
            labels = item["spec"]["selector"]["matchLabels"]
            template.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
            for container in template["spec"]["containers"]:
                container.setdefault("image", "registry.example.com/app:1")
        if item["kind"] == "StatefulSet":
            item["spec"].setdefault("serviceName", item["metadata"]["name"])
        objects.append(item)
    return yaml.safe_dump_all(objects)


@pytest.fixture
def graph(shop: Cluster) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `apphealth graph` on the cluster."""

    def run(*arguments: str, kubeconfig: Path = shop.kubeconfig) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), "graph", "--kubeconfig", str(kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def edges(found: subprocess.CompletedProcess[str]) -> set[tuple[str, str, str, bool]]:
    assert found.returncode == 0, found.stderr
    return {
        (edge["from"]["name"], edge["to"]["namespace"], edge["to"]["name"], edge["required"])
        for edge in json.loads(found.stdout)["edges"]
    }


EXPECTED = {
    (edge["from"]["name"], edge["to"]["namespace"], edge["to"]["name"], edge["required"])
    for edge in json.loads((DATA / "graph.json").read_text())["edges"]
}


def test_a_namespace_shows_what_its_manifests_show_network_policies_too(graph):
    assert edges(graph("-n", "shop", "-o", "json")) == EXPECTED


def test_all_namespaces_show_the_same_and_more(graph):
    assert edges(graph("-A", "-o", "json")) >= EXPECTED


def test_an_impact_is_that_of_the_manifests(graph):
    assert graph("-n", "shop", "--impact", "svc/db.data").stdout == (DATA / "impact.txt").read_text()


def test_the_page_can_be_made_of_a_cluster(graph):
    assert "orders-api" in graph("-n", "shop", "-o", "html").stdout


def test_what_may_not_be_read_is_told_and_gone_on_without(shop, graph):
    shop.kubectl("create", "serviceaccount", "reader", "-n", "shop")
    shop.apply(yaml.safe_dump_all([ROLE, BINDING]))
    found = graph("-n", "shop", "-o", "json", kubeconfig=shop.service_account_kubeconfig("shop", "reader"))
    assert "no right to list networkpolicies.networking.k8s.io in the namespace shop" in found.stderr
    assert ("frontend", "shop", "payments", False) in edges(found)
    assert not any(target == "data" for _, target, _, _ in edges(found))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(("-n", "nowhere"), 4, "there is no namespace 'nowhere'", id="no such namespace"),
        pytest.param(("-A", "-n", "shop"), 2, "choose one", id="one and all"),
        pytest.param(("-n", "shop", "--impact", "svc/nope"), 3, "there is no Service shop/nope", id="no such Service"),
        pytest.param(("-f", "x.yaml", "-A"), 2, "choose one", id="files and a cluster"),
    ],
)
def test_what_cannot_be_done_is_said(graph, arguments, code, told):
    found = graph(*arguments)
    assert (found.returncode, found.stdout) == (code, "")
    assert told in found.stderr.splitlines()[-1]
