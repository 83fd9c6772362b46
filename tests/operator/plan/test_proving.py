"""What is asked of running pods before a probe is written, and what follows from their answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from apphealth.model.probe import ProbeKind, describe_probe
from apphealth.model.proof import Proof, Verdict
from apphealth.plan import Options
from apphealth.plan.record import parse_proof, proof_record
from apphealth.store.facts import plan_of

ROUNDS = 12
LIVENESS, READINESS, STARTUP = ProbeKind


def ok(slowest=0.01, **fields):
    return Proof(verdict=Verdict.VERIFIED, answer="200 from 1 pod", slowest=slowest, **fields)


def no(answer="404 from web-1"):
    return Proof(verdict=Verdict.REFUTED, answer=answer)


OUT_OF_REACH = Proof(verdict=Verdict.UNREACHABLE, answer="no route to web-1")


class Pods:
    """Running pods that answer at some paths, by what is asked: `/readyz`, `TCP`, `gRPC`, `INDEX /z`."""

    def __init__(self, surveyed, **answers):
        self.surveyed = surveyed
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, question):
        if question.accept.value == "survey":
            self.asked.append(question.id)
            return self.survey(question)
        path = getattr(question.handler, "path", None)
        what = path or ("gRPC" if hasattr(question.handler, "service") else "TCP")
        if question.accept.value == "index":
            what = f"INDEX {path}"
        assert question.id not in self.asked, f"{question} is asked twice"
        self.asked.append(question.id)
        return self.answers.get(what, self.answers.get("else", no()))

    def survey(self, question):
        """What a survey of these pods finds."""
        if self.answers.get("else") == OUT_OF_REACH:
            return OUT_OF_REACH
        well = [what.removeprefix("INDEX ") for what, said in self.answers.items() if said.verdict is Verdict.VERIFIED]
        if not well:
            return self.surveyed(question, speaks=None)
        speaks = next((one.lower() for one in ("gRPC", "TCP") if well == [one]), "http")
        return self.surveyed(question, [what for what in well if what.startswith("/")], speaks=speaks)


@pytest.fixture
def life(build):
    """Plan a workload, ask its pods what the plan wants to know, and plan again until it wants to know no more."""

    def run(*objects, answers=None, ready=True, setup=None, **spec):
        workload = next((o for o in objects if o["kind"] in ("Deployment", "StatefulSet")), None) or build.deployment()
        workload = workload | {"status": {"readyReplicas": 1} if ready else {}}
        rules = [o for o in objects if o["kind"].endswith("AppHealth")]
        others = [o for o in objects if o["kind"] not in ("Deployment", "StatefulSet", "AppHealth")]
        rule = build.rule(**{"preset": "auto"} | spec)
        rule["spec"].pop("verification") if "verification" not in spec else None
        world = build.world(workload, *others, *(rules or [rule]))
        if setup:
            setup(world)
        pods = Pods(build.surveyed, **answers or {})
        parsed = build.parse(workload)
        for _ in range(ROUNDS):
            decided = plan_of(parsed, world)
            assert decided == plan_of(parsed, world)
            if not decided.questions:
                break
            assert decided.patches == (), "nothing is written while something is to be asked"
            for question in decided.questions:
                world.put_answer(question, pods(question))
        return SimpleNamespace(plan=decided, world=world, asked=len(pods.asked), workload=parsed)

    return run


def written(decided):
    """What the patches set, in short."""
    specs = [patch.body["spec"]["template"]["spec"] for patch in decided.patches]
    set_ = {k for spec in specs for c in spec.get("containers", []) for k, v in c.items() if k.endswith("Probe") and v}
    probes = {p.kind.field: p.probe for c in decided.containers for p in c.probes if p.probe}
    return {
        kind.removesuffix("Probe"): describe_probe(probes[kind]).split(" delay")[0].split("://:http")[-1]
        for kind in set_
    }


def ids(decided):
    return [finding.id for finding in decided.findings]


def states(decided):
    return {p.kind.value: p.verification.value for c in decided.containers for p in c.probes if p.verification}


Z = {"liveness": "/z/health/liveness", "readiness": "/z/health/readiness", "startup": "/z/health/liveness"}
PYTHON = {"command": ["gunicorn", "app:app"]}


@pytest.mark.parametrize(
    ("fields", "answers", "preset", "expected"),
    [
        pytest.param(
            {},
            {"/readyz": ok(), "/livez": ok()},
            "common",
            {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"},
            id="kubernetes-style",
        ),
        pytest.param(
            {},
            {"/readyz": ok(), "/healthz": ok()},
            "common",
            {"readiness": "/readyz"},
            id="/healthz is no sign of life",
        ),
        pytest.param(
            {},
            {"/healthz": ok(), "TCP": ok()},
            "common",
            {"readiness": "/healthz"},
            id="/healthz tells readiness where nothing narrower does",
        ),
        pytest.param(
            {},
            {"/readyz": ok()},
            "common",
            {"readiness": "/readyz"},
            id="/readyz alone: no liveness is made up",
        ),
        pytest.param({}, {"TCP": ok()}, "tcp", {"readiness": "tcp-socket :http"}, id="an open port and no more"),
        pytest.param({}, {}, "", {}, id="nothing at all"),
        pytest.param(
            PYTHON,
            {"/z/health/liveness": ok(), "/z/health/readiness": ok()},
            "flask-management-endpoints",
            Z,
            id="the library 1.x, which has no index",
        ),
        pytest.param(
            PYTHON,
            {
                "INDEX /z": ok(endpoints=((LIVENESS, "/z/health/liveness"), (READINESS, "/z/r"), (STARTUP, "/z/s"))),
                "/z/health/liveness": ok(),
                "/z/r": ok(),
                "/z/s": ok(),
            },
            "flask-management-endpoints",
            {"liveness": "/z/health/liveness", "readiness": "/z/r", "startup": "/z/s"},
            id="the library's index is believed over the table",
        ),
        pytest.param(
            {"env": [{"name": "APPHEALTH_PREFIX", "value": "/manage"}]},
            {"/manage/health/liveness": ok(), "/manage/health/readiness": ok(), "/manage/health/startup": ok()},
            "flask-management-endpoints",
            {
                "liveness": "/manage/health/liveness",
                "readiness": "/manage/health/readiness",
                "startup": "/manage/health/startup",
            },
            id="the prefix from the same variable",
        ),
        pytest.param(
            {"ports": [{"containerPort": 50051, "name": "grpc"}]},
            {"gRPC": ok()},
            "grpc",
            dict.fromkeys(("liveness", "readiness", "startup"), "grpc <pod>:50051 "),
            id="gRPC with the health service",
        ),
        pytest.param(
            {"ports": [{"containerPort": 50051, "name": "grpc"}], "env": [{"name": "SPRING_PROFILES", "value": "x"}]},
            {"gRPC": ok()},
            "grpc",
            {"readiness": "grpc <pod>:50051 "},
            id="gRPC of a framework that aggregates",
        ),
        pytest.param(
            {"ports": [{"containerPort": 50051, "name": "grpc"}]},
            {"TCP": ok()},
            "tcp",
            {"readiness": "tcp-socket :grpc"},
            id="gRPC without it",
        ),
    ],
)
def test_what_is_derived_is_what_pods_have_shown(build, life, fields, answers, preset, expected):
    target = fields.get("ports", [{"name": "http"}])[0]["name"]
    service = build.service(ports=[{"port": 80, "targetPort": target}])
    found = life(build.deployment(build.container(**fields)), service, answers=answers)
    assert (found.plan.containers[0].preset, written(found.plan)) == (preset, expected)
    assert set(states(found.plan).values()) <= {"Verified", "Refuted"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("200 for any path", id="a server that answers everything alike"),
        pytest.param("302 to /login", id="one that sends everybody to a login page"),
    ],
)
def test_a_server_whose_answers_prove_nothing_gets_no_http_probe_and_a_finding_that_says_why(build, life, answer):
    found = life(build.service(), answers={"TCP": ok(), "else": no(answer)})
    assert written(found.plan) == {"readiness": "tcp-socket :http"}
    (finding,) = found.plan.findings
    assert (finding.id, finding.severity) == ("endpoint-not-found", "info")
    assert "what the survey says" in finding.message


def test_a_port_that_speaks_something_else_is_not_asked_over_http(build, life):
    main = build.container(ports=[{"containerPort": 5672, "name": "amqp"}])
    found = life(build.deployment(main), answers={"TCP": ok()})
    assert (found.asked, found.plan.containers[0].preset) == (2, "tcp"), "a survey that opens it, and the proof"


@pytest.mark.parametrize(
    ("answers", "state", "finding", "expected", "verification"),
    [
        pytest.param({"/up": ok()}, "Applied", [], {"readiness": "/up"}, "Verified", id="it answers"),
        pytest.param({}, "Refuted", ["probe-refuted"], {}, "Refuted", id="it would fail"),
        pytest.param(
            {"else": OUT_OF_REACH},
            "Applied",
            ["pods-unreachable"],
            {"readiness": "/up"},
            "Unverified",
            id="out of reach",
        ),
    ],
)
def test_what_users_say_is_tried_before_it_is_written(build, life, answers, state, finding, expected, verification):
    spec = {"preset": "http", "probes": {"readiness": {"path": "/up"}}}
    found = life(build.service(), answers=answers, **spec)
    assert (found.plan.state, ids(found.plan), written(found.plan)) == (state, finding, expected)
    assert states(found.plan) == {"readiness": verification}
    assert found.asked == 1


@pytest.mark.parametrize("alone", [True, False], ids=["no pod is ready", "its pods share the node's network"])
def test_without_a_pod_to_ask_the_users_word_is_written_and_the_rest_waits(build, life, alone):
    workload = build.deployment()
    workload["spec"]["template"]["spec"]["hostNetwork"] = not alone
    found = life(workload, build.service(), ready=not alone, probes={"readiness": {"path": "/up"}})
    assert written(found.plan) == {"readiness": "/up"}
    assert states(found.plan) == {"liveness": "AwaitingPods", "readiness": "Unverified", "startup": "AwaitingPods"}
    assert (found.plan.state, ids(found.plan)) == ("Applied", ["awaiting-pods", "probe-unverified"])
    assert ("wait for a ready pod" in found.plan.findings[0].fix) is alone
    assert found.asked == 0


def test_what_was_derived_waits_for_a_ready_pod(build, life):
    found = life(build.service(), ready=False)
    assert (found.plan.state, found.plan.patches, ids(found.plan)) == ("AwaitingPods", (), ["awaiting-pods"])


def test_with_verification_skipped_nothing_is_asked_and_evidence_is_enough(build, life):
    env = [{"name": "APPHEALTH_X", "value": "1"}]
    found = life(build.deployment(build.container(env=env)), build.service(), verification="Skip")
    assert (found.asked, ids(found.plan), written(found.plan)) == (0, [], Z)
    nothing = life(build.service(), verification="Skip")
    assert (nothing.asked, ids(nothing.plan)) == (0, ["application-unknown"])


def test_in_audit_pods_are_asked_as_well(build, life):
    found = life(build.service(), mode="Audit", answers={"/readyz": ok(), "/livez": ok()})
    assert (found.plan.state, found.plan.patches) == ("Preview", ())
    assert found.asked
    assert states(found.plan)["readiness"] == "Verified"


def test_what_their_owner_keeps_is_not_asked_about(build, life):
    theirs = {kind.field: {"httpGet": {"path": "/own", "port": 8080}} for kind in ProbeKind}
    found = life(build.deployment(build.container(**theirs)), build.service())
    assert (found.asked, found.plan.state, ids(found.plan)) == (0, "Kept", [])


def test_slow_answers_raise_the_timeout_up_to_the_period_unless_users_set_it(build, life):
    found = life(
        build.service(),
        answers={"/readyz": ok(0.7), "/livez": ok(4.0)},
        probes={"startup": {"timeoutSeconds": 1}},
    )
    timeouts = {p.kind.value: p.probe.timeout for p in found.plan.containers[0].probes}
    assert timeouts == {"readiness": 4, "liveness": 10, "startup": 1}


def test_answers_are_remembered_and_read_again(build, life):
    index = ok(0.25, endpoints=((LIVENESS, "/z/l"),))
    found = life(build.service(), preset="flask-management-endpoints", answers={"INDEX /z": index, "else": ok()})
    records = found.plan.record.status.proofs
    assert {record.id: parse_proof(record) for record in records} == found.world.answers_of(found.workload)
    assert parse_proof(proof_record(*found.plan.proofs[0])) == index


@pytest.mark.parametrize("ready", [True, False])
def test_on_files_nothing_is_asked_and_what_is_derived_is_left_out(build, life, ready):
    def files(world):
        world.options = Options(files=True)

    env = [{"name": "APPHEALTH_X", "value": "1"}]
    main = build.deployment(build.container(env=env))
    found = life(main, build.service(), ready=ready, setup=files)
    assert (found.asked, found.plan.patches, ids(found.plan)) == (0, (), ["needs-proof"])
    explicit = life(main, build.service(), setup=files, preset="flask-management-endpoints")
    assert (explicit.asked, ids(explicit.plan), written(explicit.plan)) == (0, [], Z)
    unknown = life(build.service(), setup=files)
    assert (unknown.asked, unknown.plan.patches, ids(unknown.plan)) == (0, (), ["application-unknown"])


def test_on_files_what_is_derived_is_written_where_it_may_be_unproven(build, life):
    def unproven(world):
        world.options = Options(files=True, unproven=True)

    env = [{"name": "APPHEALTH_X", "value": "1"}]
    found = life(build.deployment(build.container(env=env)), setup=unproven, probes={"readiness": {"path": "/own"}})
    assert written(found.plan) == Z | {"readiness": "/own"}
    marks = {p.kind.value: p.unproven for p in found.plan.containers[0].probes}
    assert marks == {"liveness": True, "readiness": False, "startup": True}


@pytest.mark.parametrize(
    ("spec", "rule", "expected", "finding"),
    [
        pytest.param({}, {}, {"liveness": "/livez", "startup": "/livez"}, True, id="one after the other"),
        pytest.param(
            {"podManagementPolicy": "Parallel"},
            {},
            {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"},
            False,
            id="all at once",
        ),
        pytest.param(
            {},
            {"probes": {"readiness": {"path": "/readyz"}}},
            {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"},
            False,
            id="a user describes readiness",
        ),
        pytest.param(
            {},
            {"preset": "kubernetes-style"},
            {"liveness": "/livez", "readiness": "/readyz", "startup": "/livez"},
            False,
            id="a user names the preset",
        ),
    ],
)
def test_readiness_is_not_derived_for_pods_that_start_one_after_the_other(build, life, spec, rule, expected, finding):
    """A pod that waits for its peers would keep them from starting, for ever, also after the rule is deleted."""
    workload = build.deployment()
    workload = workload | {"kind": "StatefulSet", "spec": workload["spec"] | spec}
    found = life(workload, build.service(), answers={"/livez": ok(), "/readyz": ok()}, **rule)
    assert written(found.plan) == expected
    assert ("readiness-ordered" in ids(found.plan)) is finding
