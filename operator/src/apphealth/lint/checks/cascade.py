"""Liveness probes that follow the health of other services."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.subject import RawContainer, Subject
from apphealth.model.probe import HttpGet, ProbeKind
from apphealth.model.workload import DOMAIN, Container
from apphealth.plan import findings
from apphealth.plan.findings import Severity

_READY = frozenset({"ready", "readyz", "readiness", "readiness-check"})
"""Last parts of the paths of readiness endpoints."""
_AGGREGATES = {
    "/actuator/health": "Spring Boot's aggregate of all its health indicators",
    "/q/health": "Quarkus' aggregate of all its checks",
    "/z/health": "flask_management_endpoints' aggregate of all checks and dependencies",
    "/ht": "django-health-check's page, which runs every check",
}
_FRAMEWORKS = {
    "MICRONAUT_": "Micronaut's aggregate of all its health indicators",
    "ASPNETCORE_": "ASP.NET's aggregate of all its health checks",
    "DOTNET_": "ASP.NET's aggregate of all its health checks",
    "SPRING_": "an aggregate of Spring's health indicators",
    "MP_": "MicroProfile's aggregate of all its checks",
}
"""Frameworks whose `/health` runs every check, by the prefix of their variables."""
_PREFIX = "APPHEALTH_PREFIX"


def _depends(subject: Subject) -> Iterator[Hit]:
    for container in subject.probed:
        liveness = container.probes.get(ProbeKind.LIVENESS)
        if liveness is None or not isinstance(liveness.probe.handler, HttpGet):
            continue
        path = liveness.probe.handler.path
        what = _known(path, container, subject)
        sure = what != ""
        if not sure and _stem(path) == "/health" and not subject.wants(container.name, liveness):
            what = "in many frameworks the aggregate of all checks; if here too,"
        if what:
            colon = ":" if sure else ""
            yield Hit(
                message=f"liveness asks {path[:120]}, which is {what}{colon} one failed dependency restarts every pod",
                fix="ask an endpoint that looks at the process alone, such as .../liveness or /livez",
                path=liveness.at("httpGet", "path"),
                container=container.name,
                severity=None if sure else Severity.INFO,
            )


def _stem(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def _known(path: str, container: RawContainer, subject: Subject) -> str:
    stem = _stem(path)
    if stem.rpartition("/")[2].lower() in _READY:
        return "the endpoint of readiness"
    for end, what in _AGGREGATES.items():
        if stem == end or (end != "/ht" and stem.endswith(end)):
            return what
    model = container.model
    if model is None:
        return ""
    if stem in {f"{prefix}/health" for prefix in _prefixes(model, subject)}:
        return _AGGREGATES["/z/health"]
    if stem == "/health":
        for variable, what in _FRAMEWORKS.items():
            if any(env.name.startswith(variable) for env in model.env):
                return what
    return ""


def _prefixes(model: Container, subject: Subject) -> Iterator[str]:
    """Yield the path prefixes of flask_management_endpoints that the container's settings give."""
    for env in model.env:
        if env.name == _PREFIX:
            yield _stem(env.value)
    prefix = subject.workload.pod_annotations.get(f"{DOMAIN}path-prefix")
    if prefix:
        yield _stem(prefix)


CHECKS = (
    Check(
        kind=findings.LIVENESS_CHECKS_DEPENDENCY,
        title="Liveness follows the health of other services",
        why="One dead database then restarts every pod of every application that uses it, over and over, and keeps them"
        " from recovering when it is back.",
        remedy="Let liveness look at the process alone. Reported are endpoints of readiness, and aggregates that run"
        " every check; a plain /health of an unknown application is only for information.",
        sources=(
            "https://docs.spring.io/spring-boot/reference/actuator/endpoints.html#actuator.endpoints.kubernetes-probes",
            "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
        ),
        workload=_depends,
    ),
)
