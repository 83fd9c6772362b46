"""The URL of a dependency: the readiness probe of the workload behind the Service, else its open port.

The probe paths of another namespace are not used unless that namespace shares them: the author of a rule may name any
Service without the right to read its workload. A query string, which may hold a token, is never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apphealth.model.probe import Handler, HttpGet
from apphealth.model.service import Service, ServicePort
from apphealth.model.workload import Container, Workload
from apphealth.plan.dependencies.edges import Edge
from apphealth.plan.facts import Backend, Neighbour, Neighbours
from apphealth.plan.probes.eligibility import alone
from apphealth.plan.probes.ports import targets
from apphealth.plan.result import Dependency


def with_urls(edges: Iterable[Edge], neighbours: Neighbours, namespace: str) -> tuple[Dependency, ...]:
    """Return the dependencies of a workload, with their URLs.

    Parameters
    ----------
    edges
        The Services that it needs.
    neighbours
        The same Services among others, with the workloads behind them.
    namespace
        The workload's namespace.
    """
    found = []
    for edge in edges:
        key = edge.service.key
        neighbour = neighbours.services[key]
        url = url_of(neighbour, edge.port, paths=neighbour.shares_paths or key.namespace == namespace)
        found.append(
            Dependency(
                service=key,
                url=url,
                port=edge.port.number if edge.port else 0,
                required=edge.required,
                confidence=edge.confidence,
                evidence=edge.evidence,
            )
        )
    return tuple(found)


def url_of(neighbour: Neighbour, port: ServicePort | None, *, paths: bool) -> str:
    """Return the URL that checks a Service; empty if no port is known.

    Parameters
    ----------
    neighbour
        The Service, with the workloads behind it.
    port
        The port that the workload uses; preferred for the check. None if it is not known.
    paths
        Whether the URL may hold the path of a probe; if not, the check opens the port.
    """
    service = neighbour.service
    host = f"{service.name}.{service.namespace}.svc"
    for backend in neighbour.backends if paths else ():
        for name, handler in backend.readiness:
            through = _way_in(service, port, name, handler, backend.workload)
            if isinstance(handler, HttpGet) and not handler.host and through is not None:
                return f"{handler.scheme.lower()}://{host}:{through}{_without_query(handler.path)}"
    number = _pod_port(service, port, neighbour.backends) if port is not None else 0
    return f"tcp://{host}:{number}" if number else ""


def _without_query(path: str) -> str:
    return path.partition("?")[0].partition("#")[0]


def _pod_port(service: Service, port: ServicePort, backends: Sequence[Backend]) -> int:
    """Return the port to connect to. The name of a headless Service resolves to its pods, so their own port counts."""
    if not service.headless:
        return port.number
    found = (
        target.number
        for backend in backends
        for container in backend.workload.containers
        if (target := targets(service, port, container, alone=alone(backend.workload))) is not None
    )
    return next(found, port.target if isinstance(port.target, int) else port.number)


def _way_in(service: Service, port: ServicePort | None, name: str, handler: Handler, workload: Workload) -> int | None:
    """Return the port at the Service's name where the container answers its readiness probe, `port` first."""
    container: Container = next(one for one in workload.containers if one.name == name)
    asked = getattr(handler, "port", None)
    lonely = alone(workload)
    for candidate in sorted(service.ports, key=lambda item: item != port):
        target = targets(service, candidate, container, alone=lonely)
        if target is not None and asked in (target.number, target.name or target.number):
            return target.number if service.headless else candidate.number
    return None
