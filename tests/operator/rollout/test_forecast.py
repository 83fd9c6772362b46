"""How long a rollout takes, by its budget and its windows."""

from datetime import UTC, datetime, timedelta

import pytest

from apphealth.api.spec import Window
from apphealth.rollout.budget import Budget, Limits
from apphealth.rollout.forecast import expected_end

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def budget(selected=100, failed=0, **limits):
    given = {"concurrent": 10, "canaries": 0, "soak": 30.0} | limits
    return Budget(rule="a", limits=Limits(**given), selected=selected, failed=failed)


@pytest.mark.parametrize(
    ("waiting", "in_flight", "given", "expected"),
    [
        pytest.param(0, 0, budget(), timedelta(0), id="nothing-left"),
        pytest.param(0, 3, budget(), timedelta(minutes=1), id="the-last-ones-in-flight"),
        pytest.param(10, 0, budget(), timedelta(minutes=1), id="one-wave"),
        pytest.param(11, 0, budget(), timedelta(minutes=2), id="a-wave-for-the-last-one"),
        pytest.param(10, 10, budget(), timedelta(minutes=2), id="after-those-in-flight"),
        pytest.param(10, 0, budget(canaries=1), timedelta(minutes=2), id="canaries-first"),
        pytest.param(10, 0, budget(canaries=1, passes=2), timedelta(minutes=4), id="two-passes-with-canaries-each"),
        pytest.param(50, 0, budget(concurrent="5%"), timedelta(minutes=10), id="a-percentage"),
        pytest.param(5, 0, budget(paused=True), None, id="paused"),
        pytest.param(5, 0, budget(failed=3), None, id="halted"),
        pytest.param(
            5,
            0,
            budget(windows=(Window(schedule="0 13 * * *", duration="1h"),)),
            timedelta(hours=1, minutes=1),
            id="when-the-window-opens",
        ),
        pytest.param(
            1210,
            0,
            budget(windows=(Window(schedule="0 12 * * *", duration="1h"),)),
            timedelta(days=2, minutes=1),
            id="over-several-windows",
        ),
        pytest.param(
            10_000,
            0,
            budget(concurrent=1, windows=(Window(schedule="0 0 1 1 *", duration="1m"),)),
            None,
            id="farther-than-a-year",
        ),
    ],
)
def test_when_a_rollout_will_probably_end(waiting, in_flight, given, expected):
    found = expected_end(waiting, in_flight, given, NOON)
    assert found == (None if expected is None else NOON + expected)
