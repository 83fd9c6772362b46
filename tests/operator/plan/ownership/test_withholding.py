"""Withheld probes: one case for each row of the table in `plan.ownership.withholding`, and the plans that follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apphealth.api.healthplan import State
from apphealth.model.ownership import OURS, Ownership
from apphealth.model.probe import HttpGet, Probe, ProbeKind, serialise_probe
from apphealth.model.proof import Proof, Verdict
from apphealth.model.withheld import RETRY, Withheld, WithheldReason, withhold
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.withholding import Wanted, without_withheld
from apphealth.plan.record import withheld_by
from apphealth.plan.result import Action
from apphealth.store.facts import plan_of

BAD = Probe(handler=HttpGet(port=8080, path="/bad"))
SLOWER = replace(BAD, period=20)
OTHER = Probe(handler=HttpGet(port=8080, path="/other"))
EARLIER = Probe(handler=HttpGet(port=8080, path="/earlier"))
THEIRS = LiveProbe(OTHER, Ownership(ours=False, others=("kubectl",)))
ENTRY = Withheld(
    container="main", kind=ProbeKind.LIVENESS, probe=BAD, reason=WithheldReason.ROLLED_BACK, evidence="it fell over"
)
EXACT = replace(ENTRY, exact=True)
BACK = replace(ENTRY, instead=EARLIER)


def applies(probe, entry):
    return Wanted(probe=probe, entry=entry, applies=True)


@pytest.mark.parametrize(
    ("wanted", "entry", "there", "fields", "expected"),
    [
        pytest.param(BAD, None, None, {}, Wanted(probe=BAD), id="no entry"),
        pytest.param(BAD, ENTRY, None, {}, applies(None, ENTRY), id="wanted as named, nothing there"),
        pytest.param(BAD, ENTRY, LiveProbe(BAD, OURS), {}, applies(None, ENTRY), id="wanted as named, ours there"),
        pytest.param(SLOWER, ENTRY, None, {}, applies(None, ENTRY), id="other numbers don't matter"),
        pytest.param(SLOWER, EXACT, None, {}, Wanted(probe=SLOWER), id="other numbers matter"),
        pytest.param(BAD, BACK, None, {}, applies(EARLIER, BACK), id="the one before comes back"),
        pytest.param(BAD, ENTRY, THEIRS, {}, Wanted(probe=BAD), id="theirs there, Keep"),
        pytest.param(BAD, ENTRY, THEIRS, {"replace": True}, applies(None, ENTRY), id="theirs there, Replace"),
        pytest.param(
            OTHER, ENTRY, LiveProbe(BAD, OURS), {}, Wanted(probe=OTHER, entry=ENTRY), id="another is wanted, ours there"
        ),
        pytest.param(OTHER, ENTRY, LiveProbe(OTHER, OURS), {}, Wanted(probe=OTHER), id="another is wanted, and there"),
        pytest.param(OTHER, ENTRY, None, {}, Wanted(probe=OTHER), id="another is wanted, nothing there"),
        pytest.param(None, ENTRY, LiveProbe(BAD, OURS), {}, Wanted(probe=None), id="none is wanted"),
        pytest.param(
            None, ENTRY, LiveProbe(BAD, OURS), {"unresolved": True}, applies(None, ENTRY), id="can't be planned, ours"
        ),
        pytest.param(
            None,
            ENTRY,
            LiveProbe(OTHER, OURS),
            {"unresolved": True},
            Wanted(probe=None, unresolved=True, entry=ENTRY),
            id="can't be planned, another one of ours",
        ),
        pytest.param(
            None,
            ENTRY,
            None,
            {"unresolved": True},
            Wanted(probe=None, unresolved=True, entry=ENTRY),
            id="can't be planned, nothing there",
        ),
    ],
)
def test_what_is_wanted_with_an_entry(wanted, entry, there, fields, expected):
    ours = there is not None and there.owner.ours
    options = {"unresolved": False, "replace": False} | fields
    assert without_withheld(wanted, entry, live=there, ours=ours, **options) == expected


def test_a_new_entry_replaces_the_one_about_the_same_probe():
    readiness = replace(ENTRY, kind=ProbeKind.READINESS)
    assert withhold([ENTRY, readiness], [BACK]) == (BACK, readiness)


SAID = {"liveness": {"path": "/bad"}, "readiness": {"path": "/readyz"}, "startup": {"enabled": False}}


def fields_of(probes):
    """Return managedFields by which the operator owns every leaf of some probes of the container main."""

    def leaves(value):
        return {f"f:{name}": leaves(item) if isinstance(item, dict) and item else {} for name, item in value.items()}

    below = {f"f:{field}": leaves(value) for field, value in probes.items()}
    item = {'k:{"name":"main"}': below}
    spec = {"f:spec": {"f:template": {"f:spec": {"f:containers": item}}}}
    return [{"manager": "apphealth", "operation": "Update", "fieldsV1": spec}]


class Case:
    """A Deployment with a rule, and what the operator remembers of it."""

    def __init__(self, build):
        self.build = build
        self.world = build.world(build.deployment(), build.service(), build.rule(preset="http", probes=SAID))
        self.probes = {}

    @property
    def workload(self):
        return next(iter(self.world.workloads.values()))

    def put(self, annotations=None, **container):
        made = self.build.deployment(
            self.build.container(**container, **self.probes),
            annotations=annotations or {},
            managed_fields=fields_of(self.probes),
        )
        self.build.put(self.world, made)

    def carry_out(self):
        """Write what the plan wants into the workload, as its patches would."""
        plan = plan_of(self.workload, self.world)
        (container,) = plan.containers
        self.probes = {
            one.kind.field: serialise_probe(one.probe) for one in container.probes if one.action is Action.APPLY
        }
        self.put()
        return plan

    def withhold(self, **fields):
        live = self.workload.containers[0].probes[ProbeKind.LIVENESS].probe
        entry = replace(ENTRY, probe=live, template=self.workload.template, **fields)
        self.world.keep_withheld(self.workload.key, (entry,), "")
        return entry

    def plan(self):
        """Plan, and remember what is withheld, as the operator does."""
        plan = plan_of(self.workload, self.world)
        self.world.keep_withheld(self.workload.key, plan.withheld, plan.retried)
        return plan


@pytest.fixture
def case(build):
    return Case(build)


@pytest.mark.parametrize(
    ("reason", "state", "finding"),
    [
        (WithheldReason.ROLLED_BACK, State.ROLLED_BACK, "probe-rolled-back"),
        (WithheldReason.REFUTED, State.REFUTED, "probe-taken-out"),
        (WithheldReason.CONTESTED, State.CONTESTED, "probe-contested"),
    ],
)
def test_a_withheld_probe_is_taken_out_and_said(case, probe_of, reason, state, finding):
    case.carry_out()
    entry = case.withhold(reason=reason)
    plan = case.plan()
    (patch,) = plan.patches
    (changed,) = patch.body["spec"]["template"]["spec"]["containers"]
    assert changed == {"name": "main", "livenessProbe": None}
    assert plan.state is state
    assert [one.id for one in plan.findings if entry.evidence in one.message] == [finding]
    assert probe_of(plan, "liveness").action is Action.NONE
    assert probe_of(plan, "liveness").withheld == entry
    assert entry.evidence in probe_of(plan, "liveness").reason
    assert withheld_by(plan.record) == (entry,)


def test_a_plan_that_is_carried_out_stays_as_it_is(case):
    case.carry_out()
    case.withhold()
    before = case.carry_out()
    after = case.plan()
    assert after.patches == ()
    assert after.record == before.record
    assert "livenessProbe" not in case.probes


def test_what_was_there_before_comes_back(case, probe_of):
    case.carry_out()
    case.withhold(instead=EARLIER)
    case.carry_out()
    plan = case.plan()
    assert case.probes["livenessProbe"]["httpGet"]["path"] == "/earlier"
    assert plan.patches == ()
    assert probe_of(plan, "liveness").action is Action.APPLY
    assert probe_of(plan, "liveness").probe == EARLIER


@pytest.mark.parametrize("change", ["template", "rule", "retry"])
def test_an_entry_that_no_longer_matches_is_forgotten(case, build, change):
    case.carry_out()
    case.withhold()
    case.carry_out()
    match change:
        case "template":
            case.put(env=[{"name": "VERSION", "value": "2"}])
        case "rule":
            probes = SAID | {"liveness": {"path": "/better"}}
            build.set_rules(case.world, build.rule(preset="http", probes=probes))
        case "retry":
            case.put(annotations={RETRY: "once"})
    plan = case.plan()
    assert plan.withheld == ()
    assert plan.patches != ()


def test_the_same_retry_has_no_second_effect(case):
    case.carry_out()
    case.put(annotations={RETRY: "once"})
    case.plan()
    case.withhold()
    case.world.keep_withheld(case.workload.key, case.world.withheld[case.workload.key], "once")
    assert case.plan().withheld != ()


def test_a_retry_is_remembered_by_the_health_plan(case):
    case.put(annotations={RETRY: "once"})
    assert case.plan().record.status.retried == "once"


def test_what_does_harm_is_taken_out_while_pods_are_still_asked(build):
    """The rule asks pods of the new template, and there is none that is ready: the harm isn't kept for that."""
    case = Case(build)
    case.carry_out()
    build.set_rules(case.world, build.rule(preset="http", probes=SAID, verification="Required"))
    case.withhold()
    case.world.put_workload(replace(case.workload, ready=True))
    plan = case.plan()
    assert plan.questions
    assert plan.urgent
    (patch,) = plan.patches
    (changed,) = patch.body["spec"]["template"]["spec"]["containers"]
    assert changed == {"name": "main", "livenessProbe": None}


