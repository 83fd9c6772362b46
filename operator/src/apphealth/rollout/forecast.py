"""How long a rollout takes: an estimate from what waits, the budget and the windows."""

from __future__ import annotations

from datetime import datetime, timedelta

from apphealth.rollout.budget import Budget
from apphealth.rollout.windows import closes, next_opening

CHANGE = 30.0
"""Seconds that a workload is taken to need until its new pods are available."""
FARTHEST = timedelta(days=366)
"""No estimate goes farther."""


def expected_end(waiting: int, in_flight: int, budget: Budget, now: datetime) -> datetime | None:
    """Return when a rollout will probably be complete, or None if it stands still or takes longer than a year.

    Parameters
    ----------
    waiting, in_flight
        The numbers of workloads.
    budget
        What the rule allows.
    now
        The time, with a time zone.
    """
    if waiting and (budget.limits.paused or budget.halted):
        return None
    step = timedelta(seconds=CHANGE + budget.limits.soak)
    canary = 1 if waiting and budget.limits.canaries else 0
    waves = (-(-waiting // budget.concurrent) + canary) * budget.limits.passes  # at most: some may have one behind them
    end = now + step if in_flight else now
    while waves:
        begin = next_opening(budget.limits.windows, end)
        if begin - now > FARTHEST:
            return None
        close = closes(budget.limits.windows, begin)
        # The wave that begins last in a window may end after it.
        fits = waves if close is None else min(waves, -(-(close - begin) // step))
        waves -= fits
        end = begin + fits * step
    return end
