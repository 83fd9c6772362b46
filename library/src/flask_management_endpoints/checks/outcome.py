"""From whatever a check returns to a status: the one place where an answer, or an exception, gets its meaning."""

import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

REASON_LIMIT = 300


class Status(StrEnum):
    """How a component, or the whole app, is.

    The worst one decides the whole: ``DOWN``, then ``OUT_OF_SERVICE``, ``UNKNOWN``, ``DEGRADED``. ``status_order`` and
    ``http_mapping`` in ``Z_ENDPOINTS`` change the order and the HTTP statuses of ``/health``, not those of probes.
    """

    UP = "UP"
    """It works."""
    DEGRADED = "DEGRADED"
    """It works without something optional. Answers 200: nobody should stop sending requests."""
    UNKNOWN = "UNKNOWN"
    """Nobody knows: the last answer is too old. Answers 503, since nothing vouches for it."""
    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    """Taken out of service on purpose: drain, maintenance. Answers 503."""
    DOWN = "DOWN"
    """It doesn't work. Answers 503."""

    @property
    def http_status(self) -> int:
        """The HTTP status that says it by default: 200 for ``UP`` and ``DEGRADED``, else 503."""
        return 200 if self.ok else 503

    @property
    def ok(self) -> bool:
        """Whether a probe says UP: for ``UP`` and ``DEGRADED``."""
        return self in WELL


_NAMES = frozenset(status.value for status in Status)
WELL = (Status.UP, Status.DEGRADED)
WORST_FIRST = tuple(reversed(Status))
"""The default of ``status_order``."""
HTTP_STATUSES: Mapping[Status, int] = {status: status.http_status for status in Status}
"""The default of ``http_mapping``."""


def worst(statuses: Iterable[Status], order: Sequence[Status] = WORST_FIRST) -> Status:
    """Return which of ``statuses`` comes first in ``order``; UP when there are none."""
    return min(statuses, key=order.index, default=Status.UP)


@dataclass(frozen=True, slots=True)
class Result:
    """One answer of one check.

    A check may return one itself instead of a truth value, to say ``DEGRADED`` or to add details.
    """

    status: Status
    reason: str | None = None
    """Why it isn't UP. Goes to the log; shown in ``/health`` only where ``show_details`` is ``"always"``."""
    details: Mapping[str, object] = field(default_factory=dict)
    """What the component shows beside its status, where ``show_details`` allows it."""
    at: float = 0.0
    """When the answer came, on the monotonic clock (wall clocks jump)."""
    seconds: float = 0.0
    """How long the check took."""
    remote: bool = False
    """Whether ``details`` came from another service rather than from this app."""

    @property
    def ok(self) -> bool:
        """Whether it counts as a success for thresholds: UP or DEGRADED."""
        return self.status in WELL

    def timed(self, *, at: float, seconds: float) -> "Result":
        """Return the same answer with its clock readings."""
        return Result(self.status, self.reason, self.details, at, seconds, self.remote)


_UP = Result(Status.UP)
"""What nearly every check says nearly every time."""


def down(reason: str, **details: object) -> Result:
    """Return DOWN with a reason of bounded length."""
    return Result(Status.DOWN, reason[:REASON_LIMIT], details)


def failed(error: BaseException) -> Result:
    """Return what an exception in a check means: DOWN, with the exception's type and text as the reason."""
    text = str(error)
    return down(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def interpret(value: object, *, strict: bool = True) -> Result:
    """Return what a check's return value means.

    =============================================  ==========================================
    returned                                       means
    =============================================  ==========================================
    a `Result` or `Status`, or a status's name     itself
    True, False, a number, None, whatever has a    UP or DOWN
    truth of its own
    ``(any of these, detail)``                     the first, with a detail
    ``{"status": "DOWN", ...}``                    that status, with details
    anything else                                  DOWN: nobody can say what is meant
    =============================================  ==========================================

    Not ``strict``, for version 1's functions: what isn't one of the first three is UP if it is truthy.
    """
    try:
        return _understood(value, strict=strict)
    except Exception as error:  # noqa: BLE001 - __bool__ is foreign code (numpy arrays raise there)
        return failed(error)


def _understood(value: object, *, strict: bool) -> Result:
    match value:
        case Result():
            return value
        case tuple((verdict, detail)) if (status := _verdict(verdict)) is not None:
            return _with_detail(status, detail)
        case {"status": verdict, **rest} if strict and (status := _verdict(verdict)) is not None:
            return _with_detail(status, rest or None)
    if not strict and not isinstance(value, Status):
        return Result(Status.UP) if value else down("the check returned " + _shown(value))
    status = _verdict(value)
    if status is None:
        return down(f"the check returned {_shown(value)}; return True, False, (ok, detail), a Status or a Result")
    return Result(status) if status is not Status.DOWN else down("the check returned " + _shown(value))


def _verdict(value: object) -> Status | None:
    """Return what ``value`` says by itself; None if it says nothing of the kind."""
    if isinstance(value, str):
        return Status(value) if value in _NAMES else None
    if value is None:
        return Status.DOWN
    return (Status.UP if value else Status.DOWN) if hasattr(type(value), "__bool__") else None


def _with_detail(status: Status, detail: object) -> Result:
    details = dict(detail) if isinstance(detail, Mapping) else ({} if detail is None else {"detail": detail})
    reason = None if status is Status.UP or detail is None else _shown(detail)
    return Result(status, reason, details)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text[:REASON_LIMIT]


def call(function: Callable[[], object], *, strict: bool = True) -> Result:
    """Call a check and return what it says; an exception, even SystemExit, is DOWN.

    ``strict`` is `interpret`'s.

    An awaitable is awaited: on a loop of its own, in another thread if this one has a loop running already.
    """
    try:
        value = function()
        if value is True:
            return _UP
        if inspect.isawaitable(value):
            value = _wait_for(value)
        return interpret(value, strict=strict)
    except Exception as error:  # noqa: BLE001 - whatever a check raises means DOWN, never a 500
        return failed(error)
    except SystemExit as error:
        return failed(error)


def _wait_for(awaitable: Awaitable[object]) -> object:
    import asyncio

    async def main() -> object:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(call(lambda: asyncio.run(main()))), daemon=True)
    thread.start()
    thread.join()
    return answer[0]