def test_a_derived_probe_moves_where_pods_answer(build, probe_of):
    """The answers of new pods refute the candidate that is there, and show another: it is written in its place."""
    case = Case(build)
    build.set_rules(case.world, build.rule(preset="auto"))
    case.probes = {
        field: serialise_probe(Probe(handler=HttpGet(port="http", path=path)))
        for field, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz"))
    }
    case.put(env=[{"name": "SPRING_PROFILES_ACTIVE", "value": "production"}])
    case.world.put_workload(replace(case.workload, ready=True))
    build.set_rules(case.world, build.rule(preset="auto", verification="Required"))
    entries = [
        replace(ENTRY, kind=kind, probe=live.probe, template=case.workload.template, reason=WithheldReason.REFUTED)
        for kind, live in case.workload.containers[0].probes.items()
    ]
    case.world.keep_withheld(case.workload.key, tuple(entries), "")
    for _ in range(20):
        plan = plan_of(case.workload, case.world)
        if not plan.questions:
            break
        for question in plan.questions:
            good = getattr(question.handler, "path", "") in ("/actuator/health/readiness", "/actuator/health/liveness")
            verdict = Verdict.VERIFIED if good else Verdict.REFUTED
            case.world.put_answer(question, Proof(verdict=verdict, answer="200" if good else "404"))
    assert plan.urgent
    assert len(plan.withheld) == 2  # until the write has got through: it may meet a conflict
    assert probe_of(plan, "readiness").probe.handler.path == "/actuator/health/readiness"
    assert plan.state is State.APPLIED
    case.world.put_workload(replace(case.workload, resource_version="2"))
    assert case.plan().patches == plan.patches
    case.carry_out()
    assert case.plan().withheld == ()


