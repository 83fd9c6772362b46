"""Components and the whole: pure functions from results to statuses and JSON-ready objects."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from flask_management_endpoints.checks.outcome import WORST_FIRST, Result, Status, worst

MAX_DETAILS = 16 * 1024


class Component(NamedTuple):
    """One line of ``/health``."""

    name: str
    result: Result
    required: bool = True
    counted: bool = True
    """False for a dependency that wasn't asked because another service asks (see ``dependencies.hops``)."""
    question: str = ""
    """What it was asked about, where one name is asked about several things."""
    age: float | None = None
    """Seconds since the answer came, for answers that are used again."""

    @property
    def weight(self) -> Status:
        """What it contributes to the whole: an optional component never more than DEGRADED."""
        status = self.result.status
        return status if self.required or status is Status.UP else Status.DEGRADED


def overall(components: Iterable[Component], order: Sequence[Status] = WORST_FIRST) -> Status:
    """Return the status of the whole: the worst of what counts, by ``order``, which begins with the worst."""
    weights = [component.weight for component in components if component.counted]
    return Status.UP if weights.count(Status.UP) == len(weights) else worst(weights, order)


def well(components: Iterable[Component]) -> bool:
    """Return whether all that counts is UP or DEGRADED: what probes say, in whatever order statuses stand."""
    return all(component.weight.ok for component in components if component.counted)


def by_name(components: Iterable[Component], order: Sequence[Status] = WORST_FIRST) -> dict[str, Component]:
    """Return one component a name, in the order of first sight.

    Two of one name become the worse one, so that none hides the other.
    """
    found: dict[str, Component] = {}
    for component in components:
        other = found.get(component.name)
        if other is None or order.index(component.weight) < order.index(other.weight):
            found[component.name] = component
    return found


def document(
    components: Iterable[Component],
    status: Status,
    show: str,
    order: Sequence[Status] = WORST_FIRST,
    *,
    durations: bool = False,
) -> dict[str, Any]:
    """Return the body of ``/health``."""
    return {
        "components": {
            name: entry(component, show, durations=durations) for name, component in by_name(components, order).items()
        },
        "status": status.value,
    }


def entry(component: Component, show: str, *, durations: bool = False) -> dict[str, Any]:
    """Return what ``/health`` says of one component."""
    result = component.result
    shown = _details(result, show)
    if show == "always" and result.reason:
        shown.setdefault("reason", result.reason)
    if component.age is not None:
        shown["ageSeconds"] = round(component.age, 1)
    if durations and result.at:
        shown["durationMs"] = round(result.seconds * 1000, 1)
    shown.pop("status", None)
    shown["status"] = result.status.value
    return shown


def _details(result: Result, show: str) -> dict[str, Any]:
    if show == "never" or (show == "safe" and not result.remote):
        return {}
    if show == "always":
        shown = dict(result.details)
    else:
        from flask_management_endpoints.scrub import scrubbed  # 3 ms to import, for apps with dependencies only

        shown = scrubbed(result.details)
    try:
        text = json.dumps(shown, default=str)
    except (ValueError, TypeError, RecursionError):
        return {}
    if len(text) > MAX_DETAILS:
        return {"truncated": True}
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def with_age(component: Component, now: float) -> Component:
    """Return ``component`` with the age of its answer."""
    return component._replace(age=max(0.0, now - component.result.at))
