"""Components and the whole: pure functions from results to statuses and JSON-ready objects."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_management_endpoints.checks.outcome import WORST_FIRST, Result, Status, worst
from flask_management_endpoints.raw import Raw

MAX_DETAILS = 16 * 1024
MAX_SAFE_TEXT = 200
MAX_SAFE_DEPTH = 5
MAX_SAFE_ITEMS = 64
_HIDDEN = re.compile(
    r"pass|pwd|secret|token|credential|key|private|auth|cookie|session|dsn|conn|cert|salt|signature|error|exception|trace|stack|command|machine",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Component:
    """One line of ``/health``."""

    name: str
    result: Result
    required: bool = True
    counted: bool = True
    """False for a dependency that wasn't asked because another service asks (see ``dependencies.hops``)."""
    age: float | None = None
    """Seconds since the answer came, for answers that are used again."""

    @property
    def weight(self) -> Status:
        """What it contributes to the whole: an optional component never more than DEGRADED."""
        status = self.result.status
        return status if self.required or status is Status.UP else Status.DEGRADED


def overall(components: Iterable[Component], order: Sequence[Status] = WORST_FIRST) -> Status:
    """Return the status of the whole: the worst of what counts, by ``order``, which begins with the worst."""
    return worst((component.weight for component in components if component.counted), order)


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
    components: Iterable[Component], status: Status, show: str, order: Sequence[Status] = WORST_FIRST
) -> dict[str, Any]:
    """Return the body of ``/health``."""
    return {
        "components": {name: _entry(component, show) for name, component in by_name(components, order).items()},
        "status": status.value,
    }


def _entry(component: Component, show: str) -> dict[str, Any]:
    result = component.result
    entry = _details(result, show)
    if show == "always" and result.reason:
        entry.setdefault("reason", result.reason)
    if component.age is not None:
        entry["ageSeconds"] = round(component.age, 1)
    entry.pop("status", None)
    entry["status"] = result.status.value
    return entry


def _details(result: Result, show: str) -> dict[str, Any]:
    if show == "never" or (show == "safe" and not result.remote):
        return {}
    shown = dict(result.details) if show == "always" else _safe(result.details, 0)
    try:
        text = json.dumps(shown, default=str)
    except (ValueError, TypeError, RecursionError):
        return {}
    if len(text) > MAX_DETAILS:
        return {"truncated": True}
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def _safe(value: Raw, depth: int) -> Raw:
    """Return what of another service's JSON may be shown to anybody.

    Nothing that is called, or looks, like a secret; nothing big.
    """
    if isinstance(value, Mapping):
        items = [(key, item) for key, item in value.items() if isinstance(key, str) and not _HIDDEN.search(key)][
            :MAX_SAFE_ITEMS
        ]
        return {key: _safe(item, depth + 1) for key, item in items if depth < MAX_SAFE_DEPTH and _presentable(item)}
    if isinstance(value, list):
        return [
            _safe(item, depth + 1) for item in value[:MAX_SAFE_ITEMS] if depth < MAX_SAFE_DEPTH and _presentable(item)
        ]
    return value


def _presentable(value: Raw) -> bool:
    return not isinstance(value, str) or (len(value) <= MAX_SAFE_TEXT and "@" not in value)


def with_age(component: Component, now: float) -> Component:
    """Return ``component`` with the age of its answer."""
    return replace(component, age=max(0.0, now - component.result.at))
