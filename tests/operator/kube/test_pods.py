"""Which pods of a workload can be asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from apphealth.kube import pods as module
from apphealth.kube.pods import list_pods
from apphealth.model.probe import TcpSocket
from apphealth.model.proof import Accept, Question
from apphealth.model.workload import Workload

QUESTION = Question(
    container="main", image="web:2", template="x", handler=TcpSocket(port=1), timeout=1, accept=Accept.SUCCESS
)
WORKLOAD = Workload(
    kind="Deployment", api_version="apps/v1", namespace="shop", name="web", uid="uid-web", pod_labels={"app": "web"}
)


def owner(kind="ReplicaSet", name="web-5d4f", uid="uid-rs", controller=True):
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": controller}


def pod(name="web-5d4f-x2x", *, owners=None, spec=None, status=None, image="web:2", ago=60, **metadata):
    started = (datetime.now(UTC) - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = {"name": "main", "state": {"running": {"startedAt": started}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "ownerReferences": [owner()] if owners is None else owners,
            **metadata,
        },
        "spec": {"containers": [{"name": "main", "image": image}], "nodeName": "n1"} | (spec or {}),
        "status": {
            "podIP": "10.1.2.3",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container],
        }
        | (status or {}),
    }


class Server:
    """Answers lists with the pages it was given."""

    def __init__(self, *pages):
        self.pages = pages
        self.asked = []

    async def get(self, path, type_, *, params):
        self.asked.append((path, dict(params)))
        number = int(params.get("continue", 0))
        more = str(number + 1) if number + 1 < len(self.pages) else ""
        return msgspec.convert({"metadata": {"continue": more}, "items": self.pages[number]}, type_)


@pytest.mark.parametrize(
    ("item", "usable"),
    [
        pytest.param(pod(), True, id="ready"),
        pytest.param(pod(status={"podIP": "fd00::7"}), True, id="IPv6"),
        pytest.param(pod(deletionTimestamp="2026-01-01T00:00:00Z"), False, id="on its way out"),
        pytest.param(pod(status={"conditions": [{"type": "Ready", "status": "False"}]}), False, id="not ready"),
        pytest.param(pod(status={"conditions": []}), False, id="not ready yet"),
        pytest.param(pod(spec={"hostNetwork": True}), False, id="on the host's network"),
        pytest.param(pod(status={"podIP": ""}), False, id="no address"),
        pytest.param(pod(status={"podIP": "127.0.0.1"}), False, id="our own address"),
        pytest.param(pod(status={"podIP": "169.254.169.254"}), False, id="the cloud's metadata"),
        pytest.param(pod(status={"podIP": "::1"}), False, id="our own address in IPv6"),
        pytest.param(pod(status={"podIP": "elsewhere.example"}), False, id="a name"),
        pytest.param(pod(image="web:1"), False, id="an older image"),
        pytest.param(pod(status={"containerStatuses": [{"name": "main", "state": {}}]}), False, id="not running"),
        pytest.param(pod(owners=[]), False, id="nobody's"),
        pytest.param(pod(owners=[owner(name="web-api-5d4f")]), False, id="of another Deployment"),
        pytest.param(pod(owners=[owner(controller=False)]), False, id="not controlled"),
        pytest.param(pod(owners=[owner("StatefulSet", "web", "uid-web")]), False, id="of another kind"),
        pytest.param(
            pod(
                spec={"containers": [], "initContainers": [{"name": "main", "image": "web:2"}]},
                status={
                    "containerStatuses": [],
                    "initContainerStatuses": [
                        {"name": "main", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
                    ],
                },
            ),
            True,
            id="a sidecar",
        ),
    ],
)
async def test_which_pods_can_be_asked(item, usable):
    assert [found.name for found in await list_pods(Server([item]), WORKLOAD, QUESTION)] == ["web-5d4f-x2x"] * usable


@pytest.mark.parametrize(
    ("kind", "owned_by"),
    [
        ("Deployment", owner()),
        ("Rollout", owner()),
        ("StatefulSet", owner("StatefulSet", "web", "uid-web")),
        ("DaemonSet", owner("DaemonSet", "web", "uid-web")),
    ],
)
async def test_pods_of_every_kind_of_workload(kind, owned_by):
    workload = replace(WORKLOAD, kind=kind, pod_labels={"a": "b", "app": "web"})
    server = Server([pod(owners=[owned_by])])
    (found,) = await list_pods(server, workload, QUESTION)
    assert (found.ip, found.node, 50 < found.age < 90) == ("10.1.2.3", "n1", True)
    assert server.asked == [("/api/v1/namespaces/shop/pods", {"labelSelector": "a=b,app=web", "limit": "200"})]


async def test_pages_are_read_up_to_a_bound():
    server = Server(*([pod(f"web-{number}")] for number in range(9)))
    found = await list_pods(server, WORKLOAD, QUESTION)
    assert {one.name for one in found} == {f"web-{number}" for number in range(module.PAGES)}


async def test_pods_of_several_nodes_come_first():
    items = [pod(f"web-{node}{number}", spec={"nodeName": f"n{node}"}) for node in range(3) for number in range(5)]
    found = await list_pods(Server(items), WORKLOAD, QUESTION)
    assert [{pod.node for pod in found[at : at + 3]} for at in (0, 3)] == [{"n0", "n1", "n2"}] * 2
