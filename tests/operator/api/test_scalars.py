"""Values that are read from the texts of a spec or an option."""

import pytest

from apphealth.api.scalars import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("4h", 14_400, id="hours"),
        pytest.param("90m", 5_400, id="minutes"),
        pytest.param("90s", 90, id="seconds"),
        pytest.param("1h30m", 5_400, id="hours and minutes"),
        pytest.param("1h2m3s", 3_723, id="all of them"),
        pytest.param("0s", 0, id="none at all"),
        pytest.param("", None, id="empty"),
        pytest.param("90", None, id="without a unit"),
        pytest.param("-1s", None, id="negative"),
        pytest.param("30m1h", None, id="in another order"),
        pytest.param("1.5h", None, id="a fraction"),
        pytest.param("1h ", None, id="with a space"),
        pytest.param("\u0663h", None, id="other digits"),
        pytest.param("9" * 5_000 + "h", None, id="too long to be read"),
    ],
)
def test_a_duration_has_hours_minutes_or_seconds(text, seconds):
    assert seconds_of(text) == seconds
