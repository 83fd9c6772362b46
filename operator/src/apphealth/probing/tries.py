"""The result of one request to one pod."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from apphealth.model.probe import ProbeKind

MAX_BODY = 64 * 1024
"""Most bytes of an answer that are read; what sends more is no health endpoint."""

START_ALLOWANCE = 300.0
"""Seconds after its start in which a container that refuses connections may still be starting."""
NOWHERE = f"apphealth-{secrets.token_hex(8)}"
"""A path that no application serves: it is random."""


class Outcome(StrEnum):
    """What the result of one request means for the question."""

    GOOD = "good"
    """The pod answered as the probe requires."""
    BAD = "bad"
    """The pod answered otherwise."""
    STARTING = "starting"
    """The pod refuses connections or says that it is unavailable, which a pod does that has just started."""
    UNREACHED = "unreached"
    """No connection, and none refused."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """No answer that counts yet: ask again later."""

    answer: str
    """Why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What one try of one pod came to.

    Attributes
    ----------
    outcome
        What it means.
    detail
        What came back, in a few words of ours.
    gone
        The application answers, and has no such endpoint: a status such as 404, another protocol.
    seconds
        How long a good answer took.
    endpoints
        The paths that an index named.
    """

    outcome: Outcome
    detail: str
    gone: bool = False
    seconds: float = 0.0
    endpoints: tuple[tuple[ProbeKind, str], ...] = ()


class NoAnswerError(Exception):
    """There is no answer to judge.

    Attributes
    ----------
    outcome
        What that means.
    detail
        What happened, in a few words of ours.
    gone
        The application answers, and speaks another protocol.
    late
        Nothing else is wrong than the time that it takes.
    """

    def __init__(self, outcome: Outcome, detail: str, *, gone: bool = False, late: bool = False) -> None:
        self.outcome = outcome
        self.detail = detail
        self.gone = gone
        self.late = late
        super().__init__(detail)


def printable(text: str, limit: int = 200) -> str:
    """Return text of unknown origin in one line that can be shown anywhere; what can't be printed becomes `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:limit])
