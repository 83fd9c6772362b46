"""The fields of a probe with the names that rules and HealthPlans use."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.api.spec import ProbeType
from apphealth.model.probe import Exec, Grpc, HttpGet, Probe, TcpSocket

MAX_COMMAND = 200
"""The number of characters of a command that are shown."""


def fields_of(probe: Probe) -> Iterator[tuple[str, str]]:
    """Yield the name and value of every field of a probe."""
    yield from _handler(probe)
    yield "initialDelaySeconds", str(probe.initial_delay)
    yield "periodSeconds", str(probe.period)
    yield "timeoutSeconds", str(probe.timeout)
    yield "successThreshold", str(probe.success_threshold)
    yield "failureThreshold", str(probe.failure_threshold)
    if probe.grace_period is not None:
        yield "terminationGracePeriodSeconds", str(probe.grace_period)


def _handler(probe: Probe) -> Iterator[tuple[str, str]]:
    match probe.handler:
        case HttpGet() as http:
            yield "type", ProbeType.HTTP.value
            yield "path", http.path
            yield "port", str(http.port)
            yield "scheme", http.scheme
            yield "headers", ", ".join(f"{name}: {value}" for name, value in http.headers) or "none"
            if http.host:
                yield "host", http.host
        case TcpSocket() as tcp:
            yield "type", ProbeType.TCP.value
            yield "port", str(tcp.port)
            if tcp.host:
                yield "host", tcp.host
        case Grpc() as grpc:
            yield "type", ProbeType.GRPC.value
            yield "port", str(grpc.port)
            yield "service", grpc.service
        case Exec() as command:
            yield "type", ProbeType.EXEC.value
            yield "command", " ".join(command.command)[:MAX_COMMAND]
        case None:
            yield "type", "unknown"
