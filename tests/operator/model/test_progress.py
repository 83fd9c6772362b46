"""`parse_progress`: what the status of each kind says about its rollout, and which rollouts are complete."""

from datetime import UTC, datetime

import pytest

from apphealth.model.parse_workload import parse_workload
from apphealth.model.progress import NO_PROGRESS, completed_at, parse_progress, time_of, written_at

DONE = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
DAEMON_DONE = {
    "observedGeneration": 3,
    **dict.fromkeys(("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled"), 2),
    **dict.fromkeys(("numberReady", "numberAvailable"), 2),
}


def workload(kind, status, **spec):
    return {"kind": kind, "metadata": {"generation": 3}, "spec": {"replicas": 2} | spec, "status": status}


@pytest.mark.parametrize(
    ("kind", "status", "spec", "settled"),
    [
        pytest.param("Deployment", DONE, {}, True, id="complete"),
        pytest.param("Deployment", DONE | {"observedGeneration": 2}, {}, False, id="status of an older generation"),
        pytest.param("Deployment", DONE | {"updatedReplicas": 1}, {}, False, id="an old pod"),
        pytest.param("Deployment", DONE | {"replicas": 3}, {}, False, id="an old pod that still ends"),
        pytest.param("Deployment", DONE | {"availableReplicas": 1}, {}, False, id="a pod that isn't available"),
        pytest.param("Deployment", {"observedGeneration": 3}, {"replicas": 0}, True, id="no pods wanted"),
        pytest.param("Deployment", {"observedGeneration": 3}, {}, False, id="no pods yet"),
        pytest.param("StatefulSet", DONE, {}, True, id="StatefulSet complete"),
        pytest.param(
            "StatefulSet",
            DONE | {"updatedReplicas": 1},
            {"updateStrategy": {"rollingUpdate": {"partition": 1}}},
            True,
            id="StatefulSet complete down to its partition",
        ),
        pytest.param(
            "StatefulSet",
            DONE | {"updatedReplicas": 0},
            {"updateStrategy": {"type": "OnDelete"}},
            True,
            id="StatefulSet whose pods are replaced by hand",
        ),
        pytest.param("DaemonSet", DAEMON_DONE, {}, True, id="DaemonSet complete"),
        pytest.param("DaemonSet", DAEMON_DONE | {"updatedNumberScheduled": 1}, {}, False, id="DaemonSet under way"),
        pytest.param("DaemonSet", DAEMON_DONE | {"numberAvailable": 1}, {}, False, id="DaemonSet with a bad pod"),
        pytest.param("Rollout", DONE | {"observedGeneration": "3"}, {}, True, id="Rollout, whose generation is a text"),
        pytest.param("Deployment", {"replicas": "two", "conditions": "none"}, {}, False, id="nonsense"),
    ],
)
def test_settled(kind, status, spec, settled):
    assert parse_progress(workload(kind, status, **spec)).settled is settled


def test_what_waves_look_at():
    stalled = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    found = parse_progress(
        workload(
            "Deployment",
            DONE | {"conditions": [stalled]},
            paused=True,
            minReadySeconds=7,
            strategy={"type": "Recreate"},
        )
    )
    assert (found.stalled, found.paused, found.min_ready, found.recreates) == (True, True, 7, True)
    assert (found.desired, found.to_update) == (2, 2)


def test_a_manifest_has_no_progress():
    assert parse_progress({"kind": "Deployment", "spec": {}}) is NO_PROGRESS


def test_equal_values_are_one_object():
    assert parse_progress(workload("Deployment", DONE)) is parse_progress(
        workload("Deployment", DONE | {"conditions": []})
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("True", "NewReplicaSetAvailable"), datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (("True", "ReplicaSetUpdated"), None),
        (("False", "ProgressDeadlineExceeded"), None),
    ],
)
def test_when_a_rollout_completed(condition, expected):
    status, reason = condition
    told = {"type": "Progressing", "status": status, "reason": reason, "lastUpdateTime": "2026-01-31T12:00:00Z"}
    assert completed_at(workload("Deployment", {"conditions": [told]})) == expected


def entry(manager, time, **fields):
    return {"manager": manager, "operation": "Update", "time": time} | fields


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([entry("kubectl", "2026-01-31T12:00:00Z")], None, id="never"),
        pytest.param(
            [entry("apphealth", "2026-01-31T12:00:00Z"), entry("apphealth-restored", "2026-01-31T12:00:09Z")],
            datetime(2026, 1, 31, 12, 0, 9, tzinfo=UTC),
            id="the latest of both our managers",
        ),
        pytest.param([entry("apphealth", "2026-01-31T12:00:00Z", operation="Apply")], None, id="somebody of our name"),
        pytest.param([entry("apphealth", "2026-01-31T12:00:00Z", subresource="status")], None, id="a subresource"),
        pytest.param([entry("apphealth", "yesterday")], None, id="nonsense"),
        pytest.param("nonsense", None, id="no list"),
    ],
)
def test_when_the_operator_last_wrote(entries, expected):
    assert written_at(entries) == expected


@pytest.mark.parametrize("text", [None, 7, "", "x" * 99, "2026-01-31T12:00:00"])
def test_what_is_no_time(text):
    assert time_of(text) is None


def test_a_workload_has_its_progress():
    found = parse_workload(
        workload("Deployment", DONE) | {"metadata": {"managedFields": [entry("apphealth", "2026-01-31T12:00:00Z")]}}
    )
    assert found.settled
    assert found.written_at == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "spec", "pods"),
    [
        pytest.param("Deployment", {}, 2, id="Deployment: a quarter, rounded down"),
        pytest.param("Deployment", {"replicas": 3}, 0, id="Deployment: none, as one may come first"),
        pytest.param(
            "Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": 3}}}, 3, id="Deployment: a number"
        ),
        pytest.param(
            "Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": "39%"}}}, 3, id="Deployment: a share"
        ),
        pytest.param(
            "Deployment",
            {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}},
            1,
            id="Deployment: one, as it has to go on",
        ),
        pytest.param(
            "Deployment",
            {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "1%"}}},
            0,
            id="Deployment: surge",
        ),
        pytest.param("Deployment", {"strategy": {"type": "Recreate"}}, 10, id="Deployment: all"),
        pytest.param("StatefulSet", {}, 1, id="StatefulSet: one"),
        pytest.param("StatefulSet", {"replicas": 0}, 0, id="StatefulSet: no pods"),
        pytest.param(
            "StatefulSet",
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "21%"}}},
            3,
            id="StatefulSet: rounded up",
        ),
        pytest.param("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, 0, id="StatefulSet: replaced by hand"),
    ],
)
def test_how_many_pods_may_be_down_at_once(kind, spec, pods):
    assert parse_progress(workload(kind, DONE, **({"replicas": 10} | spec))).takes_down == pods
