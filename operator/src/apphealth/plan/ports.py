"""Which port a probe asks: the first rung that answers, with its reason.

explicit setting > annotation > the container port that a Service targets > a container port with a telling name > the
only container port > the framework's own settings in env, command and args > the preset's default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apphealth.model.raw import MAX_PORT
from apphealth.model.service import Service, ServicePort
from apphealth.model.workload import Container, ContainerPort
from apphealth.plan.layers import Sourced

TELLING_NAMES = ("http", "web", "management")
"""Port names that say HTTP, the best first."""
HTTPS_PORTS = frozenset({443, 8443})
PORT_VARIABLES = ("PORT", "FLASK_RUN_PORT")
"""Variables that hold just the port: the twelve-factor convention, and Flask's own."""

_BIND = re.compile(r"(?:^|\s)(?:-b|--bind)(?:=|\s+)\S{0,255}?:(\d{1,5})(?!\S)")
_PORT_OPTION = re.compile(r"(?:^|\s)--port(?:=|\s+)(\d{1,5})(?!\S)")
_LAST_NUMBER = re.compile(r":(\d{1,5})/?$")


@dataclass(frozen=True, slots=True)
class ResolvedPort:
    """The port that a probe asks."""

    port: int | str
    """As the probe refers to it: by name where it has one."""
    source: str
    number: int = 0
    """The number, 0 where it is not known."""
    https: bool = False
    app_protocol: str = ""


@dataclass(frozen=True, slots=True)
class PortProblem:
    """Why there is no port to ask."""

    message: str
    fix: str


def targets(service: Service, port: ServicePort, container: Container, *, alone: bool) -> ContainerPort | None:
    """Return the port of this container that a Service's port leads to.

    `alone`: the container is the only one of its pod, so a numeric target that nobody declares is its.
    """
    if port.protocol != "TCP":
        return None
    for candidate in container.ports:
        if port.target in (candidate.number, candidate.name) and candidate.protocol == "TCP":
            return candidate
    undeclared = alone and isinstance(port.target, int) and not container.ports and bool(service.selector)
    return ContainerPort(int(port.target), "", "TCP") if undeclared else None


def resolve_port(
    explicit: Sourced | None,
    container: Container,
    services: Sequence[Service],
    default: Sourced | None,
    *,
    alone: bool,
) -> ResolvedPort | PortProblem:
    """Resolve the port of a container that a probe should ask.

    Parameters
    ----------
    explicit
        A number or name that a user gave, written as it stands.
    services
        The Services that select the pods.
    default
        The preset's own port, the last resort.
    alone
        The container is the only one of its pod.
    """
    if explicit is not None:
        return _explicit(explicit, container)
    found = _served(container, services, alone=alone) or _declared(container) or _configured(container)
    if found is not None:
        return found
    if default is not None:
        return ResolvedPort(default.value, default.source, default.value, default.value in HTTPS_PORTS)
    if container.ports:
        listed = ", ".join(f"{port.name or port.number}/{port.protocol}" for port in container.ports)
        return PortProblem(f"none of the ports {listed} can be told to be the one to ask", _FIX)
    return PortProblem("no port is declared and no Service leads to the container", _FIX)


_FIX = "set probes.*.port, or the annotation apphealth.dev/port on the pod template"


def _explicit(explicit: Sourced, container: Container) -> ResolvedPort | PortProblem:
    port = explicit.value
    declared = next((p for p in container.ports if port in (p.number, p.name)), None)
    if declared is not None and declared.protocol != "TCP":
        return PortProblem(
            f"port {port} ({explicit.source}) is {declared.protocol}; a probe can only ask over TCP", "name a TCP port"
        )
    if declared is None and isinstance(port, str):
        names = ", ".join(p.name for p in container.ports if p.name) or "none"
        return PortProblem(
            f"port '{port}' ({explicit.source}) is not among the container's named ports ({names})",
            "name one of them, give the number, or declare the port in the container",
        )
    if isinstance(port, int) and not 1 <= port <= MAX_PORT:
        return PortProblem(f"port {port} ({explicit.source}) is not from 1 to {MAX_PORT}", "give a port's number")
    number = declared.number if declared else int(port)
    return ResolvedPort(port, explicit.source, number, _https(number, declared.name if declared else "", ""))


def _served(container: Container, services: Sequence[Service], *, alone: bool) -> ResolvedPort | None:
    found = [
        (_preference(port, target), service, port, target)
        for service in services
        for port in service.ports
        if (target := targets(service, port, container, alone=alone)) is not None
    ]
    if not found:
        return None
    _, service, port, target = min(found, key=lambda item: item[0])
    return ResolvedPort(
        target.name or target.number,
        f"Service {service.name} leads to it",
        target.number,
        _https(target.number, target.name, port.app_protocol),
        port.app_protocol,
    )


def _preference(port: ServicePort, target: ContainerPort) -> tuple[bool, int, int]:
    names = [TELLING_NAMES.index(name) for name in (target.name, port.name) if name in TELLING_NAMES]
    return (not port.app_protocol.startswith("http"), min(names, default=len(TELLING_NAMES)), target.number)


def _declared(container: Container) -> ResolvedPort | None:
    tcp = [port for port in container.ports if port.protocol == "TCP"]
    for name in TELLING_NAMES:
        for port in tcp:
            if port.name == name:
                secure = _https(port.number, name, "")
                return ResolvedPort(name, f"the container's port is named {name}", port.number, secure)
    if len(tcp) == 1:
        port = tcp[0]
        secure = _https(port.number, port.name, "")
        return ResolvedPort(port.name or port.number, "the container's only port", port.number, secure)
    return None


def _configured(container: Container) -> ResolvedPort | None:
    """Read the port from the settings that the server itself reads; only where no port is declared."""
    if container.ports:
        return None
    env = {variable.name: variable.value for variable in container.env}
    for name in PORT_VARIABLES:
        if (found := _numbered(env.get(name, ""), f"env {name}")) is not None:
            return found
    if last := _LAST_NUMBER.search(env.get("ASPNETCORE_URLS", "").split(";")[0].strip()):
        return _numbered(last[1], "env ASPNETCORE_URLS")
    command = " ".join((*container.command, *container.args))[:4096]
    for text, source in ((command, "the command line"), (env.get("GUNICORN_CMD_ARGS", ""), "env GUNICORN_CMD_ARGS")):
        if option := _BIND.search(text) or _PORT_OPTION.search(text):
            return _numbered(option[1], source)
    return None


def _numbered(text: str, source: str) -> ResolvedPort | None:
    number = _port_number(text)
    return None if number is None else ResolvedPort(number, source, number, number in HTTPS_PORTS)


def _port_number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= MAX_PORT else None


def _https(number: int, name: str, app_protocol: str) -> bool:
    return app_protocol == "https" or name == "https" or (not app_protocol and number in HTTPS_PORTS)
