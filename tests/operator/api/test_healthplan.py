"""HealthPlans are read as we wrote them; of damaged ones the originals are saved."""

import msgspec
import pytest

from apphealth.api.healthplan import (
    ContainerRecord,
    HealthPlan,
    HealthPlanSpec,
    HealthPlanStatus,
    OriginalRecord,
    ProbeRecord,
    State,
    Summary,
    Value,
    WorkloadReference,
    parse_originals,
    parse_plan,
)

ORIGINAL = OriginalRecord(
    container="main",
    type="liveness",
    original={"exec": {"command": ["a"]}, "futureField": {"a": 1}},
    written=({"tcpSocket": {"port": 1}},),
    replaced=True,
)
PLAN = HealthPlan(
    spec=HealthPlanSpec(workload=WorkloadReference(api_version="apps/v1", kind="Deployment", name="web")),
    status=HealthPlanStatus(
        state=State.APPLIED,
        summary=Summary(workload="Deployment/web", liveness="tcp-socket :1"),
        containers=(
            ContainerRecord(
                name="main",
                preset_source="env",
                probes=(
                    ProbeRecord(
                        type="liveness",
                        action="Apply",
                        reason="because",
                        probe={"tcpSocket": {"port": 1}},
                        values=(Value(field="port", value="1", source="rule"),),
                    ),
                ),
            ),
        ),
        originals=(ORIGINAL,),
    ),
)


def stored(**status):
    found = msgspec.to_builtins(PLAN)
    return {"metadata": {"name": "deployment-web"}} | found | {"status": found["status"] | status}


def test_a_plan_is_read_as_it_was_written_whatever_a_newer_version_added():
    assert parse_plan(stored(future={"a": 1})) == PLAN


def test_what_has_no_value_is_not_written():
    assert "dependencies" not in stored()["status"]
    assert set(stored()["status"]["containers"][0]) == {"name", "presetSource", "probes"}


@pytest.mark.parametrize(
    ("obj", "originals"),
    [
        pytest.param(stored(state="Unheard"), (ORIGINAL,), id="unknown-state"),
        pytest.param(stored(containers="all"), (ORIGINAL,), id="wrong-type"),
        pytest.param(
            stored(originals=[None, {"container": "x"}, *stored()["status"]["originals"]]),
            (ORIGINAL,),
            id="one-damaged",
        ),
        pytest.param(stored(originals={"a": 1}), (), id="originals-of-another-shape"),
        pytest.param({"spec": {}}, (), id="empty"),
        pytest.param(None, (), id="null"),
        pytest.param([], (), id="list"),
    ],
)
def test_of_a_damaged_plan_the_originals_are_saved(obj, originals):
    assert parse_plan(obj) is None
    assert parse_originals(obj) == originals
