"""Wrong ports of probes."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.subject import RawContainer, RawProbe, Subject
from apphealth.model import raw
from apphealth.model.probe import Grpc, HttpGet
from apphealth.plan import findings
from apphealth.plan.findings import Severity
from apphealth.plan.probes.ports import targets

_PORTS = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports"


def _asked(subject: Subject) -> Iterator[tuple[RawContainer, RawProbe]]:
    """Yield the probes that have a port."""
    for container in subject.containers:
        for probe in container.probes.values():
            if container.model is not None and len(probe.handlers) == 1 and probe.port:
                yield container, probe


def _place(probe: RawProbe) -> tuple[str | int, ...]:
    return probe.at(probe.handlers[0], "port")


def _unresolved(subject: Subject) -> Iterator[Hit]:
    for container, probe in _asked(subject):
        if isinstance(probe.port, str) and container.port(probe.port) is None:
            model = container.model
            names = ", ".join(port.name for port in (model.ports if model else ()) if port.name) or "none"
            other = next((c.name for c in subject.containers if c is not container and c.port(probe.port)), "")
            hint = f"; it is a port of the container {other}" if other else ""
            yield Hit(
                message=f"{probe.kind} asks the port '{probe.port[:40]}', which the container does not name"
                f" (named ports: {names}){hint}",
                fix="name one of them, give the number, or declare the port under this name",
                path=_place(probe),
                container=container.name,
            )


def _undeclared(subject: Subject) -> Iterator[Hit]:
    for container, probe in _asked(subject):
        if not isinstance(probe.port, int) or container.port(probe.port) is not None:
            continue
        other = next((c.name for c in subject.containers if c is not container and c.port(probe.port)), "")
        declared = container.model.ports if container.model else ()
        if (not declared and not other) or subject.wants(container.name, probe):
            continue
        listed = ", ".join(str(port.number) for port in declared) or "none"
        hint = f"; the container {other} declares it" if other else ""
        yield Hit(
            message=f"{probe.kind} asks the port {probe.port}, which the container does not declare"
            f" (declared: {listed}){hint}",
            fix="ask a declared port, or declare this one under ports",
            path=_place(probe),
            container=container.name,
            severity=Severity.WARNING if other else None,
        )


def _number(subject: Subject) -> Iterator[Hit]:
    for container, probe in _asked(subject):
        if not isinstance(probe.port, int) or isinstance(probe.probe.handler, Grpc):
            continue
        declared = container.port(probe.port)
        if declared is not None and declared.name and declared.protocol == "TCP":
            yield Hit(
                message=f"{probe.kind} asks the port {probe.port} by its number, and it has the name {declared.name}",
                fix=f"write port: {declared.name}, so that the number is in one place",
                path=_place(probe),
                container=container.name,
            )


def _mismatch(subject: Subject) -> Iterator[Hit]:
    for container, probe in _asked(subject):
        declared = container.port(probe.port)
        if declared is None:
            continue
        if declared.protocol != "TCP":
            yield Hit(
                message=f"{probe.kind} asks the port {probe.port}, which is {declared.protocol}: probes ask over TCP",
                fix="ask a TCP port, or run a command",
                path=_place(probe),
                container=container.name,
            )
        elif isinstance(probe.probe.handler, HttpGet) and (
            sign := _grpc_sign(declared.name, container, probe, subject)
        ):
            yield Hit(
                message=f"{probe.kind} asks over HTTP, and {sign}",
                fix="use grpc: {port: ...} (the server needs the gRPC health service), or tcpSocket",
                path=probe.at("httpGet"),
                container=container.name,
                severity=Severity.WARNING,
            )
        elif isinstance(probe.probe.handler, HttpGet) and _is_plain(probe, declared.name):
            yield Hit(
                message=f"{probe.kind} asks over HTTP a port that is named https",
                fix="write the scheme that the port speaks: scheme: HTTPS, or scheme: HTTP",
                path=probe.at("httpGet"),
                container=container.name,
                severity=Severity.WARNING,
            )


def _grpc_sign(name: str, container: RawContainer, probe: RawProbe, subject: Subject) -> str:
    """Return the sign that a port speaks gRPC, or an empty text."""
    if name == "grpc" or name.startswith("grpc-"):
        return f"the port is named {name}"
    for service in subject.services:
        for port in service.ports:
            if port.app_protocol not in ("grpc", "kubernetes.io/h2c") or container.model is None:
                continue
            target = targets(service, port, container.model, alone=False)
            if target is not None and probe.port in (target.number, target.name):
                return f"the Service {service.name} says appProtocol {port.app_protocol}"
    return ""


def _is_plain(probe: RawProbe, name: str) -> bool:
    """Return whether a probe asks a port named https over HTTP because it has no scheme."""
    return name == "https" and raw.mapping(probe.raw.get("httpGet")).get("scheme") is None


CHECKS = (
    Check(
        kind=findings.PORT_UNRESOLVED,
        title="A probe names a port that its container does not have",
        why="The API server takes it, and the kubelet cannot resolve it: the probe fails every time, so that the pod is"
        " never ready, or restarts forever.",
        remedy="Name a port that is declared under ports of the same container, or give its number.",
        sources=(
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        ),
        workload=_unresolved,
    ),
    Check(
        kind=findings.PORT_UNDECLARED,
        title="A probe asks a port that its container does not declare",
        why="Who reads the manifest can't tell a port for health checks from a slip; the port of another container of"
        " the pod says nothing of this one (a warning).",
        remedy="Declare the port, or ask a declared one. Containers that declare no port at all are not reported,"
        " unless another container of the pod declares the one that is asked.",
        sources=(_PORTS,),
        workload=_undeclared,
    ),
    Check(
        kind=findings.PORT_NUMBER,
        title="A probe gives the number of a port that has a name",
        why="The number is in two places, and one of them is easily forgotten when it changes.",
        remedy="Refer to the port by its name. (A gRPC probe takes numbers only, and is not reported.)",
        sources=(_PORTS,),
        workload=_number,
    ),
    Check(
        kind=findings.PROTOCOL_MISMATCH,
        title="A probe speaks another protocol than its port",
        why="A probe over TCP to a UDP or SCTP port never succeeds (error). An HTTP request to a gRPC server fails"
        " too, and so does HTTP where TLS is spoken (warnings, since they are told by names; a scheme that is written"
        " counts for more than a name).",
        remedy="Use grpc or tcpSocket for gRPC, scheme: HTTPS for TLS, and a TCP port or a command for the rest.",
        sources=("https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#probe-check-methods",),
        workload=_mismatch,
    ),
)
