"""The times in which changes may begin, also when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.api.spec import Window
from apphealth.rollout.windows import closes, describe, is_open, next_opening

BERLIN = Window(schedule="0 2 * * 1-5", duration="4h", time_zone="Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        pytest.param([], "2026-03-02T12:00:00", True, id="no-windows"),
        pytest.param([BERLIN], "2026-03-02T00:59:59", False, id="a-second-before"),
        pytest.param([BERLIN], "2026-03-02T01:00:00", True, id="as-it-opens"),
        pytest.param([BERLIN], "2026-03-02T04:59:59", True, id="a-second-before-it-closes"),
        pytest.param([BERLIN], "2026-03-02T05:00:00", False, id="as-it-closes"),
        pytest.param([BERLIN], "2026-03-01T02:00:00", False, id="on-a-sunday"),
        pytest.param([BERLIN], "2026-07-01T00:30:00", True, id="in-summer-an-hour-earlier-by-utc"),
        pytest.param([Window(schedule="0 2 * * *", duration="4h")], "2026-03-02T02:00:00", True, id="utc-by-default"),
        pytest.param([Window(schedule="0 22 * * 5", duration="50h")], "2026-03-08T23:59:00", True, id="over-a-weekend"),
        pytest.param(
            [BERLIN, Window(schedule="0 12 * * *", duration="1m")], "2026-03-02T12:00:30", True, id="any-of-two"
        ),
        pytest.param([Window(schedule="*/10 * * * *", duration="15m")], "2026-03-02T12:09:00", True, id="overlapping"),
        # 2026-03-29 the clocks of Berlin go from 2:00 to 3:00, on 2026-10-25 from 3:00 to 2:00.
        pytest.param(
            [Window(schedule="30 2 * * *", duration="1h", time_zone="Europe/Berlin")],
            "2026-03-29T01:30:00",
            True,
            id="an-hour-that-does-not-exist-opens-right-after",
        ),
        pytest.param(
            [Window(schedule="30 2 * * *", duration="30m", time_zone="Europe/Berlin")],
            "2026-10-25T00:45:00",
            True,
            id="an-hour-that-comes-twice-opens-the-first-time",
        ),
        pytest.param(
            [Window(schedule="30 2 * * *", duration="30m", time_zone="Europe/Berlin")],
            "2026-10-25T01:45:00",
            False,
            id="and-not-the-second",
        ),
        pytest.param(
            [Window(schedule="0 1 * * *", duration="3h", time_zone="Europe/Berlin")],
            "2026-10-25T01:59:00",
            True,
            id="three-hours-are-three-hours-over-a-change",
        ),
    ],
)
def test_whether_changes_may_begin(windows, now, expected):
    assert is_open(windows, at(now)) is expected


@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        ([], "2026-03-02T12:00:00", "2026-03-02T12:00:00"),
        ([BERLIN], "2026-03-02T03:00:00", "2026-03-02T03:00:00"),
        ([BERLIN], "2026-03-06T05:00:00", "2026-03-09T01:00:00"),
        ([BERLIN, Window(schedule="0 12 * * 0", duration="1h")], "2026-03-06T05:00:00", "2026-03-08T12:00:00"),
        ([BERLIN], "2026-03-27T12:00:00", "2026-03-30T00:00:00"),
    ],
    ids=["no-windows", "open-now", "over-the-weekend", "the-first-of-two", "over-a-change-of-the-clocks"],
)
def test_when_changes_may_begin(windows, now, expected):
    assert next_opening(windows, at(now)) == at(expected)


def test_when_the_last_of_the_open_windows_closes():
    other = Window(schedule="0 1 * * *", duration="30m")
    assert closes([BERLIN, other], at("2026-03-02T01:10:00")) == at("2026-03-02T05:00:00")
    assert closes([BERLIN], at("2026-03-02T12:00:00")) is None
    assert closes([], at("2026-03-02T12:00:00")) is None


def test_a_window_in_short():
    assert describe(BERLIN) == "0 2 * * 1-5 for 4h (Europe/Berlin)"
    assert describe(Window(schedule="0 2 * * *", duration="90m")) == "0 2 * * * for 90m (UTC)"


@given(
    st.sampled_from(["0 2 * * *", "30 2 * * *", "*/20 * * * *", "15 1,3 * * 0", "0 0 1 * *"]),
    st.sampled_from([("20m", 20), ("1h30m", 90), ("26h", 1560)]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(0, 365 * 24 * 60).map(lambda minutes: at("2026-01-01T00:00:00") + timedelta(minutes=minutes)),
)
def test_a_window_is_open_for_its_duration_after_each_opening(schedule, duration, zone, now):
    text, minutes = duration
    windows = [Window(schedule=schedule, duration=text, time_zone=zone)]
    opening = next_opening(windows, now)
    assert is_open(windows, opening)
    assert opening == now or not is_open(windows, opening - timedelta(seconds=1))
    assert is_open(windows, opening + timedelta(minutes=minutes) - timedelta(seconds=1)) or opening == now