@pytest.mark.parametrize("verification", ["Skip", "Required"])
def test_a_probe_whose_named_port_is_gone_is_taken_out_at_once(build, verification):
    """The kubelet can't carry it out: also while the wanted port is unknown, and while pods are still to be asked."""
    case = Case(build)
    said = {kind: SAID[kind] | {"port": "http"} for kind in ("liveness", "readiness")} | {"startup": {"enabled": False}}
    build.set_rules(case.world, build.rule(preset="http", probes=said))
    case.carry_out()
    build.set_rules(case.world, build.rule(preset="http", probes=said, verification=verification))
    case.put(ports=[{"containerPort": 8080, "name": "web"}])
    plan = case.plan()
    assert plan.urgent
    (patch,) = plan.patches
    (changed,) = patch.body["spec"]["template"]["spec"]["containers"]
    assert changed == {"name": "main", "livenessProbe": None, "readinessProbe": None}


def test_a_derived_probe_whose_named_port_is_gone_does_not_wait_for_pods(build):
    case = Case(build)
    case.carry_out()
    build.set_rules(case.world, build.rule(preset="http", probes=SAID, verification="Required"))
    case.put(ports=[{"containerPort": 8080, "name": "web"}])
    case.world.put_workload(replace(case.workload, ready=True))
    plan = case.plan()
    assert plan.questions
    (patch,) = plan.patches
    (changed,) = patch.body["spec"]["template"]["spec"]["containers"]
    assert changed == {"name": "main", "livenessProbe": None, "readinessProbe": None}


def test_a_slow_starter_gets_its_probes_back_once_its_start_is_known(build, probe_of):
    """Startup had killed it, and liveness with it; then a pod without both was ready, after 400 s."""
    case = Case(build)
    probes = {"liveness": {"path": "/livez"}, "readiness": {"path": "/readyz"}}
    build.set_rules(case.world, build.rule(preset="http", probes=probes))
    case.carry_out()
    live = {kind: one.probe for kind, one in case.workload.containers[0].probes.items()}
    entries = tuple(
        replace(ENTRY, kind=kind, probe=live[kind], template=case.workload.template, exact=True)
        for kind in (ProbeKind.LIVENESS, ProbeKind.STARTUP)
    )
    case.world.keep_withheld(case.workload.key, entries, "")
    case.carry_out()
    assert case.probes.keys() == {"readinessProbe"}
    case.world.learn_start(case.workload.key, "main", 400.0)
    plan = case.carry_out()
    assert plan.withheld == ()
    assert case.probes.keys() == {"livenessProbe", "readinessProbe", "startupProbe"}
    assert probe_of(plan, "startup").probe.gives_up_after == 1200
