"""The HealthPlan says what the plan says, in full."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from apphealth.api.healthplan import State, Value, VerificationState
from apphealth.api.spec import Mode
from apphealth.model.ownership import Ownership
from apphealth.model.probe import HttpGet, Probe, ProbeKind, TcpSocket, serialise_probe
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.workload import LiveProbe
from apphealth.plan.record import parse_proof, proof_record, record_of, rollout_of, rollout_record
from apphealth.plan.result import Action, ContainerPlan, Plan, Preview, ProbePlan

THEIRS = Probe(handler=HttpGet(port=8080, path="/theirs"))
OURS = Probe(handler=TcpSocket(port=8080))
QUESTION = Question(
    template="shop/1", container="main", image="shop:1", handler=TcpSocket(port=8080), timeout=1, accept=Accept.SUCCESS
)
PROOF = Proof(verdict=Verdict.VERIFIED, answer="open from web-1", slowest=0.0126)
MAIN = ContainerPlan(
    name="main",
    reason="Proven",
    message="running pods answered as its probes want",
    preset="postgres",
    preset_source="image postgres",
    probes=(
        ProbePlan(kind=ProbeKind.LIVENESS, action=Action.KEEP, reason="a probe is there already", probe=OURS),
        ProbePlan(
            kind=ProbeKind.READINESS,
            action=Action.APPLY,
            reason="there was none",
            probe=OURS,
            provenance=(Value("port", "8080", "a rule"),),
            verification=VerificationState.VERIFIED,
            proof=PROOF,
        ),
        ProbePlan(kind=ProbeKind.STARTUP, action=Action.NONE, reason="no probe is wanted"),
    ),
)
SIDE = ContainerPlan(name="side", skipped=True, reason="Sidecar", message="a sidecar gets no probes")


@pytest.fixture
def workload(build):
    """A workload with a liveness probe of another owner."""
    parsed = build.parse(build.deployment())
    there = {ProbeKind.LIVENESS: LiveProbe(THEIRS, Ownership(ours=False, others=("kubectl",)))}
    return replace(parsed, containers=(replace(parsed.containers[0], probes=there),))


def as_json(record):
    return msgspec.to_builtins(record)


def test_a_record_says_what_was_decided(workload):
    plan = Plan(
        workload=workload.key,
        state=State.APPLIED,
        message="adds readiness of main",
        mode=Mode.ENFORCE,
        containers=(MAIN, SIDE),
        preview=Preview(message="would add more", containers=(SIDE,)),
        proofs=((QUESTION, PROOF),),
        starts={"b": 40, "a": 20},
        retried="once",
    )
    record = record_of(plan, workload)
    assert as_json(record.spec) == {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    status = as_json(record.status)
    assert (status["state"], status["message"], status["mode"]) == ("Applied", "adds readiness of main", "Enforce")
    assert (status["retried"], status["preview"]["message"]) == ("once", "would add more")
    assert list(status["starts"]) == [{"container": "a", "seconds": 20}, {"container": "b", "seconds": 40}]
    assert {name: value for name, value in status["summary"].items() if value} == {
        "workload": "Deployment/web",
        "probes": "L R",
        "verified": "Verified",
        "liveness": "http-get http://:8080/theirs (kept)",
        "readiness": "tcp-socket :8080",
    }
    main, side = record.status.containers
    assert (main.name, main.preset, main.preset_source, main.reason, main.message) == (
        *("main", "postgres", "image postgres", "", ""),
    )
    assert (side.name, side.reason, side.message) == ("side", "Sidecar", "a sidecar gets no probes")
    assert [(one.type, one.action, one.reason, one.verification, one.probe, one.values) for one in main.probes] == [
        ("liveness", "Keep", "a probe is there already", None, serialise_probe(OURS), ()),
        ("readiness", "Apply", "there was none", "Verified", serialise_probe(OURS), (Value("port", "8080", "a rule"),)),
    ]
    (proof,) = record.status.proofs
    assert (proof.id, proof.asked, proof.verdict, proof.answer, proof.slowest_milliseconds) == (
        *(QUESTION.id, str(QUESTION), "Verified", "open from web-1", 13),
    )
    assert parse_proof(proof) == replace(PROOF, slowest=0.013)


def test_without_a_mode_or_a_preview_it_says_neither(workload):
    status = record_of(Plan(workload=workload.key, state=State.SKIPPED, message=""), workload).status
    assert (status.mode, status.preview, status.summary.probes, status.summary.verified) == ("", None, "", "")


@pytest.mark.parametrize("name", ["verdict", "unknown"])
def test_a_proof_of_another_version_is_no_proof(name):
    record = msgspec.structs.replace(proof_record(QUESTION, PROOF), verdict=name)
    assert parse_proof(record) is None


WINDOW = {"schedule": "0 22 * * *", "duration": "4h", "timeZone": "Europe/Berlin"}


@pytest.mark.parametrize(
    "rollout",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"maxConcurrent": 3}, id="a number"),
        pytest.param({"maxConcurrent": "20%"}, id="a share"),
        pytest.param({"maxPerNamespace": 2, "soakSeconds": 0}, id="no soak"),
        pytest.param({"soakSeconds": 120, "windows": [WINDOW]}, id="a window"),
        pytest.param({"windows": [{"schedule": "0 22 * * *", "duration": "4h"}]}, id="a window in UTC"),
    ],
)
def test_what_a_rule_says_of_rollouts_is_remembered(build, rollout):
    rule = build.parse_rule(build.rule("calm", rollout=rollout))
    record = rollout_record(rule)
    found, said = rollout_of(record), rule.spec.rollout
    assert record.rule == "AppHealth/shop/calm"
    assert found is not None
    assert (found.max_concurrent, found.max_per_namespace) == (said.max_concurrent, said.max_per_namespace)
    assert found.soak_seconds == (60 if said.soak_seconds is None else said.soak_seconds)
    assert [(one.schedule, one.duration, one.time_zone) for one in found.windows] == [
        (one.schedule, one.duration, one.time_zone) for one in said.windows
    ]


def test_a_record_that_no_rule_can_have_given_is_none(build):
    record = rollout_record(build.parse_rule(build.rule("calm")))
    assert rollout_of(msgspec.structs.replace(record, max_concurrent="many")) is None
