"""Conditions keep their time while their status stays the same, and every reason is explained."""

import ast
import inspect
import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from apphealth.api import status as module
from apphealth.api.status import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    RuleStatus,
    WorkloadCounts,
    parse_status,
    settle,
)

DOCS = Path(__file__).parents[3] / "docs/api.md"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 15, 30, tzinfo=timezone(timedelta(hours=2)))


def ready(status=ConditionStatus.TRUE, reason=Reason.ALL_MANAGED, message="", since=""):
    return Condition(
        type=ConditionType.READY, status=status, reason=reason, message=message, last_transition_time=since
    )


BEFORE = RuleStatus(conditions=(ready(since="2026-01-01T12:00:00Z"),))


@pytest.mark.parametrize(
    ("previous", "now", "since"),
    [
        pytest.param(RuleStatus(), ready(), "2026-01-01T13:30:00Z", id="new"),
        pytest.param(BEFORE, ready(), "2026-01-01T12:00:00Z", id="the-same"),
        pytest.param(BEFORE, ready(reason=Reason.PREVIEWED, message="2"), "2026-01-01T12:00:00Z", id="another-reason"),
        pytest.param(BEFORE, ready(ConditionStatus.FALSE), "2026-01-01T13:30:00Z", id="another-status"),
        pytest.param(BEFORE, ready(since="1999-01-01T00:00:00Z"), "2026-01-01T12:00:00Z", id="its-own-time-is-ignored"),
        pytest.param(RuleStatus(conditions=(ready(),)), ready(), "2026-01-01T13:30:00Z", id="no-time-before"),
    ],
)
def test_a_condition_keeps_its_time_while_its_status_is_the_same(previous, now, since):
    (condition,) = settle(RuleStatus(conditions=(now,)), previous, now=LATER).conditions
    assert condition.last_transition_time == since
    assert (condition.status, condition.reason, condition.message) == (now.status, now.reason, now.message)


def test_a_settled_status_is_equal_until_something_changes():
    once = settle(RuleStatus(conditions=(ready(),), workloads=WorkloadCounts(selected=1)), RuleStatus(), now=NOON)
    assert settle(RuleStatus(conditions=(ready(),), workloads=WorkloadCounts(selected=1)), once, now=LATER) == once


def test_a_status_is_read_back_as_it_was_written():
    status = settle(
        RuleStatus(observed_generation=3, conditions=(ready(message="fine"),), workloads=WorkloadCounts(selected=2)),
        RuleStatus(),
        now=NOON,
    )
    assert json.loads(json.dumps(status.to_object())) == {
        "observedGeneration": 3,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "AllManaged",
                "message": "fine",
                "observedGeneration": 0,
                "lastTransitionTime": "2026-01-01T12:00:00Z",
            }
        ],
        "workloads": {"selected": 2, "managed": 0, "pending": 0, "keptByOwner": 0, "failed": 0}
        | {"covered": 0, "withoutProbes": 0, "unknown": 0, "wouldRestart": 0},
        "rollout": {
            "planned": 0,
            "waiting": 0,
            "inFlight": 0,
            "done": 0,
            "rolledBack": 0,
            "halted": False,
            "message": "",
        },
    }
    assert parse_status({"status": status.to_object()}) == status


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param({}, id="none"),
        pytest.param({"status": None}, id="null"),
        pytest.param({"status": {"conditions": [{"type": "Ready"}]}}, id="condition-without-status"),
        pytest.param(
            {"status": {"conditions": [{"type": "Ours", "status": "True", "reason": "x"}]}}, id="unknown-type"
        ),
        pytest.param([], id="no-object"),
    ],
)
def test_a_status_that_cannot_be_read_is_as_none(obj):
    assert parse_status(obj) == RuleStatus()


@pytest.mark.parametrize("enum", [ConditionType, Reason])
def test_every_type_and_reason_is_explained_in_the_code_and_in_the_docs(enum):
    body = next(
        node.body
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef) and node.name == enum.__name__
    )
    explained = {
        before.targets[0].id
        for before, after in itertools.pairwise(body)
        if isinstance(before, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }
    assert explained == set(enum.__members__)
    text = DOCS.read_text()
    assert [member.value for member in enum if f"`{member.value}`" not in text] == []
