"""`plan.harm`: one case for each row of its table, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apphealth.model.pod import ContainerState, KubeletNote, PodState, Reply
from apphealth.model.probe import Exec, HttpGet, Probe, ProbeKind, TcpSocket
from apphealth.model.progress import Progress
from apphealth.model.withheld import WithheldReason
from apphealth.model.workload import Container, ContainerPort, Workload
from apphealth.plan.harm import Sighting, failing, gone, hangs, is_gone, judge, named_port_is_gone, number_of

LIVE = Probe(handler=HttpGet(port="http", path="/livez"))
READY = Probe(handler=HttpGet(port="http", path="/readyz"))
START = Probe(handler=HttpGet(port="http", path="/livez"), period=2, failure_threshold=150)
EARLIER = Probe(handler=HttpGet(port="http", path="/health"))
LIVENESS, READINESS, STARTUP = (("main", kind) for kind in ProbeKind)
ALL = {LIVENESS: LIVE, READINESS: READY, STARTUP: START}
CONTAINER = Container(name="main", ports=(ContainerPort(8080, "http", "TCP"),))
WEB = Workload(
    kind="Deployment", api_version="apps/v1", namespace="shop", name="web", containers=(CONTAINER,), template="digest"
)
NOT_FOUND = Reply(detail="404", gone=True)
UNAVAILABLE = Reply(detail="503")
REFUSED = Reply(detail="connection refused", refused=True)
GOOD = Reply(detail="200", passed=True)


def pod(name="web-1", *, suspects=ALL, ready=False, running=20.0, age=20.0, restarts=0, lasted=0.0):
    probes = {kind: probe for (_, kind), probe in suspects.items()}
    state = ContainerState(name="main", probes=probes, running=running, restarts=restarts, lasted=lasted)
    return PodState(name=name, uid=name, ip="10.0.0.1", age=age, ready=ready, containers=(state,))


def killing(kind, container="main"):
    return KubeletNote(container, "Killing", f"Container {container} failed {kind} probe, will be restarted")


def unhealthy(kind, text="HTTP probe failed with statuscode: 404", container="main"):
    return KubeletNote(container, "Unhealthy", f"{kind.capitalize()} probe failed: {text}")


def seen(*notes, replies=(), starts=(), **fields):
    return Sighting(pod=pod(**fields), notes=notes, replies=dict(replies), starts=dict(starts))


def blamed(sightings, *, workload=WEB, suspects=ALL, gone_for=10.0, before=()):
    found = judge(workload, suspects, sightings, dict.fromkeys(suspects, gone_for), dict(before))
    return {(one.container, one.kind): one.reason for one in found}


ROLLED_BACK, REFUTED = WithheldReason.ROLLED_BACK, WithheldReason.REFUTED


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        pytest.param(
            [seen(killing("liveness"), unhealthy("liveness"))], {LIVENESS: ROLLED_BACK}, id="restarted by liveness"
        ),
        pytest.param(
            [seen(killing("startup"))], {STARTUP: ROLLED_BACK, LIVENESS: ROLLED_BACK}, id="restarted by startup"
        ),
        pytest.param([seen(killing("liveness"), ready=True)], {LIVENESS: ROLLED_BACK}, id="and ready again since"),
        pytest.param(
            [seen(killing("liveness"), restarts=1, lasted=90.0)], {LIVENESS: ROLLED_BACK}, id="it may never have passed"
        ),
        pytest.param(
            [seen(killing("liveness"), restarts=1, lasted=200.0, starts={"main": 60})],
            {LIVENESS: ROLLED_BACK},
            id="it may never have passed after a slow start",
        ),
        pytest.param(
            [seen(killing("liveness"), restarts=2, lasted=3000.0)], {LIVENESS: ROLLED_BACK}, id="again and again"
        ),
        pytest.param([seen(replies={READINESS: NOT_FOUND})], {READINESS: REFUTED}, id="one endpoint is gone"),
        pytest.param([seen(replies=dict.fromkeys(ALL, NOT_FOUND))], dict.fromkeys(ALL, REFUTED), id="all are gone"),
        pytest.param([seen(unhealthy("readiness"))], {READINESS: REFUTED}, id="out of reach, by the kubelet's word"),
        pytest.param(
            [seen(replies={READINESS: REFUSED}, running=301.0)],
            {READINESS: REFUTED},
            id="nothing listens for as long as a start may take",
        ),
        pytest.param(
            [seen(replies={READINESS: NOT_FOUND}, running=91.0, starts={"main": 90})],
            {READINESS: REFUTED},
            id="gone for longer than its slowest start took",
        ),
        pytest.param(
            [seen(replies={READINESS: NOT_FOUND}, running=301.0, starts={"main": 3600})],
            {READINESS: REFUTED},
            id="gone for longer than any start is waited for",
        ),
    ],
)
def test_what_is_harm(sightings, expected):
    assert blamed(sightings) == expected


@pytest.mark.parametrize(
    "sighting",
    [
        pytest.param(seen(), id="not ready, and nothing else"),
        pytest.param(seen(restarts=3), id="the container ends by itself"),
        pytest.param(seen(killing("liveness"), age=4000.0), id="an old pod: liveness does what it is for"),
        pytest.param(seen(killing("liveness", container="sidecar")), id="another container"),
        pytest.param(
            seen(killing("liveness"), restarts=1, lasted=91.0), id="its first restart, after passing for long"
        ),
        pytest.param(seen(killing("liveness"), running=91.0), id="about to be restarted, after passing for long"),
        pytest.param(seen(killing("liveness"), suspects={LIVENESS: EARLIER}), id="a pod with another probe"),
        pytest.param(seen(replies={READINESS: UNAVAILABLE}), id="the application says that it isn't ready"),
        pytest.param(seen(replies={READINESS: Reply(detail="500")}), id="the application fails"),
        pytest.param(seen(replies={READINESS: REFUSED}), id="it may still be starting"),
        pytest.param(seen(replies={READINESS: NOT_FOUND}, running=3.0), id="it has just started"),
        pytest.param(seen(replies={READINESS: NOT_FOUND}, running=0.0), id="it doesn't run"),
        pytest.param(
            seen(replies={READINESS: NOT_FOUND}, running=60.0, starts={"main": 90}), id="it is known to start slowly"
        ),
        pytest.param(seen(unhealthy("readiness", "connection refused")), id="out of reach, refused"),
        pytest.param(seen(unhealthy("readiness", "HTTP probe failed with statuscode: 503")), id="out of reach, 503"),
    ],
)
def test_what_is_the_users_own(sighting):
    assert blamed([sighting]) == {}


KILLED = pod(restarts=1)
LONG = {"ready": True, "running": 31.0}  # longer than liveness lets one live that never passes it


@pytest.mark.parametrize(
    ("kind", "others", "harm"),
    [
        pytest.param("liveness", [pod("web-2", **LONG)], False, id="another one passes"),
        pytest.param("liveness", [pod("web-2", restarts=1, **LONG), pod("web-3", **LONG)], True, id="most do not"),
        pytest.param("liveness", [pod("web-2", ready=True, running=29.0)], True, id="the other is too young to say"),
        pytest.param("liveness", [pod("web-2", running=31.0)], True, id="the other is not ready"),
        pytest.param(
            "liveness", [pod("web-2", suspects={LIVENESS: EARLIER}, **LONG)], True, id="the other has another probe"
        ),
        pytest.param("startup", [pod("web-2", **LONG)], True, id="startup: the pods may differ in how fast they are"),
    ],
)
def test_pods_that_pass_liveness_speak_for_it(kind, others, harm):
    killed = Sighting(pod=KILLED, notes=(killing(kind),))
    assert bool(judge(WEB, ALL, [killed], {}, {}, [KILLED, *others])) is harm


def test_an_endpoint_must_be_gone_for_a_while():
    assert blamed([seen(replies={READINESS: NOT_FOUND})], gone_for=1.0) == {}


def test_a_pod_that_passes_speaks_for_the_probe():
    both = [seen(replies={READINESS: NOT_FOUND}), seen(name="web-2", replies={READINESS: GOOD})]
    assert gone(WEB, ALL, both) == frozenset()
    assert blamed(both) == {}


@pytest.mark.parametrize(
    ("ports", "port", "harm"),
    [
        pytest.param((ContainerPort(9090, "http", "TCP"),), 8080, True, id="the template declares another port"),
        pytest.param((ContainerPort(8080, "http", "TCP"),), 8080, False, id="it declares this one"),
        pytest.param((), 8080, False, id="it declares none"),
    ],
)
def test_a_port_that_the_template_no_longer_declares_is_elsewhere(ports, port, harm):
    probe = Probe(handler=TcpSocket(port=port))
    workload = replace(WEB, containers=(replace(CONTAINER, ports=ports),))
    sighting = seen(suspects={READINESS: probe}, replies={READINESS: REFUSED})
    assert blamed([sighting], workload=workload, suspects={READINESS: probe}) == ({READINESS: REFUTED} if harm else {})


STALLED = replace(WEB, progress=Progress(stalled=True))
COMMAND = {READINESS: Probe(handler=Exec(command=("check",)))}


@pytest.mark.parametrize(
    ("sighting", "harm"),
    [
        pytest.param(seen(unhealthy("readiness", "exit 1"), suspects=COMMAND), True, id="a command fails"),
        pytest.param(seen(suspects=COMMAND), False, id="it doesn't"),
        pytest.param(seen(unhealthy("readiness"), suspects=COMMAND, ready=True), False, id="the pod is ready"),
        pytest.param(seen(suspects=COMMAND, replies={READINESS: UNAVAILABLE}), False, id="the application's own word"),
    ],
)
def test_a_rollout_that_exceeded_its_deadline(sighting, harm):
    expected = {READINESS: ROLLED_BACK} if harm else {}
    assert blamed([sighting], workload=STALLED, suspects=COMMAND) == expected


def test_the_evidence_names_pods_and_the_kubelets_words():
    found = judge(
        WEB, ALL, [seen(killing("liveness"), unhealthy("liveness")), seen(killing("liveness"), name="web-2")], {}, {}
    )
    (entry,) = found
    assert entry.evidence == (
        "the kubelet restarted main in web-1 and 1 more of 2 pods because liveness failed:"
        " Liveness probe failed: HTTP probe failed with statuscode: 404"
    )
    assert (entry.exact, entry.template) == (True, "digest")


def test_what_was_there_before_comes_back():
    (one,) = judge(WEB, ALL, [seen(killing("liveness"))], {}, {LIVENESS: EARLIER})
    assert one.instead == EARLIER
    (one,) = judge(WEB, ALL, [seen(killing("liveness"))], {}, {LIVENESS: LIVE})
    assert one.instead is None


def test_pods_that_kubernetes_does_not_replace_are_named():
    ordered = replace(WEB, kind="StatefulSet", ordered=True)
    (one,) = judge(ordered, ALL, [seen(replies={READINESS: NOT_FOUND}, name="db-0")], {READINESS: 10.0}, {})
    assert one.evidence == (
        "http-get http://:http/readyz: 404 from db-0 of the newest template;"
        " Kubernetes doesn't replace such a pod of this StatefulSet: kubectl -n shop delete pod db-0"
    )


@pytest.mark.parametrize(
    ("sighting", "expected"),
    [
        pytest.param(
            seen(replies={READINESS: UNAVAILABLE}, running=60.0),
            "web-1 fails the readiness probe of main: 503",
            id="asked",
        ),
        pytest.param(
            seen(unhealthy("readiness", "refused"), running=60.0),
            "web-1 fails the readiness probe of main: Readiness probe failed: refused",
            id="by the kubelet's word",
        ),
        pytest.param(seen(replies={READINESS: UNAVAILABLE}, running=5.0), "", id="it has just started"),
        pytest.param(seen(replies={READINESS: GOOD}, running=60.0), "", id="it passes"),
        pytest.param(seen(unhealthy("readiness"), running=60.0, ready=True), "", id="it is ready again"),
    ],
)
def test_an_example_of_what_fails(sighting, expected):
    assert failing(ALL, [sighting]) == expected


NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DONE = Progress(desired=1, existing=1, updated=1, ready=1, available=1, observed=True)


@pytest.mark.parametrize(
    ("progress", "minutes", "expected"),
    [
        pytest.param(DONE, 11, False, id="complete"),
        pytest.param(Progress(), 5, False, id="under way"),
        pytest.param(Progress(), 11, True, id="under way for long"),
        pytest.param(Progress(), 90, False, id="under way again, much later"),
        pytest.param(Progress(stalled=True), 5, True, id="its deadline is over"),
        pytest.param(Progress(stalled=True), None, False, id="nothing of ours"),
    ],
)
def test_a_rollout_hangs(progress, minutes, expected):
    written = NOW - timedelta(minutes=minutes) if minutes is not None else None
    assert bool(hangs(replace(WEB, progress=progress, written_at=written), NOW)) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, False),
        (302, False),
        (400, True),
        (401, True),
        (404, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_which_statuses_say_that_an_endpoint_is_gone(status, expected):
    assert is_gone(status) is expected


@pytest.mark.parametrize(
    ("handler", "number", "missing"),
    [
        (HttpGet(port="http"), 8080, False),
        (HttpGet(port="web"), None, True),
        (TcpSocket(port=9), 9, False),
        (Exec(command=("check",)), None, False),
    ],
)
def test_the_number_of_a_named_port(handler, number, missing):
    probe = Probe(handler=handler)
    assert (number_of(CONTAINER, probe), named_port_is_gone(CONTAINER, probe)) == (number, missing)


def test_a_pod_may_lack_a_container():
    assert PodState(name="web-1").container("main") is None
