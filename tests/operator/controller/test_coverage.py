"""Which workloads have probes once their plan is carried out, and which would restart."""

from dataclasses import replace

import pytest

from apphealth.api.healthplan import State, VerificationState
from apphealth.api.spec import Mode
from apphealth.controller.coverage import coverage_of, would_restart
from apphealth.model.ownership import NOBODY, OURS
from apphealth.model.probe import HttpGet, Probe, ProbeKind
from apphealth.model.workload import Container, LiveProbe, Workload
from apphealth.plan import Plan
from apphealth.plan.result import Action, ContainerPlan, Preview, ProbePlan
from apphealth.store.outcomes import Coverage

PROBE = Probe(handler=HttpGet(path="/live", port=8080))
OTHER = Probe(handler=HttpGet(path="/other", port=8080))
BARE = Workload(
    kind="Deployment", api_version="apps/v1", namespace="shop", name="web", containers=(Container(name="main"),)
)


def carrying(probe, owner=OURS):
    main = Container(name="main", probes={ProbeKind.LIVENESS: LiveProbe(probe, owner)})
    return replace(BARE, containers=(main,))


def containers(action, verification=VerificationState.VERIFIED, probe=PROBE):
    planned = ProbePlan(kind=ProbeKind.LIVENESS, action=action, reason="", probe=probe, verification=verification)
    return (ContainerPlan(name="main", probes=(planned,)),)


def plan(*of, mode=Mode.AUDIT, preview=None):
    shown = containers(*of) if of else ()
    return Plan(workload=BARE.key, state=State.PREVIEW, message="", mode=mode, containers=shown, preview=preview)


AWAITING = VerificationState.AWAITING_PODS


@pytest.mark.parametrize(
    ("workload", "decided", "coverage", "restarts"),
    [
        pytest.param(BARE, plan(Action.APPLY), Coverage.COVERED, True, id="it would get one"),
        pytest.param(carrying(PROBE), plan(Action.APPLY), Coverage.COVERED, False, id="it has it"),
        pytest.param(carrying(OTHER), plan(Action.APPLY), Coverage.COVERED, True, id="it would get another one"),
        pytest.param(carrying(OTHER, NOBODY), plan(Action.KEEP), Coverage.COVERED, False, id="it keeps its own"),
        pytest.param(carrying(OTHER, NOBODY), plan(), Coverage.COVERED, False, id="it has one, none is planned"),
        pytest.param(BARE, plan(Action.NONE), Coverage.WITHOUT_PROBES, False, id="none"),
        pytest.param(BARE, plan(Action.APPLY, AWAITING), Coverage.UNKNOWN, False, id="pods have to answer first"),
        pytest.param(BARE, plan(Action.NONE, AWAITING), Coverage.UNKNOWN, False, id="nothing is known yet"),
        pytest.param(BARE, plan(Action.APPLY, mode=Mode.ENFORCE), Coverage.COVERED, False, id="enforced already"),
        pytest.param(
            BARE,
            plan(mode=Mode.ENFORCE, preview=Preview(message="", containers=containers(Action.APPLY))),
            Coverage.COVERED,
            True,
            id="enforced, and another rule in Audit would add one",
        ),
    ],
)
def test_what_a_workload_has_and_whether_it_would_restart(workload, decided, coverage, restarts):
    assert coverage_of(workload, decided) is coverage
    assert would_restart(workload, decided) is restarts
