"""The checks that an app registers, as values."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from flask_management_endpoints.raw import Raw

CheckFunction: TypeAlias = Callable[[], object]
PROBES = ("liveness", "readiness", "startup")
NAME_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a check runs and how quickly its word is believed.

    The defaults run it at every request and believe it at once.
    """

    cache_seconds: float = 0.0
    refresh_seconds: float | None = None
    failure_threshold: int = 1
    success_threshold: int = 1

    @property
    def reuses(self) -> bool:
        """Whether an answer may be given more than once, so that its age is worth showing."""
        return self.cache_seconds > 0 or self.refresh_seconds is not None

    @property
    def stale_after(self) -> float:
        """Seconds after which a background answer is too old to believe: three missed refreshes."""
        return math.inf if self.refresh_seconds is None else 3 * self.refresh_seconds


ALWAYS = Policy()


@dataclass(frozen=True, slots=True)
class Check:
    """One registered check."""

    name: str
    function: CheckFunction
    groups: frozenset[str] = frozenset()
    required: bool = True
    timeout: float | None = None
    policy: Policy = ALWAYS


class InvalidCheckError(ValueError):
    """A check that can't be registered: the message names the check, the value and the fix."""


def define(
    name: str,
    function: CheckFunction,
    *,
    groups: str | Iterable[str],
    required: bool,
    timeout: float | None,
    policy: Policy,
) -> Check:
    """Return a check, after looking at what was asked for.

    Raises
    ------
    InvalidCheckError
        When a name, group, time or threshold makes no sense.
    """
    members = frozenset([groups] if isinstance(groups, str) else groups)
    problem = _problem(name, members, timeout, policy)
    if problem:
        raise InvalidCheckError(f"check {name!r}: {problem}")
    return Check(name, function, members, required, timeout, policy)


def _problem(name: str, groups: frozenset[str], timeout: float | None, policy: Policy) -> str | None:
    if not name or len(name) > NAME_LIMIT or "/" in name:
        return f"a name has 1 to {NAME_LIMIT} characters and no slash"
    if any(not group or "/" in group for group in groups):
        return f"groups {sorted(groups)} hold an empty name or a slash"
    times = {"timeout": timeout, "refresh_seconds": policy.refresh_seconds}
    for field, seconds in times.items():
        if seconds is not None and not (_is_number(seconds) and seconds > 0):
            return f"{field}={seconds!r} isn't a positive number of seconds"
    if not _is_number(policy.cache_seconds):
        return f"cache_seconds={policy.cache_seconds!r} isn't a number of seconds; 0 turns the cache off"
    if policy.cache_seconds < 0:
        return f"cache_seconds={policy.cache_seconds!r} is negative; 0 turns the cache off"
    thresholds = {"failure_threshold": policy.failure_threshold, "success_threshold": policy.success_threshold}
    for field, count in thresholds.items():
        if not (_is_number(count) and count == int(count)):
            return f"{field}={count!r} isn't a whole number"
        if count < 1:
            return f"{field}={count!r}: thresholds start at 1, which believes the first answer"
    return None


def _is_number(value: Raw) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
