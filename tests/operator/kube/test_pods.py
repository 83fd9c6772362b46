"""Which pods of a workload can be asked."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from apphealth.kube import pods as module
from apphealth.kube.pods import REVISION_LABEL, list_newest, list_notes, list_pods
from apphealth.model.parse_workload import parse_workload
from apphealth.model.pod import KubeletNote, PodState
from apphealth.model.probe import ProbeKind, TcpSocket
from apphealth.model.proof import Accept, Question

QUESTION = Question(
    container="main", image="web:2", template="x", handler=TcpSocket(port=1), timeout=1, accept=Accept.SUCCESS
)
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"checksum/config": "1"}},
    "spec": {"containers": [{"name": "main", "image": "web:2", "env": [{"name": "A", "value": "1"}]}]},
}
PROBE = {"httpGet": {"path": "/live", "port": 8080}}


def workload(kind="Deployment", template=TEMPLATE):
    metadata = {"name": "web", "namespace": "shop", "uid": "uid-web"}
    return parse_workload({"kind": kind, "apiVersion": "apps/v1", "metadata": metadata, "spec": {"template": template}})


def changed(**container):
    """Return the template with another container."""
    main = TEMPLATE["spec"]["containers"][0] | container
    return TEMPLATE | {"spec": {"containers": [main]}}


def revision(name="web-5d4f", uid="uid-rs", template=TEMPLATE, *, kind="Deployment", of="uid-web", labels=None):
    """Return a ReplicaSet or a ControllerRevision."""
    template = template | {"metadata": template["metadata"] | {"labels": {"app": "web", "pod-template-hash": "5d4f"}}}
    metadata = {"name": name, "uid": uid, "labels": labels or {}, "ownerReferences": [owner(kind, "web", of)]}
    if kind in ("Deployment", "Rollout"):
        return {"metadata": metadata, "spec": {"template": template}}
    return {"metadata": metadata, "data": {"spec": {"template": template | {"$patch": "replace"}}}}


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
    """Answers lists of pods with the pages it was given, and those of revisions."""

    def __init__(self, *pages, revisions=None):
        self.pages = pages
        self.revisions = [revision()] if revisions is None else revisions
        self.asked = []

    async def get(self, path, type_, *, params):
        self.asked.append((path, dict(params)))
        if not path.endswith("/pods"):
            return msgspec.convert({"items": self.revisions}, type_)
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
        pytest.param(pod(status={"podIP": "fd00:ec2::254"}), False, id="the cloud's metadata in IPv6"),
        pytest.param(pod(status={"podIP": "100.100.100.200"}), False, id="another cloud's metadata"),
        pytest.param(pod(status={"podIP": "::ffff:127.0.0.1"}), False, id="our own address as IPv4 in IPv6"),
        pytest.param(pod(image="mirror.example/web:2"), True, id="an image that admission has rewritten"),
        pytest.param(pod(status={"containerStatuses": [{"name": "main", "state": {}}]}), False, id="not running"),
        pytest.param(pod(owners=[]), False, id="nobody's"),
        pytest.param(pod(owners=[owner(name="web-api-5d4f", uid="uid-other")]), False, id="of another Deployment"),
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
    assert [found.name for found in await list_pods(Server([item]), workload(), QUESTION)] == ["web-5d4f-x2x"] * usable


@pytest.mark.parametrize(
    ("revisions", "usable"),
    [
        pytest.param([revision()], True, id="of the template as it is"),
        pytest.param([revision(template=changed(livenessProbe=PROBE))], True, id="of one that differs in a probe"),
        pytest.param([revision(template=changed(env=[]))], False, id="of one with other variables"),
        pytest.param([revision(template=changed(image="web:1"))], False, id="of one with another image"),
        pytest.param([revision(template=changed(args=["--debug"]))], False, id="of one with other arguments"),
        pytest.param([revision(of="uid-another")], False, id="of another Deployment of the same labels"),
        pytest.param(
            [revision(uid="uid-new"), revision(template=changed(env=[]))], False, id="while the new one starts"
        ),
        pytest.param([], False, id="of one that was not made yet"),
    ],
)
async def test_only_pods_of_the_present_template_are_asked(revisions, usable):
    """Before: whichever ran the image, so that pods of the old template proved a probe for the new one."""
    assert len(await list_pods(Server([pod()], revisions=revisions), workload(), QUESTION)) == usable


@pytest.mark.parametrize(
    ("kind", "plural", "item", "made_from"),
    [
        ("Deployment", "replicasets", pod(), revision()),
        ("Rollout", "replicasets", pod(), revision(kind="Rollout")),
        (
            "StatefulSet",
            "controllerrevisions",
            pod(owners=[owner("StatefulSet", "web", "uid-web")], labels={REVISION_LABEL: "web-77d"}),
            revision("web-77d", kind="StatefulSet"),
        ),
        (
            "DaemonSet",
            "controllerrevisions",
            pod(owners=[owner("DaemonSet", "web", "uid-web")], labels={REVISION_LABEL: "77d"}),
            revision("web-77d", kind="DaemonSet", labels={REVISION_LABEL: "77d"}),
        ),
    ],
)
async def test_pods_of_every_kind_of_workload(kind, plural, item, made_from):
    server = Server([item], revisions=[made_from])
    (found,) = await list_pods(server, workload(kind), QUESTION)
    assert (found.ip, found.node, 50 < found.age < 3600) == ("10.1.2.3", "n1", True)
    assert server.asked == [
        (f"/apis/apps/v1/namespaces/shop/{plural}", {"labelSelector": "app=web", "limit": "100"}),
        ("/api/v1/namespaces/shop/pods", {"labelSelector": "app=web", "limit": "200"}),
    ]
    server = Server([item], revisions=[revision("web-old", template=changed(env=[]), kind=kind)])
    assert await list_pods(server, workload(kind), QUESTION) == []


async def test_pages_are_read_up_to_a_bound():
    server = Server(*([pod(f"web-{number}")] for number in range(9)))
    found = await list_pods(server, workload(), QUESTION)
    assert {one.name for one in found} == {f"web-{number}" for number in range(module.PAGES)}


async def test_pods_of_several_nodes_come_first():
    items = [pod(f"web-{node}{number}", spec={"nodeName": f"n{node}"}) for node in range(3) for number in range(5)]
    found = await list_pods(Server(items), workload(), QUESTION)
    assert [{pod.node for pod in found[at : at + 3]} for at in (0, 3)] == [{"n0", "n1", "n2"}] * 2


def at(ago):
    return (datetime.now(UTC) - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def became_ready(ago, restarts=0, started=500):
    container = {"name": "main", "state": {"running": {"startedAt": at(started)}}, "restartCount": restarts}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": at(ago)}
    return pod(status={"conditions": [ready], "containerStatuses": [container]})


@pytest.mark.parametrize(
    ("item", "start"),
    [
        pytest.param(became_ready(100), 400.0, id="after 400 s"),
        pytest.param(became_ready(100, restarts=1), 0.0, id="restarted since"),
        pytest.param(became_ready(10, started=7200), 0.0, id="so late that it was ready before"),
        pytest.param(pod(), 0.0, id="not known"),
    ],
)
async def test_how_long_a_pod_took_to_start(item, start):
    (asked,) = await list_pods(Server([item]), workload(), QUESTION)
    (state,) = await list_newest(Server([item]), workload())
    assert asked.start == pytest.approx(start, abs=2)
    assert state.container("main").start == pytest.approx(start, abs=2)


async def test_the_newest_pods_come_with_their_state_those_in_trouble_first():
    spec = {"containers": [{"name": "main", "image": "web:2", "livenessProbe": PROBE}]}
    container = {"name": "main", "state": {"running": {"startedAt": at(30)}}, "restartCount": 2}
    container["lastState"] = {"terminated": {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:30Z"}}
    troubled = pod(
        "web-2", spec=spec, creationTimestamp=at(90), status={"conditions": [], "containerStatuses": [container]}
    )
    waiting = pod("web-3", status={"conditions": [], "containerStatuses": [{"name": "main", "state": {"waiting": {}}}]})
    leaving, other = pod("web-4", deletionTimestamp=at(1)), pod("web-5", owners=[])
    host = pod("web-6", spec={"hostNetwork": True})
    found = await list_newest(Server([pod("web-1"), troubled, waiting, leaving, other, host]), workload())
    assert [(one.name, one.ready, bool(one.ip)) for one in found] == [
        ("web-3", False, True),
        ("web-2", False, True),
        ("web-1", True, True),
        ("web-6", True, False),
    ]
    (state,) = found[1].containers
    assert state.lasted == 90.0
    assert (state.restarts, state.probes.keys()) == (2, {ProbeKind.LIVENESS})
    assert (state.running, found[1].age) == (pytest.approx(30, abs=2), pytest.approx(90, abs=2))
    assert found[0].container("main").running == 0
    assert found[0].container("sidecar") is None


async def test_the_kubelets_events_are_read_the_latest_first():
    class Events:
        async def get(self, path, type_, *, params):
            assert path == "/apis/events.k8s.io/v1/namespaces/shop/events"
            assert params["fieldSelector"] == "regarding.uid=uid-web-1"
            items = [
                {
                    "reason": reason,
                    "note": f"{reason}\n{'x' * 999}",
                    "regarding": {"fieldPath": where},
                    "metadata": {"resourceVersion": version},
                }
                for reason, where, version in (
                    ("Unhealthy", "spec.containers{main}", "99"),
                    ("Scheduled", "", "100"),
                    ("Killing", "spec.initContainers{proxy}", "101"),
                )
            ]
            return msgspec.convert({"items": items}, type_)

    found = await list_notes(Events(), "shop", PodState(name="web-1", uid="uid-web-1"))
    assert [(note.container, note.reason) for note in found] == [("proxy", "Killing"), ("main", "Unhealthy")]
    assert all(len(note.text) == 200 and isinstance(note, KubeletNote) for note in found)
