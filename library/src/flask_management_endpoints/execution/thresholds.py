"""When an answer is believed: consecutive failures and successes, as pure functions on a small value."""

from dataclasses import replace
from typing import NamedTuple

from flask_management_endpoints.checks.definition import Policy
from flask_management_endpoints.checks.outcome import Result


class Standing(NamedTuple):
    """What a check is reported as, and how many answers in a row have said otherwise."""

    reported: Result | None = None
    streak: int = 0


def step(standing: Standing, answer: Result, policy: Policy) -> Standing:
    """Return the standing after ``answer``.

    ========================  =====================  =================================
    reported                  answer                 reported next
    ========================  =====================  =================================
    nothing yet               any                    the answer
    good (bad)                good (bad)             the answer
    good                      bad, threshold met     the answer
    good                      bad, not yet           still good, with the new time
    bad                       good, threshold met    the answer
    bad                       good, not yet          still bad, with the new time
    ========================  =====================  =================================
    """
    reported = standing.reported
    if reported is None or reported.ok == answer.ok:
        return Standing(answer)
    streak = standing.streak + 1
    threshold = policy.failure_threshold if reported.ok else policy.success_threshold
    if streak >= threshold:
        return Standing(answer)
    return Standing(replace(reported, at=answer.at), streak)
