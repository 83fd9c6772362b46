"""All rules of lint."""

from __future__ import annotations

from difflib import get_close_matches

from apphealth.lint.check import Check
from apphealth.lint.checks import (
    cascade,
    fields,
    graph,
    liveness,
    missing,
    ports,
    said,
    services,
    shape,
    startup,
    worthless,
)

ALL: dict[str, Check] = {
    check.id: check
    for family in (missing, liveness, worthless, cascade, startup, ports, services, shape, fields, graph, said)
    for check in family.CHECKS
}
"""By id, in the order in which they are run and listed."""
WORKLOAD = tuple(check for check in ALL.values() if check.workload is not None)
SAID = frozenset({check.id for check in said.CHECKS} | {"port-unresolved"})
"""What the plan has found is told under these ids."""
SERVICE = tuple(check for check in ALL.values() if check.service is not None)


def nearest(name: str) -> str:
    """Say which rules there are, the most similar first."""
    close = get_close_matches(name, ALL, n=1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(ALL)}"
