"""Rejections are said in the server's words, and not asked for again and again."""

from dataclasses import replace

import pytest

from apphealth.api.healthplan import HealthPlan, HealthPlanSpec, HealthPlanStatus, State, WorkloadReference
from apphealth.api.status import Reason
from apphealth.controller.rejections import Rejections, rejection_of, with_rejections
from apphealth.kube.errors import ForbiddenError, InvalidError
from apphealth.model.workload import Workload
from apphealth.plan.result import Patch

WEB = Workload(kind="Deployment", api_version="apps/v1", namespace="shop", name="web", resource_version="1")
PATCHES = (Patch("apphealth", {"spec": {"a": 1}}),)
RBAC = 'deployments.apps "web" is forbidden: User "x" cannot patch resource "deployments" in API group "apps"'
NO = InvalidError("Deployment is invalid", status=422)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("error", "reason", "finding"),
    [
        pytest.param(ForbiddenError(RBAC), Reason.ACCESS_DENIED, "missing-right", id="rbac"),
        pytest.param(ForbiddenError("policy no-probes denied it"), Reason.WRITES_REJECTED, "rejected", id="policy"),
        pytest.param(NO, Reason.WRITES_REJECTED, "rejected", id="invalid"),
    ],
)
def test_a_refusal_says_why(error, reason, finding):
    rejection = rejection_of(error, "the patch", again=60)
    assert (rejection.reason, rejection.finding.id) == (reason, finding)
    assert error.message in rejection.finding.message
    assert rejection.finding.fix


@pytest.mark.parametrize(
    ("workload", "patches", "later", "stands"),
    [
        pytest.param(WEB, PATCHES, 59, True, id="the-same-stands"),
        pytest.param(replace(WEB, resource_version="2", generation=9), PATCHES, 1, True, id="a-status-changes-nothing"),
        pytest.param(WEB, PATCHES, 61, False, id="tried-again-after-a-minute"),
        pytest.param(replace(WEB, labels={"a": "b"}), PATCHES, 1, False, id="another-workload"),
        pytest.param(WEB, (Patch("apphealth", {"spec": {"a": 2}}),), 1, False, id="another-patch"),
    ],
)
def test_a_refusal_stands_for_the_same_patch_of_the_same_workload(clock, workload, patches, later, stands):
    rejections = Rejections(clock)
    rejections.note(WEB, PATCHES, NO)
    clock.now = later
    found = rejections.current(workload, patches)
    assert (found is not None) == stands
    if found is not None:
        assert found.again == 60 - later


def test_the_same_refusal_is_tried_less_and_less_often(clock):
    rejections = Rejections(clock)
    waits = [rejections.note(WEB, PATCHES, NO).again for _ in range(8)]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    rejections.clear(WEB.key)
    assert rejections.note(WEB, PATCHES, NO).again == 60


@pytest.mark.parametrize(
    ("rejected", "state"),
    [pytest.param(True, State.REJECTED, id="patch"), pytest.param(False, State.APPLIED, id="something-beside-it")],
)
def test_the_health_plan_says_what_was_refused(rejected, state):
    reference = WorkloadReference(api_version="apps/v1", kind="Deployment", name="web")
    plan = HealthPlan(spec=HealthPlanSpec(workload=reference), status=HealthPlanStatus(state=State.APPLIED))
    rejection = rejection_of(NO, "the patch", again=60, rejected=rejected)
    said = with_rejections(plan, [rejection]).status
    assert (said.state, [finding.id for finding in said.findings]) == (state, ["rejected"])
    assert with_rejections(plan, []) is plan
