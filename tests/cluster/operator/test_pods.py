"""Which pods are asked while a rollout is under way: what real controllers make of templates and revisions."""

import itertools
from datetime import UTC, datetime

import pytest

from apphealth.kube.client import Client
from apphealth.kube.credentials import find_credentials
from apphealth.kube.pods import list_pods
from apphealth.kube.workloads import read_workload
from apphealth.model.probe import TcpSocket
from apphealth.model.proof import Accept, Question
from apphealth.model.workload import WorkloadKey

APPS, CORE = "/apis/apps/v1", "/api/v1"
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
QUESTION = Question(
    template="", container="main", image="", handler=TcpSocket(port=1), timeout=1, accept=Accept.SUCCESS
)
ADDRESSES = itertools.count(1)


@pytest.fixture
def bare_node(api):
    """Make a node for the pods of DaemonSets: no kubelet looks after it."""
    name = "node-without-kubelet"
    api.create(f"{CORE}/nodes", {"metadata": {"name": name}})
    yield name
    api.delete(f"{CORE}/nodes/{name}")


def workload(shop, kind):
    labels = {"app": "web"}
    main = {"name": "main", "image": "example/web:1", "env": [{"name": "B", "value": "1"}, {"name": "A", "value": "1"}]}
    pod = {"containers": [main], "terminationGracePeriodSeconds": 0}
    template = {"metadata": {"labels": labels, "annotations": {"checksum/config": "1"}}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "DaemonSet":
        spec["updateStrategy"] = {"type": "OnDelete"}
    else:
        spec["replicas"] = 1
    if kind == "StatefulSet":
        spec |= {"serviceName": "web", "updateStrategy": {"type": "OnDelete"}}
    body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "labels": labels}, "spec": spec}
    shop.api.create(shop.path(APPS, PLURALS[kind]), body)


def pods(shop):
    return {pod["metadata"]["name"] for pod in shop.api.get(shop.path(CORE, "pods"))["items"]}


def make_ready(shop, name):
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = {"name": "main", "image": "a", "imageID": "a", "ready": True, "restartCount": 0}
    ip = f"10.9.9.{next(ADDRESSES)}"
    status = {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [container | {"state": {"running": {"startedAt": started}}}],
    }
    shop.api.request(
        "PATCH", shop.path(CORE, "pods", name) + "/status", {"status": status}, "application/merge-patch+json"
    )


def change(shop, kind, **fields):
    body = {"spec": {"template": {"spec": {"containers": [{"name": "main"} | fields]}}}}
    shop.api.patch(shop.path(APPS, PLURALS[kind], "web"), body, "strategic")


@pytest.fixture
def asked(installed, shop):
    """Provide the pods that would be asked, listed with the operator's own rights."""

    async def call(kind):
        async with Client(find_credentials(installed)) as client:
            planned = await read_workload(client, WorkloadKey(kind, shop.namespace, "web"))
            return {pod.name for pod in await list_pods(client, planned, QUESTION)}

    return call


@pytest.mark.parametrize("kind", PLURALS)
async def test_only_pods_of_the_present_template_are_asked(shop, bare_node, asked, kind):
    workload(shop, kind)
    before = shop.until(lambda: pods(shop), "there is a pod")
    for name in before:
        make_ready(shop, name)
    assert await asked(kind) == before
    change(shop, kind, env=[{"name": "A", "value": "2"}])
    shop.until(lambda: kind != "Deployment" or pods(shop) != before, "the rollout has begun")
    assert await asked(kind) == set(), "the old pods are ready, and say nothing of the new template"
    if kind != "Deployment":
        for name in before:
            shop.api.delete(shop.path(CORE, "pods", name) + "?gracePeriodSeconds=0")
    revision = "pod-template-hash" if kind == "Deployment" else "controller-revision-hash"
    newest = shop.until(lambda: _newest(shop, revision, before), "there is a pod of the new template")
    make_ready(shop, newest)
    assert await asked(kind) == {newest}


def _newest(shop, revision, before):
    """Return a pod that isn't one of those before: of a StatefulSet it has the same name, and another revision."""
    found = shop.api.get(shop.path(CORE, "pods"))["items"]
    fresh = [pod for pod in found if not pod["status"].get("podIP") and "deletionTimestamp" not in pod["metadata"]]
    assert all(revision in pod["metadata"]["labels"] for pod in fresh)
    return fresh[0]["metadata"]["name"] if fresh else None


@pytest.mark.parametrize("kind", PLURALS)
async def test_a_probe_makes_no_other_template_of_it(shop, bare_node, asked, kind):
    """Our own probes start a rollout, too: what ran before them answers as what comes after."""
    workload(shop, kind)
    before = shop.until(lambda: pods(shop), "there is a pod")
    for name in before:
        make_ready(shop, name)
    change(shop, kind, livenessProbe={"tcpSocket": {"port": 8080}})
    shop.until(lambda: kind != "Deployment" or pods(shop) != before, "the rollout has begun")
    assert await asked(kind) == before
