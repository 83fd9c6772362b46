"""Resolve the port that a probe asks: the first of these sources that names one, with the reason.

explicit setting > annotation > the preset's management port, as the container's own settings have it > the container
port that a Service targets > a container port with a name for HTTP > the only container port > the port that env,
command and args name > the preset's default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from apphealth.model.raw import MAX_PORT
from apphealth.model.service import Service, ServicePort
from apphealth.model.workload import Container, ContainerPort
from apphealth.plan.rules.settings import Sourced

TELLING_NAMES = ("http", "web", "management")
"""Port names that mean HTTP, the best first."""
HTTPS_PORTS = frozenset({443, 8443})
OTHER_PROTOCOLS = frozenset({
    *("amqp", "cassandra", "dns", "ftp", "grpc", "imap", "kafka", "ldap", "memcached", "mongo", "mongodb", "mqtt"),
    *("mysql", "nats", "pgsql", "postgres", "postgresql", "redis", "sftp", "smtp", "ssh", "tcp", "thrift", "zookeeper"),
})  # fmt: skip
"""The appProtocols, or port names before their first dash, of ports that don't speak HTTP."""
FOR_OTHERS = frozenset({
    *("metrics", "metric", "prometheus", "prom", "debug", "debugger", "jdwp", "jmx", "pprof", "profiling", "profiler"),
    *("webhook", "webhooks", "peer", "raft", "gossip", "cluster", "admission", "telemetry"),
})  # fmt: skip
"""Words in names that are for others than the application's clients."""
MAX_TEXT = 4096
"""Most characters of a command line or setting that are searched for a port."""
MAX_DIGITS = 5
PORT_VARIABLES = ("PORT", "FLASK_RUN_PORT")
"""Variables that hold just the port: the twelve-factor convention, and Flask's own."""

_BIND = re.compile(r"(?:^|\s)(?:-b|--bind)(?:=|\s+)\S{0,255}?:(\d{1,5})(?!\S)")
_PORT_OPTION = re.compile(r"(?:^|\s)--port(?:=|\s+)(\d{1,5})(?!\S)")
_LAST_NUMBER = re.compile(r":(\d{1,5})/?$")


@dataclass(frozen=True, slots=True)
class ResolvedPort:
    """The port that a probe asks."""

    port: int | str
    """The port as the probe refers to it: by name if it has one."""
    source: str
    number: int = 0
    """The number; 0: not known."""
    https: bool = False
    app_protocol: str = ""
    speaks_http: bool = True
    """False if its name or appProtocol means another protocol."""


@dataclass(frozen=True, slots=True)
class PortProblem:
    """Why there is no port to ask."""

    message: str
    fix: str


def targets(service: Service, port: ServicePort, container: Container, *, alone: bool) -> ContainerPort | None:
    """Return the port of this container that a Service's port leads to.

    `alone`: the container is the only one of its pod, so a numeric target that no container declares is its own.

    Parameters
    ----------
    service
        The Service, which selects the pods.
    port
        One of the Service's ports.
    container
        One of the containers of these pods.
    alone
        The container is the only one of its pod.
    """
    if port.protocol != "TCP":
        return None
    for candidate in container.ports:
        if port.target in (candidate.number, candidate.name) and candidate.protocol == "TCP":
            return candidate
    undeclared = alone and isinstance(port.target, int) and not container.ports and bool(service.selector)
    return ContainerPort(int(port.target), "", "TCP") if undeclared else None


def number_of(port: int | str, container: Container) -> int:
    """Return the number of a port that may be given by its name; 0 if the container declares no such port."""
    if isinstance(port, int):
        return port
    return next((declared.number for declared in container.ports if declared.name == port), 0)


@dataclass(frozen=True, slots=True)
class Preference:
    """The ports that a preset prefers.

    Attributes
    ----------
    management
        The port for management alone, by the container's own settings.
    default
        The port that the application listens on by default, the last resort.
    protocols
        Prefixes of the appProtocol of the port to ask.
    names
        Names of the port to ask, the best first.
    """

    management: Sourced[int] | None = None
    default: Sourced[int] | None = None
    protocols: tuple[str, ...] = ("http",)
    names: tuple[str, ...] = TELLING_NAMES


def resolve_port(
    explicit: Sourced[int | str] | None,
    container: Container,
    services: Sequence[Service],
    preference: Preference,
    *,
    alone: bool,
) -> ResolvedPort | PortProblem:
    """Resolve the port of a container that a probe should ask.

    Parameters
    ----------
    explicit
        The number or name that a user set; it is written unchanged.
    services
        The Services that select the pods.
    preference
        The ports that the preset prefers.
    alone
        The container is the only one of its pod.
    """
    if explicit is not None:
        return _explicit(explicit, container)
    if preference.management is not None:
        return _numbered(preference.management, container)
    found = _served(container, services, preference, alone=alone) or _declared(container, preference)
    found = found or _configured(container)
    if found is not None:
        return found
    if preference.default is not None and not _only_others(container):
        return _numbered(preference.default, container)
    if container.ports:
        listed = ", ".join(f"{port.name or port.number}/{port.protocol}" for port in container.ports)
        return PortProblem(f"none of the ports {listed} can be told to be the one to ask", _FIX)
    return PortProblem("no port is declared and no Service leads to the container", _FIX)


