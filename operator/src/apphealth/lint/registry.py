"""All lint checks."""

from __future__ import annotations

from difflib import get_close_matches

from apphealth.lint.check import Check
from apphealth.lint.checks import (
    cascade,
    commands,
    fields,
    graph,
    liveness,
    missing,
    ports,
    services,
    shape,
    startup,
    user_input,
    worthless,
)
from apphealth.plan.findings import CONTAINER_MISSING, PORT_UNRESOLVED

ALL: dict[str, Check] = {
    check.id: check
    for family in (
        missing,
        liveness,
        worthless,
        cascade,
        startup,
        ports,
        services,
        shape,
        commands,
        fields,
        graph,
        user_input,
    )
    for check in family.CHECKS
}
"""The checks by id, in the order in which they are run and listed."""
WORKLOAD = tuple(check for check in ALL.values() if check.workload is not None)
FROM_PLAN = frozenset({check.id for check in user_input.CHECKS} | {PORT_UNRESOLVED.id}) - {CONTAINER_MISSING.id}
"""The ids of the plan's findings that lint reports too: mistakes in rules and annotations. Containers that a rule names
in vain aren't among them: no single plan can tell whether another workload of the rule has the container."""
SERVICE = tuple(check for check in ALL.values() if check.service is not None)


def nearest(name: str) -> str:
    """Return a hint for an unknown id: the most similar check, or all of them."""
    close = get_close_matches(name, ALL, n=1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(ALL)}"
