"""The impact of a failing Service as text, and the Service that `--impact` names."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.output import clean
from apphealth.model.service import ServiceKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.impact import Impact

PREFIXES = ("svc/", "service/", "services/")


def find_service(given: str, namespace: str, graph: Graph) -> ServiceKey:
    """Find the Service that the user names.

    Parameters
    ----------
    given
        `svc/users-api`, or `svc/users-api.shop` with its namespace.
    namespace
        The namespace that is searched first if the name has none.
    graph
        The Services to search.

    Raises
    ------
    CommandError
        There is no such Service; the message names the most similar one.
    """
    prefix = next((prefix for prefix in PREFIXES if given.startswith(prefix)), "")
    name, _, elsewhere = given.removeprefix(prefix).partition(".")
    if elsewhere or (key := ServiceKey(namespace, name)) in graph.services:
        key = ServiceKey(elsewhere or namespace, name)
    else:
        named = [candidate for candidate in graph.services if candidate.name == name]
        key = named[0] if len(named) == 1 else key
    if key in graph.services:
        return key
    near = get_close_matches(key.name, {candidate.name for candidate in graph.services}, n=1, cutoff=0.5)
    hints = [f"svc/{candidate.name}.{candidate.namespace}" for candidate in graph.services if candidate.name in near]
    hint = f"did you mean {' or '.join(hints[:3])}?" if hints else f"there are {len(graph.services)} others"
    raise CommandError(clean(f"--impact: there is no Service {key} in the input; {hint}"), ExitCode.INPUT)


def impact_text(found: Impact) -> str:
    """Return an impact as text."""
    return "".join(f"{clean(line)}\n" for line in _lines(found))


def _lines(found: Impact) -> Iterator[str]:
    yield f"if Service {found.service} fails"
    for one in found.unready:
        yield f"  unready within {one.seconds} s: {one.workload}, which requires {one.through}"
    for service, seconds in sorted(found.failing.items()):
        yield f"  fails within {seconds} s: Service {service}, with no ready workload behind it"
    for one in found.degraded:
        yield f"  degraded, and stays in rotation: {one.workload}, by {one.through}"
    if not (found.unready or found.degraded):
        yield "  no workload is known to need it"
