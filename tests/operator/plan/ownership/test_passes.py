"""Passes (`spec.rollout.stages`): which edits are written now, and the plans that follow from one pass to the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apphealth.api.healthplan import State
from apphealth.api.parse import parse_rule
from apphealth.model.ownership import OURS
from apphealth.model.probe import HttpGet, Probe, ProbeKind
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.passes import Pass, next_pass, stages_of
from apphealth.plan.ownership.takeover import RemoveProbe, SetProbe, YieldLeaves
from apphealth.plan.record import waiting_record, written_by
from apphealth.plan.result import Action
from apphealth.store.facts import plan_of

TWO = ["readiness+startup", "liveness"]
QUIET = {"deliver": False}
L, R, S = ProbeKind.LIVENESS, ProbeKind.READINESS, ProbeKind.STARTUP
WANTED = Probe(handler=HttpGet(port=8080, path="/a"))
NEW = SetProbe(WANTED, None)
MOVED = SetProbe(WANTED, Probe(handler=HttpGet(port=8080, path="/b")))
NUMBERS = SetProbe(WANTED, replace(WANTED, period=20))
GONE, LEAVES = RemoveProbe(), YieldLeaves(())


@pytest.mark.parametrize(
    ("stages", "edits", "urgent", "there", "now", "after"),
    [
        pytest.param(None, {L: NEW, R: NEW}, (), (), (L, R), (), id="no stages, one pass"),
        pytest.param(TWO, {L: NEW, R: NEW, S: NEW}, (), (), (R, S), (), id="what takes out of rotation first"),
        pytest.param(TWO, {L: NEW}, (), (R, S), (L,), (S, R), id="what kills after it"),
        pytest.param(TWO, {L: NEW}, (), (), (L,), (), id="nothing of the first pass is ours: this is the first"),
        pytest.param(["readiness", "startup", "liveness"], {L: NEW, S: NEW}, (), (R,), (S,), (R,), id="three passes"),
        pytest.param(["readiness", "startup+liveness"], {L: NEW, S: NEW}, (), (R,), (S, L), (R,), id="what kills last"),
        pytest.param(TWO, {L: MOVED, R: MOVED}, (), (), (R,), (), id="another endpoint counts as new"),
        pytest.param(TWO, {L: NUMBERS, R: NEW}, (), (), (L, R), (), id="numbers may mend: at once"),
        pytest.param(TWO, {L: NUMBERS}, (), (R,), (L,), (), id="numbers alone follow nothing"),
        pytest.param(TWO, {L: MOVED, R: MOVED}, (L,), (), (L, R), (), id="what ends harm waits for no pass"),
        pytest.param(TWO, {L: GONE, R: NEW}, (), (), (L, R), (), id="what goes, goes at once"),
        pytest.param(TWO, {L: MOVED, R: NEW, S: GONE}, (), (), (R,), (), id="but startup not before new liveness"),
        pytest.param(TWO, {L: GONE, R: GONE, S: GONE}, (), (), (L, R, S), (), id="all are put back at once"),
        pytest.param(TWO, {L: LEAVES, R: NEW}, (), (), (L, R), (), id="leaves in another owner's probe"),
        pytest.param(TWO, {}, (), (L, R, S), (), (), id="nothing to do"),
    ],
)
def test_which_edits_are_written_now(build, stages, edits, urgent, there, now, after):
    rules = [parse_rule(build.rule(**({"rollout": {"stages": stages}} if stages else {})))]
    of_main = {("main", kind): edit for kind, edit in edits.items()}
    mains = [[("main", kind) for kind in kinds] for kinds in (urgent, there)]
    expected = Pass(
        {("main", kind): edits[kind] for kind in edits if kind in now},
        frozenset(("main", kind) for kind in edits if kind not in now),
        after,
    )
    assert next_pass(of_main, *mains, stages_of(rules)) == expected


def test_the_second_container_waits_for_the_first_pass_of_the_first_one(build):
    stages = stages_of([parse_rule(build.rule(rollout={"stages": TWO}, dependencies=QUIET))])
    found = next_pass({("a", R): NEW, ("b", L): NEW}, (), (), stages)
    assert (found.edits, found.later) == ({("a", R): NEW}, {("b", L)})


@pytest.mark.parametrize(
    ("given", "order"),
    [
        pytest.param([None, None], [{L, R, S}], id="none"),
        pytest.param([TWO, None], [{R, S}, {L}], id="one of two"),
        pytest.param([["readiness", "startup+liveness"], TWO], [{R}, {S}, {L}], id="both keep their order"),
    ],
)
def test_several_rules(build, given, order):
    rules = [build.rule(str(n), **({"rollout": {"stages": one}} if one else {})) for n, one in enumerate(given)]
    stages = stages_of(map(parse_rule, rules))
    assert [{kind for kind in stages if stages[kind] == number} for number in sorted(set(stages.values()))] == order


@pytest.fixture
def world(build):
    return build.world(build.deployment(), build.service(), build.rule(rollout={"stages": TWO}, dependencies=QUIET))


def web(world, *, ready=True, **probes):
    """Return the workload with probes of ours, as the kinds name them."""
    (workload,) = world.workloads.values()
    live = {ProbeKind(kind): LiveProbe(probe, OURS) for kind, probe in probes.items()}
    return replace(workload, ready=ready, containers=(replace(workload.containers[0], probes=live),))


def planned(decided):
    return {str(one.kind): one for one in decided.containers[0].probes}


def written(decided):
    (patch,) = decided.patches
    return {name for name in patch.body["spec"]["template"]["spec"]["containers"][0] if name.endswith("Probe")}


def after_pass(world, decided):
    """Return the workload after a pass."""
    there = {kind: one.probe for kind, one in planned(decided).items() if one.action is Action.APPLY and not one.later}
    return web(world, **there)


def test_from_the_first_pass_to_the_last(world):
    first = plan_of(web(world), world)
    assert written(first) == {"readinessProbe", "startupProbe"}
    assert (first.after, first.unfinished) == ((), True)
    assert "in a later pass liveness of main" in first.message
    assert "later pass (spec.rollout.stages)" in planned(first)["liveness"].reason
    assert {one.kind for one in written_by(first.record)} == {R, S}

    second = plan_of(after_pass(world, first), world)
    assert written(second) == {"livenessProbe"}
    assert (second.after, second.unfinished) == ((S, R), False)
    waits = waiting_record(second, second.record)
    assert waits.status.state is State.WAITING
    assert {one.kind for one in written_by(waits)} == {R, S}, "also after a restart of the operator"

    third = plan_of(after_pass(world, second), world)
    assert (third.patches, third.after, third.unfinished, third.state) == ((), (), False, State.APPLIED)
    assert {one.kind for one in written_by(third.record)} == {L, R, S}
    assert third.record == second.record


def test_what_waits_for_its_first_pass_has_nothing_written(world):
    first = plan_of(web(world), world)
    assert written_by(waiting_record(first, first.record)) == ()


def test_without_a_ready_pod_all_is_written_at_once_unless_an_earlier_pass_is_there(world):
    first = plan_of(web(world), world)
    assert written(plan_of(web(world, ready=False), world)) == {"livenessProbe", "readinessProbe", "startupProbe"}
    begun = plan_of(replace(after_pass(world, first), ready=False), world)
    assert (written(begun), begun.after) == ({"livenessProbe"}, (S, R))


def harmed(world, kind, reason=WithheldReason.ROLLED_BACK):
    """Withhold the planned probe of a kind."""
    workload = web(world)
    probe = planned(plan_of(workload, world))[kind].probe
    entry = Withheld(container="main", kind=ProbeKind(kind), probe=probe, reason=reason, evidence="it fell over")
    world.keep_withheld(workload.key, (entry,), "")


@pytest.mark.parametrize("reason", [WithheldReason.ROLLED_BACK, WithheldReason.REFUTED])
def test_harm_in_the_first_pass_never_leads_to_the_second(world, reason):
    first = plan_of(web(world), world)
    harmed(world, "readiness", reason)
    ending = plan_of(after_pass(world, first), world)
    assert (written(ending), ending.urgent, ending.unfinished) == ({"readinessProbe"}, True, False)
    gone = web(world, startup=planned(first)["startup"].probe)
    for there in (gone, replace(gone, ready=False)):
        decided = plan_of(there, world)
        assert decided.patches == ()
        assert (planned(decided)["liveness"].action, planned(decided)["liveness"].later) == (Action.NONE, False)
        assert "a probe of an earlier pass did harm" in planned(decided)["liveness"].reason


def test_after_a_retry_or_without_the_harmful_probe_it_goes_on(build, world):
    harmed(world, "readiness")
    startup = planned(plan_of(web(world), world))["startup"].probe
    build.set_rules(
        world, build.rule(rollout={"stages": TWO}, dependencies=QUIET, probes={"readiness": {"enabled": False}})
    )
    decided = plan_of(web(world, startup=startup), world)
    assert (written(decided), decided.after) == ({"livenessProbe"}, (S,))


def test_what_another_manager_takes_out_did_no_harm(world):
    first = plan_of(web(world), world)
    harmed(world, "readiness", WithheldReason.CONTESTED)
    decided = plan_of(web(world, startup=planned(first)["startup"].probe), world)
    assert (written(decided), decided.after) == ({"livenessProbe"}, (S,))


def test_harm_of_the_second_pass_leaves_the_first(world):
    first = plan_of(web(world), world)
    both = after_pass(world, plan_of(after_pass(world, first), world))
    harmed(world, "liveness")
    decided = plan_of(both, world)
    assert (written(decided), decided.urgent) == ({"livenessProbe"}, True)
    assert planned(decided)["readiness"].action is Action.APPLY


def test_liveness_that_is_there_stays_when_readiness_does_harm(build, world):
    build.set_rules(world, build.rule(dependencies=QUIET))
    whole = after_pass(world, plan_of(web(world), world))
    build.set_rules(world, build.rule(rollout={"stages": TWO}, dependencies=QUIET))
    harmed(world, "readiness")
    decided = plan_of(whole, world)
    assert written(decided) == {"readinessProbe"}
    assert planned(decided)["liveness"].action is Action.APPLY


def test_the_rule_is_deleted_between_two_passes(build, world):
    begun = after_pass(world, plan_of(web(world), world))
    build.set_rules(world)
    decided = plan_of(begun, world)
    assert (written(decided), decided.after) == ({"readinessProbe", "startupProbe"}, ())


def test_files_get_all_probes_in_one_pass(build):
    rule = build.rule(rollout={"stages": TWO}, dependencies=QUIET)
    files = build.world(build.deployment(), build.service(), rule, options={"files": True})
    (workload,) = files.workloads.values()
    assert written(plan_of(workload, files)) == {"livenessProbe", "readinessProbe", "startupProbe"}