_FIX = "set probes.*.port, or the annotation apphealth.dev/port on the pod template"


def _explicit(explicit: Sourced[int | str], container: Container) -> ResolvedPort | PortProblem:
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


def _served(
    container: Container, services: Sequence[Service], preference: Preference, *, alone: bool
) -> ResolvedPort | None:
    found = [
        (_rank(port, target, preference), service, port, target)
        for service in services
        for port in service.ports
        if (target := targets(service, port, container, alone=alone)) is not None
    ]
    if not found:
        return None
    _, service, port, target = min(found, key=lambda item: item[0])
    return _resolved(target, f"Service {service.name} leads to it", port.app_protocol)


def words_of(*names: str) -> set[str]:
    """Return the words of ports' names: `http-metrics` has two."""
    return {word for name in names for word in name.lower().split("-")}


def _rank(port: ServicePort, target: ContainerPort, preference: Preference) -> tuple[bool, bool, bool, int, int]:
    return (
        bool(words_of(target.name, port.name) & FOR_OTHERS),
        not port.app_protocol.startswith(preference.protocols),
        not _is_default(target, preference),
        min(_telling(target.name, preference), _telling(port.name, preference)),
        target.number,
    )


def _telling(name: str, preference: Preference) -> int:
    """Return how well a port's name, or the part of it before a dash, tells that it is the one to ask: 0 is best."""
    first = name.partition("-")[0]
    names = preference.names
    return names.index(name) if name in names else (names.index(first) if first in names else len(names))


def _is_default(port: ContainerPort, preference: Preference) -> bool:
    return preference.default is not None and port.number == int(preference.default.value)


def _declared(container: Container, preference: Preference) -> ResolvedPort | None:
    tcp = [port for port in container.ports if port.protocol == "TCP"]
    apt = [port for port in tcp if not words_of(port.name) & FOR_OTHERS] or tcp
    if len(tcp) == 1:
        return _resolved(tcp[0], "the container's only port") if not _names(tcp[0], preference) else _named(tcp[0])
    for port in apt:
        if _is_default(port, preference) and preference.default is not None:
            return _resolved(port, preference.default.source)
    if apt and _names(best := min(apt, key=lambda port: _telling(port.name, preference)), preference):
        return _named(best)
    return _resolved(apt[0], "the container's only port that is not for metrics or the like") if len(apt) == 1 else None


def _names(port: ContainerPort, preference: Preference) -> bool:
    return _telling(port.name, preference) < len(preference.names)


def _named(port: ContainerPort) -> ResolvedPort:
    return _resolved(port, f"the container's port is named {port.name}")


def _configured(container: Container) -> ResolvedPort | None:
    """Read the port from the settings that the server itself reads."""
    if _only_others(container):
        return None
    env = {variable.name: variable.value for variable in container.env}
    for found in _named_ports(container, env):
        if 1 <= int(found.value) <= MAX_PORT:
            return _numbered(Sourced(int(found.value), found.source), container)
    return None


def _named_ports(container: Container, env: Mapping[str, str]) -> Iterator[Sourced[str]]:
    for name in PORT_VARIABLES:
        if (value := env.get(name, "")).isdecimal() and value.isascii() and len(value) <= MAX_DIGITS:
            yield Sourced(value, f"env {name}")
    if last := _LAST_NUMBER.search(env.get("ASPNETCORE_URLS", "")[:MAX_TEXT].split(";")[0].strip()):
        yield Sourced(last[1], "env ASPNETCORE_URLS")
    command = " ".join((*container.command, *container.args))[:MAX_TEXT]
    settings = env.get("GUNICORN_CMD_ARGS", "")[:MAX_TEXT]
    for text, source in ((command, "the command line"), (settings, "env GUNICORN_CMD_ARGS")):
        if option := _BIND.search(text) or _PORT_OPTION.search(text):
            yield Sourced(option[1], source)


def _only_others(container: Container) -> bool:
    """Return whether no port that a container declares is TCP."""
    return bool(container.ports) and all(port.protocol != "TCP" for port in container.ports)


def _numbered(given: Sourced[int], container: Container) -> ResolvedPort:
    """Return a port with a known number; the probe refers to it by name if the container declares one."""
    number = int(given.value)
    declared = next((p for p in container.ports if p.number == number and p.protocol == "TCP"), None)
    return _resolved(declared or ContainerPort(number, "", "TCP"), given.source)


def _resolved(port: ContainerPort, source: str, app_protocol: str = "") -> ResolvedPort:
    named = app_protocol or port.name.partition("-")[0]
    return ResolvedPort(
        port=port.name or port.number,
        source=source,
        number=port.number,
        https=_https(port.number, port.name, app_protocol),
        app_protocol=app_protocol,
        speaks_http=named not in OTHER_PROTOCOLS,
    )


def _https(number: int, name: str, app_protocol: str) -> bool:
    return app_protocol == "https" or name == "https" or (not app_protocol and number in HTTPS_PORTS)
