"""``status_order`` and ``http_mapping``: which status wins in ``/health``, and which HTTP status says it.

As Spring Boot's ``management.endpoint.health.status.order`` and ``.http-mapping``, with two differences: an order names
every status, and a mapping changes what it names and keeps the rest. Probes and groups don't look at either.
"""

from collections.abc import Mapping

from flask_management_endpoints.checks.outcome import HTTP_STATUSES, WORST_FIRST, Status
from flask_management_endpoints.config.problems import Problem, unknown, wrong
from flask_management_endpoints.raw import Raw

NAMES = tuple(status.value for status in WORST_FIRST)


def read_order(value: Raw, where: str, problems: list[Problem]) -> tuple[Status, ...]:
    """Return the statuses, worst first.

    An order with a mistake counts as absent as a whole: half of one would put the other statuses anywhere.
    """
    if value is None:
        return WORST_FIRST
    found = _order_problems(value, where)
    problems += found
    return WORST_FIRST if found else tuple(Status(name) for name in value)


def _order_problems(value: Raw, where: str) -> list[Problem]:
    if not isinstance(value, list | tuple):
        return [wrong(where, value, f"a list of all statuses, worst first: {list(NAMES)}")]
    strange = [unknown(where, name, NAMES) for name in value if not _known(name)]
    if strange:
        return strange
    twice = [
        Problem(where, f"{name!r} is there more than once; name every status once")
        for name in NAMES
        if value.count(name) > 1
    ]
    missing = [
        Problem(where, f"{name!r} is missing; name every status, worst first, for example {list(NAMES)}")
        for name in NAMES
        if name not in value
    ]
    return [*twice, *missing]


def read_mapping(value: Mapping[Raw, Raw], where: str, problems: list[Problem]) -> Mapping[Status, int]:
    """Return the HTTP status of each status: the default where ``value`` says nothing, or nothing sensible."""
    found = dict(HTTP_STATUSES)
    for name, code in value.items():
        if not _known(name):
            problems.append(unknown(where, name, NAMES))
        elif isinstance(code, bool) or not isinstance(code, int) or not 200 <= code <= 599:
            problems.append(wrong(f"{where}[{str(name)!r}]", code, "an HTTP status, a whole number from 200 to 599"))
        else:
            found[Status(name)] = int(code)
    return found


def _known(name: Raw) -> bool:
    return isinstance(name, str) and name in NAMES
