"""What was once proven and written stays, and is asked about again only where it changes."""

from __future__ import annotations

import copy

import pytest

from apphealth.model.proof import Proof, Verdict
from apphealth.model.survey import Served, Speaks, Survey


def answering(*paths, slowest=0.01):
    def answer(question):
        if isinstance(question.handler, Survey):
            port = question.handler.ports[0].number
            served = [Served(port, Speaks.HTTP, path) for path in paths if path.startswith("/")]
            open_ = (Served(port, Speaks.HTTP),) if paths else ()
            verdict = Verdict.VERIFIED if paths else Verdict.REFUTED
            return Proof(verdict=verdict, answer="said so", served=(*open_, *served))
        well = getattr(question.handler, "path", "TCP") in paths
        verdict = Verdict.VERIFIED if well else Verdict.REFUTED
        return Proof(verdict=verdict, answer="said so", slowest=slowest if well else 0.0)

    return answer


@pytest.fixture
def lived(build, api_server, operator):
    """A workload that got its probes by asking, and its operator; `spec` goes into the rule."""

    def live(pods, **spec):
        manifest = build.deployment() | {"status": {"readyReplicas": 1}}
        server = api_server(manifest)
        rule = build.rule(**{"preset": "auto", "verification": "Required"} | spec)
        life = operator(server, build.world(rule, build.service()), pods)
        life.settle()
        return life, manifest

    return live


def updated(life, manifest, **container):
    """A new version of the application; its pods refuse everything, and what earlier ones said is forgotten."""
    new = copy.deepcopy(manifest)
    new["spec"]["template"]["spec"]["containers"][0].update({"image": "x:2"} | container)
    life.server.client_side_apply(new)
    life.world.answers.clear()
    life.pods = answering()
    life.asked.clear()
    life.sent = 0


def paths(life):
    container = life.server.container()
    probes = {field: container.get(field, {}) for field in ("livenessProbe", "readinessProbe", "startupProbe")}
    return {
        field.removesuffix("Probe"): probe.get("httpGet", {}).get("path", "TCP")
        for field, probe in probes.items()
        if probe
    }


def again(life, build, **spec):
    build.set_rules(life.world, build.rule(**{"preset": "auto", "verification": "Required"} | spec))


KUBERNETES = ("/readyz", "/livez")
WRITTEN = {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"}


@pytest.mark.parametrize(
    ("pods", "spec", "expected"),
    [
        pytest.param(KUBERNETES, {}, WRITTEN, id="found by asking"),
        pytest.param(("/readyz",), {}, {"readiness": "/readyz"}, id="found in part"),
        pytest.param(("TCP",), {}, {"readiness": "TCP"}, id="an open port"),
        pytest.param(
            ("/z/health/liveness", "/z/health/readiness"),
            {"preset": "flask-management-endpoints"},
            {"liveness": "/z/health/liveness", "readiness": "/z/health/readiness", "startup": "/z/health/liveness"},
            id="a preset by name",
        ),
    ],
)
def test_a_new_image_keeps_its_probes(lived, pods, spec, expected):
    life, manifest = lived(answering(*pods), **spec)
    assert paths(life) == expected
    updated(life, manifest)
    settled = life.settle()
    assert (paths(life), life.sent) == (expected, 0)
    assert not life.asked
    assert settled.state == "Applied"


def test_a_changed_number_is_tried_with_what_it_belongs_to(lived, build):
    life, _ = lived(answering(*KUBERNETES))
    life.asked.clear()
    life.world.answers.clear()
    again(life, build, probes={"readiness": {"timeoutSeconds": 2}})
    life.settle()
    assert life.asked
    assert life.server.container()["readinessProbe"]["timeoutSeconds"] == 2


def test_what_would_fail_after_a_change_leaves_what_is_there(lived, build):
    life, _ = lived(answering(*KUBERNETES))
    life.pods = answering()
    again(life, build, preset="http", probes={"readiness": {"path": "/nope"}})
    settled = life.settle()
    assert paths(life)["readiness"] == "/readyz"
    assert "probe-refuted" in [finding.id for finding in settled.findings]


def test_without_a_ready_pod_a_change_of_what_was_derived_waits(lived, build):
    life, _ = lived(answering(*KUBERNETES))
    life.server.status = {}
    life.world.answers.clear()
    life.sent = 0
    again(life, build, probes={"readiness": {"periodSeconds": 60}})
    settled = life.settle()
    assert (paths(life), life.sent) == (WRITTEN, 0)
    assert "awaiting-pods" in [finding.id for finding in settled.findings]


@pytest.mark.parametrize("ready", [True, False])
def test_a_timeout_that_was_raised_stays_for_a_new_image(lived, ready):
    life, manifest = lived(answering("/up", slowest=0.7), preset="http", probes={"readiness": {"path": "/up"}})
    assert life.server.container()["readinessProbe"]["timeoutSeconds"] == 4
    updated(life, manifest)
    life.server.status = {"readyReplicas": 1} if ready else {}
    life.pods = answering("/up", slowest=0.62)
    life.settle()
    assert (life.server.container()["readinessProbe"]["timeoutSeconds"], life.sent) == (4, 0)


def test_a_timeout_goes_back_where_answers_are_fast_again(lived):
    life, manifest = lived(answering("/up", slowest=0.7), preset="http", probes={"readiness": {"path": "/up"}})
    updated(life, manifest)
    life.pods = answering("/up")
    life.settle()
    assert life.server.container()["readinessProbe"]["timeoutSeconds"] == 3


def test_an_open_port_is_told_alike_before_and_after_it_is_written(lived):
    life, _ = lived(answering("TCP"))
    decided = life.look()
    (container,) = decided.containers
    assert container.preset != "kubernetes-style"
    assert {probe.kind: probe.verification for probe in container.probes if probe.verification} == {
        "readiness": "Verified"
    }
    assert {finding.severity for finding in decided.findings} <= {"info"}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(("/z", "/z/health/liveness", "/z/health/readiness", "/z/health/startup"), id="the library"),
        pytest.param(("/livez", "/readyz"), id="Kubernetes' own"),
        pytest.param(("/health/live", "/health/ready"), id="another"),
    ],
)
def test_a_rule_that_skips_verification_changes_what_it_says_and_nothing_else(build, lived, found):
    """Skip asks no pod, and what pods have shown before stays."""
    life, _ = lived(answering(*found))
    before = paths(life)
    assert before.keys() == {"liveness", "readiness", "startup"}
    mistake = build.rule(
        "mistake",
        targetRef={"kind": "Deployment", "name": "web"},
        verification="Skip",
        probes={"readiness": {"path": "/wrong"}},
    )
    del mistake["spec"]["preset"]
    build.set_rules(life.world, build.rule(preset="auto", verification="Required"), mistake)
    life.settle()
    assert paths(life) == before | {"readiness": "/wrong"}
