"""The times in which changes may begin. Each window opens by a cron schedule in its time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from apphealth.api.scalars import seconds_of
from apphealth.api.spec import Window


def is_open(windows: Iterable[Window], now: datetime) -> bool:
    """Return whether changes may begin: there are no windows, or one of them is open.

    Parameters
    ----------
    windows
        The windows of a rule, valid.
    now
        The time, with a time zone.
    """
    found = list(windows)
    return not found or any(_open_until(window, now) is not None for window in found)


def next_opening(windows: Iterable[Window], now: datetime) -> datetime:
    """Return when changes may begin: now if a window is open or there are none, else when the next one opens.

    Parameters
    ----------
    windows
        The windows of a rule, valid.
    now
        The time, with a time zone.
    """
    found = list(windows)
    if is_open(found, now):
        return now
    return min(_after(window, now) for window in found)


def closes(windows: Iterable[Window], now: datetime) -> datetime | None:
    """Return when the last of the open windows closes; None if there are no windows, or none is open.

    Parameters
    ----------
    windows
        The windows of a rule, valid.
    now
        The time, with a time zone.
    """
    return max((until for window in windows if (until := _open_until(window, now)) is not None), default=None)


def describe(window: Window) -> str:
    """Return a window in short: `0 2 * * 1-5 for 4h (Europe/Berlin)`."""
    return f"{window.schedule} for {window.duration} ({window.time_zone or 'UTC'})"


def _open_until(window: Window, now: datetime) -> datetime | None:
    opened = _before(window, now)
    if opened is None:
        return None
    until = opened + _length(window)
    return until if until > now else None


def _before(window: Window, now: datetime) -> datetime | None:
    """Return when a window last opened, in UTC. It is the opening that matters: an earlier one ends earlier."""
    # CronSim looks for whole minutes before the one it is given.
    start = (now.astimezone(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0).astimezone(_zone(window))
    found = next(CronSim(window.schedule, start, reverse=True), None)
    return found.astimezone(UTC) if found is not None else None


def _after(window: Window, now: datetime) -> datetime:
    return next(CronSim(window.schedule, now.astimezone(_zone(window)))).astimezone(UTC)


def _zone(window: Window) -> ZoneInfo:
    return ZoneInfo(window.time_zone or "UTC")


def _length(window: Window) -> timedelta:
    """Return how long a window stays open. It is time that passes, also over a change of the clocks."""
    return timedelta(seconds=seconds_of(window.duration) or 0)
