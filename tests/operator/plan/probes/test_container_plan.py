"""What users read about each container and probe: `container_plan`."""

from dataclasses import replace

import pytest

from apphealth.api.healthplan import VerificationState
from apphealth.model.ownership import OURS
from apphealth.model.probe import KINDS, Probe, ProbeKind, TcpSocket
from apphealth.model.proof import Verdict
from apphealth.model.workload import Container, LiveProbe
from apphealth.plan.ownership.passes import Pass
from apphealth.plan.ownership.takeover import Decision
from apphealth.plan.ownership.withholding import Wanted
from apphealth.plan.probes.choice import choose
from apphealth.plan.probes.container_plan import ContainerDecisions, container_plan
from apphealth.plan.probes.desired import DesiredProbes
from apphealth.plan.probes.eligibility import NO_RULE, Skip
from apphealth.plan.probes.suggestions import Origin
from apphealth.plan.probes.verification import ProbeEvaluation, evaluate
from apphealth.plan.result import Action, Considered
from apphealth.plan.rules.settings import ContainerSettings, ProbeSettings, Sourced

NONE = Decision(action=Action.NONE, reason="no probe is wanted")
APPLY = Decision(action=Action.APPLY, reason="there was none")
AWAITING, REFUTED, VERIFIED = VerificationState.AWAITING_PODS, VerificationState.REFUTED, VerificationState.VERIFIED
OFF = ContainerSettings(readiness=ProbeSettings(enabled=Sourced(value=False, source="AppHealth shop")))
LIVE = Probe(handler=TcpSocket(port=8080))
READINESS = ProbeKind.READINESS


def planned(decision=NONE, state=None, **fields):
    """Return the plan of a container with one decision about all its probes, and that of its readiness probe."""
    evaluations = {READINESS: ProbeEvaluation(state=state)} if state is not None else {}
    values = {
        "container": Container(name="main"),
        "settings": ContainerSettings(),
        "skip": None,
        "desired": DesiredProbes(evaluations=evaluations),
        "wanted": dict.fromkeys(KINDS, Wanted(probe=None)),
        "decisions": dict.fromkeys(KINDS, decision),
        "ours": frozenset(),
        "harmful": frozenset(),
    }
    plan = container_plan(ContainerDecisions(**(values | fields)), Pass(edits={}), unproven=False)
    return plan, next(probe for probe in plan.probes if probe.kind is READINESS)


@pytest.mark.parametrize(
    ("decision", "state", "fields", "reason"),
    [
        pytest.param(NONE, None, {}, "no probe is wanted", id="nothing more to say"),
        pytest.param(NONE, None, {"settings": OFF}, "no probe is wanted (AppHealth shop switches it off)", id="off"),
        pytest.param(NONE, None, {"skip": Skip("Off", "it is off")}, "no probe is wanted (it is off)", id="skipped"),
        pytest.param(NONE, None, {"skip": NO_RULE}, "no probe is wanted", id="no rule"),
        pytest.param(APPLY, None, {"settings": OFF}, "there was none", id="why none is only said of none"),
        pytest.param(NONE, AWAITING, {}, "waits to be shown on a running pod", id="waits"),
        pytest.param(NONE, REFUTED, {}, "not written: the running pods answered otherwise", id="refuted"),
        pytest.param(NONE, VERIFIED, {}, "no probe is wanted", id="verified, and not wanted"),
        pytest.param(APPLY, VERIFIED, {}, "there was none", id="verified"),
        pytest.param(APPLY, REFUTED, {}, "there was none", id="changed"),
        pytest.param(
            replace(APPLY, unchanged=True),
            AWAITING,
            {},
            "stays as it was: what is wanted now waits to be shown on a running pod",
            id="unchanged, waits",
        ),
        pytest.param(replace(APPLY, unchanged=True), VERIFIED, {}, "there was none", id="unchanged, verified"),
    ],
)
def test_the_reason_of_a_decision(decision, state, fields, reason):
    assert planned(decision, state, **fields)[1].reason == reason


@pytest.mark.parametrize(("decision", "shown"), [(APPLY, LIVE), (NONE, None)])
def test_a_probe_that_stays_unplanned_is_shown(decision, shown):
    there = Container(name="main", probes={READINESS: LiveProbe(LIVE, OURS)})
    assert planned(decision, container=there)[1].probe == shown


@pytest.mark.parametrize(("skip", "reason"), [(Skip("Off", "it is off"), ("Off", "it is off")), (None, ("", ""))])
def test_a_container_says_why_it_is_skipped(skip, reason):
    plan, _ = planned(skip=skip)
    assert (plan.skipped, plan.reason, plan.message) == (skip is not None, *reason)


def test_the_presets_that_pods_refuted_are_shown_with_their_answers(make):
    refuted = make.candidate(Origin.EVIDENCE, "flask", readiness=make.handler("/healthz"))
    users = make.candidate(Origin.USERS, "", readiness=make.handler("/ready", by_users=True))
    (question,) = evaluate(refuted, make.facts()).suggested
    facts = make.facts(answers={question.question.id: make.refuted})
    choice = choose([evaluate(refuted, facts), evaluate(users, facts)])
    plan, _ = planned(desired=DesiredProbes(choice=choice))
    assert make.refuted.verdict is Verdict.REFUTED
    assert plan.considered == (Considered("flask", "a sign", "GET http :8080/healthz: 404 from web-1"),)
    assert (plan.reason, plan.preset) == ("UsersAlone", "")


@pytest.mark.parametrize(("settled", "mounts"), [(True, False), (False, True)])
def test_what_is_delivered_stays_while_nobody_knows_what_runs(settled, mounts):
    there = Container(name="main", mounts_delivery=True)
    assert planned(container=there, desired=DesiredProbes(settled=settled))[0].runs_library is mounts
