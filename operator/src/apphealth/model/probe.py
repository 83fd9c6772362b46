"""A probe as Kubernetes defines it, with the API server's defaults filled in, so that equal probes compare equal.

The defaults are those of `SetDefaults_Probe` and `SetDefaults_HTTPGetAction` in k8s.io/kubernetes pkg/apis/core/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from apphealth.model import raw


class ProbeKind(StrEnum):
    """The three probes of a container."""

    LIVENESS = "liveness"
    READINESS = "readiness"
    STARTUP = "startup"

    @property
    def field(self) -> str:
        """The name of the container's field: `livenessProbe`."""
        return f"{self}Probe"


KINDS = tuple(ProbeKind)


@dataclass(frozen=True, slots=True)
class HttpGet:
    """An HTTP GET: 200-399 after redirects to the same host is success.

    `port` is a number or the name of a container port.
    """

    port: int | str
    path: str = "/"
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()
    host: str = ""


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """Ask by opening a connection."""

    port: int | str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Grpc:
    """Ask by the gRPC health protocol. The port is a number, never a name."""

    port: int
    service: str = ""


@dataclass(frozen=True, slots=True)
class Exec:
    """Ask by a command in the container; exit code 0 is success."""

    command: tuple[str, ...]


Handler = HttpGet | TcpSocket | Grpc | Exec
HANDLER_FIELDS = ("exec", "grpc", "httpGet", "tcpSocket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A complete probe. Times are seconds; the defaults are the API server's."""

    handler: Handler | None
    initial_delay: int = 0
    timeout: int = 1
    period: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    grace_period: int | None = None

    @property
    def gives_up_after(self) -> int:
        """Seconds of failures in a row after which the kubelet acts."""
        return self.period * self.failure_threshold


@lru_cache(maxsize=8192)
def interned(probe: Probe) -> Probe:
    """Return one shared object for equal probes: thousands of workloads carry the same few."""
    return probe


def parse_probe(value: object) -> Probe | None:
    """Return the probe of a container's field, or None if there is none."""
    if not isinstance(value, Mapping):
        return None
    grace = value.get("terminationGracePeriodSeconds")
    return interned(
        Probe(
            handler=_parse_handler(value),
            initial_delay=raw.number(value.get("initialDelaySeconds")),
            timeout=raw.number(value.get("timeoutSeconds")) or 1,
            period=raw.number(value.get("periodSeconds")) or 10,
            success_threshold=raw.number(value.get("successThreshold")) or 1,
            failure_threshold=raw.number(value.get("failureThreshold")) or 3,
            grace_period=grace if isinstance(grace, int) and not isinstance(grace, bool) else None,
        )
    )


def _parse_handler(value: Mapping[str, Any]) -> Handler | None:
    if isinstance(http := value.get("httpGet"), Mapping):
        headers = tuple((raw.text(h.get("name")), raw.text(h.get("value"))) for h in raw.items(http.get("httpHeaders")))
        return HttpGet(
            port=_port(http.get("port")),
            path=raw.text(http.get("path")) or "/",
            scheme=raw.text(http.get("scheme")) or "HTTP",
            headers=headers,
            host=raw.text(http.get("host")),
        )
    if isinstance(tcp := value.get("tcpSocket"), Mapping):
        return TcpSocket(port=_port(tcp.get("port")), host=raw.text(tcp.get("host")))
    if isinstance(grpc := value.get("grpc"), Mapping):
        return Grpc(port=raw.number(grpc.get("port")), service=raw.text(grpc.get("service")))
    if isinstance(command := value.get("exec"), Mapping):
        return Exec(command=raw.texts(command.get("command")))
    return None


def _port(value: object) -> int | str:
    return raw.text(value) if isinstance(value, str) else raw.number(value)


def serialise_probe(probe: Probe) -> dict[str, Any]:
    """Return a probe exactly as the API server shows it: with its defaults, without the fields that it omits."""
    numbers = {
        "initialDelaySeconds": probe.initial_delay or None,
        "timeoutSeconds": probe.timeout,
        "periodSeconds": probe.period,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
        "terminationGracePeriodSeconds": probe.grace_period,
    }
    return _serialise_handler(probe.handler) | {key: value for key, value in numbers.items() if value is not None}


def _serialise_handler(handler: Handler | None) -> dict[str, Any]:
    match handler:
        case HttpGet():
            http: dict[str, Any] = {"path": handler.path, "port": handler.port, "scheme": handler.scheme}
            if handler.host:
                http["host"] = handler.host
            if handler.headers:
                http["httpHeaders"] = [{"name": name, "value": value} for name, value in handler.headers]
            return {"httpGet": http}
        case TcpSocket():
            return {"tcpSocket": {"port": handler.port} | ({"host": handler.host} if handler.host else {})}
        case Grpc():
            return {"grpc": {"port": handler.port, "service": handler.service}}
        case Exec():
            return {"exec": {"command": list(handler.command)} if handler.command else {}}
        case None:
            return {}


def describe_probe(probe: Probe) -> str:
    """Return a probe in one line, as `kubectl describe` does: `http-get http://:3000/health delay=10s ...`."""
    numbers = (
        f"delay={probe.initial_delay}s timeout={probe.timeout}s period={probe.period}s "
        f"#success={probe.success_threshold} #failure={probe.failure_threshold}"
    )
    return f"{describe_handler(probe.handler)} {numbers}"


def describe_handler(handler: Handler | None) -> str:
    """Return a handler in one line, as `kubectl describe` does; `unknown` if there is none."""
    match handler:
        case HttpGet():
            return f"http-get {handler.scheme.lower()}://{handler.host}:{handler.port}{handler.path}"
        case TcpSocket():
            return f"tcp-socket {handler.host}:{handler.port}"
        case Grpc():
            return f"grpc <pod>:{handler.port} {handler.service}"
        case Exec():
            return f"exec [{' '.join(handler.command)}]"
        case None:
            return "unknown"
