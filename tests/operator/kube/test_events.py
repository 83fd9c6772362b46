"""Events: few, never the same twice, never in anybody's way."""

from datetime import UTC, datetime

import pytest

from apphealth.kube.events import BURST, SILENCE, Event, Events, Subject, event_body
from apphealth.model.workload import Workload

EVENT = Event(type="Normal", reason="ProbesWritten", note="adds liveness of main")


def workload(number=1):
    name = f"web-{number}"
    return Workload(kind="Deployment", api_version="apps/v1", namespace="shop", name=name, uid=f"uid-{number}")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def events(clock):
    return Events(None, instance="pod", clock=clock)


async def test_the_same_is_not_said_twice(events, clock):
    assert events.post(workload(), EVENT)
    clock.now += SILENCE - 1
    assert not events.post(workload(), EVENT)
    clock.now += 2
    assert events.post(workload(), EVENT)


async def test_something_else_is_said(events):
    assert events.post(workload(), EVENT)
    assert events.post(workload(), Event(type="Warning", reason="Rejected", note="no"))
    assert events.post(workload(2), EVENT)


async def test_ten_thousand_patches_make_few_events(events):
    assert sum(events.post(workload(number), EVENT) for number in range(10_000)) == BURST


def test_an_event_says_who_what_and_about_whom():
    body = event_body(workload(), EVENT, instance="pod", now=datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    assert body["eventTime"] == "2026-01-02T03:04:05.000006Z"
    assert body["regarding"]["uid"] == "uid-1"
    assert (body["reason"], body["note"]) == ("ProbesWritten", "adds liveness of main")


def test_a_long_note_is_cut():
    long = Event(type="Normal", reason="R", note="x" * 5000)
    body = event_body(workload(), long, instance="pod", now=datetime.now(UTC))
    assert len(body["note"]) == 1000


def test_an_event_about_an_object_of_the_cluster_is_in_the_namespace_default():
    rule = Subject(api_version="apphealth.dev/v1alpha1", kind="ClusterAppHealth", namespace="", name="all", uid="u")
    body = event_body(rule, EVENT, instance="pod", now=datetime.now(UTC))
    assert body["metadata"]["namespace"] == "default"
    assert body["regarding"] == {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "name": "all",
        "uid": "u",
    }
