"""What a rollout respects: each state of a workload, as Kubernetes tells it, and what follows for its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apphealth.model.parse_workload import parse_workload
from apphealth.model.workload import Workload
from apphealth.rollout.flight import Phase, begin, found, obstacle, takes_place
from apphealth.rollout.waves import Candidate

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PAUSED = "the Deployment is paused (spec.paused); resume it with kubectl rollout resume"
UNDER_WAY = "a rollout of its owner is under way, or it is being scaled"
UNWELL = "not all of its pods are available"
OURS = {
    "manager": "apphealth",
    "operation": "Update",
    "time": "2026-03-02T11:50:00Z",
    "fieldsV1": {
        "f:spec": {
            "f:template": {
                "f:spec": {"f:containers": {'k:{"name":"main"}': {"f:livenessProbe": {"f:tcpSocket": {"f:port": {}}}}}}
            }
        }
    },
}
STALLED = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]


def workload(kind: str = "Deployment", *, ours: bool = False, spec: dict[str, Any] = {}, **status: Any) -> Workload:  # noqa: B006
    """A workload of four pods, all well, unless `spec` and `status` say otherwise."""
    numbers = {"replicas": 4, "updatedReplicas": 4, "readyReplicas": 4, "availableReplicas": 4}
    if kind == "DaemonSet":
        numbers = {"desired": 4, "current": 4, "updated": 4, "available": 4}
        numbers = {f"{name}NumberScheduled" if name != "available" else "numberAvailable": 4 for name in numbers}
        numbers["numberReady"] = 4
    main: dict[str, Any] = {"name": "main"}
    if ours:
        main["livenessProbe"] = {"tcpSocket": {"port": 80}}
    return parse_workload(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {
                "name": "web",
                "namespace": "shop",
                "uid": "u",
                "generation": 2,
                "managedFields": [OURS] if ours else [],
            },
            "spec": {"replicas": 4, "template": {"spec": {"containers": [main]}}} | spec,
            "status": {"observedGeneration": 2} | numbers | status,
        }
    )


def rolling(**numbers: Any) -> dict[str, Any]:
    return {"strategy": {"rollingUpdate": numbers}}


def updating(kind: str, **numbers: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": kind} | ({"rollingUpdate": numbers} if numbers else {})}


@pytest.mark.parametrize(
    ("there", "place", "hindered", "down"),
    [
        pytest.param(workload(), True, "", 1, id="a Deployment that is well"),
        pytest.param(workload(spec={"replicas": 3}, replicas=3), True, "", 0, id="new pods first: 25% of 3 is none"),
        pytest.param(workload(spec=rolling(maxUnavailable=0)), True, "", 0, id="maxUnavailable 0"),
        pytest.param(workload(spec=rolling(maxUnavailable=0, maxSurge=0)), True, "", 1, id="of two zeros one is 1"),
        pytest.param(workload(spec=rolling(maxUnavailable="50%")), True, "", 2, id="maxUnavailable 50%"),
        pytest.param(workload(spec={"strategy": {"type": "Recreate"}}), True, "", 4, id="Recreate: all are down"),
        pytest.param(workload(spec={"paused": True}), True, PAUSED, 1, id="paused"),
        pytest.param(workload(spec={"paused": True}, ours=True), True, PAUSED, 1, id="paused with ours"),
        pytest.param(workload(observedGeneration=1), True, UNDER_WAY, 1, id="its owner's rollout was just written"),
        pytest.param(workload(updatedReplicas=2, replicas=5), True, UNDER_WAY, 1, id="its owner's rollout is half-way"),
        pytest.param(workload(spec={"replicas": 6}), True, UNDER_WAY, 1, id="an autoscaler adds pods"),
        pytest.param(workload(spec={"replicas": 2}), True, UNDER_WAY, 0, id="an autoscaler removes pods"),
        pytest.param(workload(availableReplicas=3), True, UNWELL, 1, id="a pod that isn't available"),
        pytest.param(workload(availableReplicas=3, ours=True), True, "", 1, id="the change may mend what has ours"),
        pytest.param(
            workload(spec={"minReadySeconds": 60}, availableReplicas=3), True, UNWELL, 1, id="minReadySeconds not over"
        ),
        pytest.param(workload(conditions=STALLED, updatedReplicas=1), True, UNDER_WAY, 1, id="past its deadline"),
        pytest.param(workload(readyReplicas=0, availableReplicas=0), False, UNWELL, 1, id="without a ready pod"),
        pytest.param(
            workload(spec={"replicas": 0}, replicas=0, updatedReplicas=0, readyReplicas=0, availableReplicas=0),
            False,
            "",
            0,
            id="no replicas",
        ),
        pytest.param(workload("StatefulSet"), True, "", 1, id="a StatefulSet, one pod after the other"),
        pytest.param(workload("StatefulSet", spec=updating("OnDelete")), False, "", 0, id="a StatefulSet OnDelete"),
        pytest.param(
            workload("StatefulSet", spec=updating("RollingUpdate", partition=2), updatedReplicas=2),
            True,
            "",
            1,
            id="a partition: the pods above it",
        ),
        pytest.param(
            workload("StatefulSet", spec=updating("RollingUpdate", partition=2), updatedReplicas=1),
            True,
            UNDER_WAY,
            1,
            id="a partition, under way",
        ),
        pytest.param(
            workload("StatefulSet", spec=updating("RollingUpdate", partition=4), updatedReplicas=0),
            False,
            "",
            1,
            id="a partition above all pods",
        ),
        pytest.param(workload("DaemonSet"), True, "", 1, id="a DaemonSet"),
        pytest.param(workload("DaemonSet", spec=updating("OnDelete")), False, "", 0, id="a DaemonSet OnDelete"),
        pytest.param(
            workload("DaemonSet", spec=updating("RollingUpdate", maxUnavailable="30%")), True, "", 2, id="rounded up"
        ),
        pytest.param(workload("DaemonSet", numberAvailable=3), True, UNWELL, 1, id="a DaemonSet with a bad pod"),
        pytest.param(workload("DaemonSet", updatedNumberScheduled=1), True, UNDER_WAY, 1, id="a DaemonSet under way"),
    ],
)
def test_what_a_workload_allows(there: Workload, place: bool, hindered: str, down: int) -> None:
    assert (takes_place(there), obstacle(there), there.progress.takes_down) == (place, hindered, down)


@pytest.mark.parametrize(
    ("there", "place", "hindered"),
    [
        pytest.param(workload(ours=True), True, "", id="well"),
        pytest.param(workload(ours=True, availableReplicas=3), True, "not all pods are available", id="a bad pod"),
        pytest.param(
            workload(ours=True, readyReplicas=0, availableReplicas=0), True, "not all pods", id="no ready pod"
        ),
        pytest.param(workload(ours=True, spec={"paused": True}), True, "the Deployment is paused", id="paused"),
        pytest.param(
            workload("StatefulSet", ours=True, spec=updating("OnDelete")), False, "", id="OnDelete: nothing restarts"
        ),
    ],
)
def test_what_it_allows_between_two_passes(there: Workload, place: bool, hindered: str) -> None:
    after = ("readiness",)
    assert takes_place(there, after) is place
    assert obstacle(there, after).startswith(hindered)
    assert bool(obstacle(there, after)) is bool(hindered)


def flight(there: Workload, soak: float = 60.0) -> Any:
    return begin(Candidate(key=there.key), there, soak, NOON)


@pytest.mark.parametrize(
    ("there", "minutes", "phase"),
    [
        pytest.param(workload(availableReplicas=3), 14, Phase.CHANGING, id="under way"),
        pytest.param(workload(availableReplicas=3), 15, Phase.STUCK, id="without a deadline: 15 minutes"),
        pytest.param(workload(availableReplicas=3, conditions=STALLED), 0, Phase.STUCK, id="its own deadline is over"),
        pytest.param(workload(spec={"minReadySeconds": 60}, availableReplicas=2), 1, Phase.CHANGING, id="min ready"),
        pytest.param(workload(), 0.9, Phase.SOAKING, id="soaks"),
        pytest.param(workload(), 1, Phase.WELL, id="well"),
        pytest.param(workload("DaemonSet", updatedNumberScheduled=3), 1, Phase.CHANGING, id="a DaemonSet under way"),
        pytest.param(
            workload("StatefulSet", spec=updating("RollingUpdate", partition=2), updatedReplicas=2),
            1,
            Phase.WELL,
            id="down to its partition",
        ),
    ],
)
def test_how_it_is_after_a_write(there: Workload, minutes: float, phase: Phase) -> None:
    assert flight(there).phase(NOON + timedelta(minutes=minutes)) is phase


def test_what_falls_ill_while_it_soaks_soaks_anew() -> None:
    well, ill = workload(), workload(availableReplicas=3)
    seen = flight(well).seen(ill, NOON + timedelta(seconds=50)).seen(well, NOON + timedelta(seconds=55))
    assert seen.phase(NOON + timedelta(seconds=114)) is Phase.SOAKING
    assert seen.phase(NOON + timedelta(seconds=115)) is Phase.WELL


@pytest.mark.parametrize(
    ("there", "flies"),
    [
        pytest.param(workload(ours=True, availableReplicas=3), True, id="under way: written ten minutes ago"),
        pytest.param(workload(availableReplicas=3), False, id="its owner's alone"),
        pytest.param(workload("StatefulSet", ours=True), True, id="Kubernetes doesn't say when it was complete"),
        pytest.param(
            workload(
                ours=True, readyReplicas=0, availableReplicas=0, replicas=0, updatedReplicas=0, spec={"replicas": 0}
            ),
            False,
            id="no pods",
        ),
    ],
)
def test_what_a_new_leader_finds_in_flight(there: Workload, flies: bool) -> None:
    assert (found(Candidate(key=there.key), there, 60, NOON) is not None) is flies
