"""Which probes of ours are gone from a workload, and who changed it last."""

from datetime import UTC, datetime

import pytest

from apphealth.model.parse_workload import parse_workload
from apphealth.plan.ownership.contest import removals

PROBE = {
    "httpGet": {"path": "/live", "port": "http", "scheme": "HTTP"},
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}


def fields(value):
    return {f"f:{name}": fields(item) for name, item in value.items()} if isinstance(value, dict) else {}


def owned(manager, time, container="main"):
    below = {f'k:{{"name":"{container}"}}': {"f:livenessProbe": fields(PROBE)}}
    spec = {"f:spec": {"f:template": {"f:spec": {"f:containers": below}}}}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": spec}


OURS = owned("apphealth", "2026-11-21T10:00:00Z")
HELM = {"manager": "helm", "operation": "Update", "time": "2026-11-20T10:00:00Z", "fieldsV1": {}}
KUBECTL = HELM | {"manager": "kubectl-replace", "time": "2026-11-21T10:05:00Z"}
STATUS = HELM | {"manager": "kcm", "time": "2026-11-21T10:06:00Z", "subresource": "status"}


@pytest.fixture
def reading(build):
    def read(probe, *managers, name="main", status=None):
        container = build.container(name, **({"livenessProbe": probe} if probe else {}))
        obj = build.deployment(container, managed_fields=list(managers))
        return parse_workload(obj | {"status": status or {}})

    return read


@pytest.mark.parametrize(
    ("before", "now", "gone"),
    [
        pytest.param((PROBE, OURS), (None, HELM), ["helm"], id="gone"),
        pytest.param((PROBE, OURS), (None, HELM, KUBECTL, STATUS), ["kubectl-replace"], id="gone, by the last editor"),
        pytest.param((PROBE, OURS), (None,), [""], id="gone, and nobody known"),
        pytest.param((PROBE, OURS), (PROBE, OURS), [], id="there"),
        pytest.param((PROBE, OURS), (PROBE | {"periodSeconds": 3}, HELM), [], id="somebody else's now"),
        pytest.param((PROBE, HELM), (None, HELM), [], id="was not ours"),
        pytest.param((None,), (None, HELM), [], id="was not there"),
    ],
)
def test_what_was_taken_out_and_by_whom(reading, before, now, gone):
    assert [one.manager for one in removals(reading(*before), reading(*now))] == gone


def test_a_probe_that_went_with_its_container_was_not_taken_out(reading):
    assert removals(reading(PROBE, OURS), reading(None, HELM, name="web")) == ()


@pytest.mark.parametrize(
    ("updated", "since"),
    [(1, None), (0, datetime(2026, 11, 21, 10, tzinfo=UTC))],
    ids=["complete", "not complete"],
)
def test_it_is_known_whether_the_rollout_was_complete(reading, updated, since):
    counts = {"replicas": 1, "updatedReplicas": updated, "readyReplicas": 1, "availableReplicas": 1}
    before = reading(PROBE, OURS, status=counts | {"observedGeneration": 1})
    (one,) = removals(before, reading(None, HELM))
    assert one.unfinished_since == since
