"""The ports of a container that a survey asks, the best first.

A port that is named for health or management comes first, then those that Services lead to, then those that the
container's settings name, then the declared ones; metrics, debugging and the like come last. Where all of them turn out
to be closed, the usual ports of web applications are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from apphealth.model.raw import MAX_PORT
from apphealth.model.service import Service
from apphealth.model.survey import Speaks, SurveyPort
from apphealth.model.workload import Container
from apphealth.plan.probes.ports import FOR_OTHERS, HTTPS_PORTS, MAX_TEXT, OTHER_PROTOCOLS, targets, words_of
from apphealth.plan.rules.settings import ContainerSettings

MAX_PORTS = 6
"""Most ports that are asked, not counting the usual ones."""
USUAL = (8080, 8000, 3000, 5000, 80)
"""Where web applications listen whose declared ports are all closed."""
FOR_HEALTH = frozenset({
    *("health", "healthz", "healthcheck", "probe", "probes", "readiness", "liveness", "readyz", "livez"),
    *("management", "mgmt", "actuator", "status"),
})  # fmt: skip
"""Words in the names of ports, variables and options that are for health."""
NOT_HTTP = frozenset({
    *(21, 22, 25, 53, 110, 143, 389, 465, 587, 636, 873, 993, 995, 1433, 1521, 1883, 2181, 2379, 2380, 3306, 3389),
    *(4222, 4369, 5432, 5433, 5671, 5672, 6379, 6380, 6432, 6650, 7000, 7687, 8883, 9042, 9092, 9093, 9094, 11211),
    *(26257, 26379, 27017, 27018, 33060, 61616),
})  # fmt: skip
"""Ports of protocols that take HTTP amiss, where no name says HTTP: databases, brokers, mail."""
_HTTP_NAMES = frozenset({"http", "https", "web", "www", "ui", "rest", "api", "h2c"})
_GRPC = "grpc"
_OPTION = re.compile(r"--?([A-Za-z][\w.-]{0,80})(?:=(\S{1,255}))?")
_ADDRESS = re.compile(r"(?:https?://)?(?:0\.0\.0\.0|\[::\]|\*|\+)?:(\d{1,5})/?")
_WORDS = re.compile(r"[a-z]+")
_LISTENS = frozenset({"port", "ports", "addr", "address", "listen", "bind", "urls", "b", "host"})
"""Words in the names of settings that say where a server listens."""


class _Ranked(NamedTuple):
    rank: int
    port: SurveyPort


def survey_ports(
    container: Container, services: Sequence[Service], settings: ContainerSettings, *, alone: bool
) -> tuple[SurveyPort, ...]:
    """Return the ports of a container that a survey asks, the best first.

    Parameters
    ----------
    container
        The container.
    services
        The Services that select its pods.
    settings
        What users said: if they name a port, no other is asked.
    alone
        It is the only container of its pod.
    """
    if (explicit := _explicit(container, settings)) is not None:
        return explicit
    found: dict[int, _Ranked] = {}
    for number, rank, first, served in _all(container, services, alone=alone):
        if number not in found or rank < found[number].rank:
            found[number] = _Ranked(rank, SurveyPort(number, first, served=served))
    ports = tuple(one.port for one in sorted(found.values(), key=lambda one: one.rank)[:MAX_PORTS])
    if not ports and not alone:
        return ()
    guesses = [number for number in USUAL if number not in found]
    others = container.ports and all(port.protocol != "TCP" for port in container.ports)
    spoken = [port for port in ports if port.first is not Speaks.TCP]
    if others or (ports and not spoken):
        return ports
    return (*ports, *(SurveyPort(number, guess=True) for number in guesses))


def _explicit(container: Container, settings: ContainerSettings) -> tuple[SurveyPort, ...] | None:
    """Return the ports that users name, or None if they name none."""
    kinds = (settings.readiness, settings.liveness)
    said = [one for one in (settings.port, *(kind.port for kind in kinds)) if one is not None]
    if not said:
        return None
    names = {port.name: port.number for port in container.ports if port.protocol == "TCP"}
    numbers = (one.value if isinstance(one.value, int) else names.get(str(one.value)) for one in said)
    return tuple(SurveyPort(number) for number in dict.fromkeys(numbers) if number and number <= MAX_PORT)


_HEALTH, _SERVED_HTTP, _SERVED, _SETTING, _DECLARED, _OTHERS = range(6)


def _all(container: Container, services: Sequence[Service], *, alone: bool) -> Iterator[tuple[int, int, Speaks, bool]]:
    """Yield every port with its rank, the protocol to try first, and whether a Service leads to it."""
    served: dict[int, list[str]] = {}
    protocols: dict[int, str] = {}
    for service in services:
        for port in service.ports:
            target = targets(service, port, container, alone=alone)
            number = target.number if target is not None else (port.target if alone and service.selector else 0)
            if isinstance(number, int) and number and port.protocol == "TCP":  # also one that is not declared
                served.setdefault(number, []).append(port.name)
                protocols[number] = protocols.get(number) or port.app_protocol
    declared = {port.number: port.name for port in container.ports if port.protocol == "TCP"}
    for number in dict.fromkeys((*sorted(served, key=lambda one: _order(one, served[one], protocols)), *declared)):
        names = [declared.get(number, ""), *served.get(number, ())]
        words = words_of(*names)
        rank = _rank(words, protocols.get(number, ""), number, is_served=number in served)
        yield number, rank, _first(words, protocols.get(number, ""), number), number in served
    for number, setting in configured_ports(container):
        rank = _HEALTH if setting & FOR_HEALTH else (_OTHERS if setting & FOR_OTHERS else _SETTING)
        yield number, rank, _first(set(setting), "", number), False


def _order(number: int, names: Iterable[str], protocols: dict[int, str]) -> tuple[bool, bool, int]:
    """Order the ports that Services lead to: HTTP by its protocol or name first, then the lowest."""
    words = words_of(*names)
    return not protocols.get(number, "").lower().startswith("http"), not words & _HTTP_NAMES, number


def _rank(words: set[str], protocol: str, number: int, *, is_served: bool) -> int:
    if words & FOR_HEALTH:
        return _HEALTH
    if words & FOR_OTHERS:
        return _OTHERS
    if not is_served:
        return _DECLARED
    spoken = protocol.lower().startswith("http") or bool(words & _HTTP_NAMES) or number not in NOT_HTTP
    return _SERVED_HTTP if spoken and _GRPC not in words else _SERVED


def _first(words: set[str], protocol: str, number: int) -> Speaks:
    """Return the protocol to try first."""
    protocol = protocol.lower()
    http = protocol.startswith("http") or bool(words & _HTTP_NAMES)
    if protocol.startswith(_GRPC) or any(word.startswith(_GRPC) for word in words):
        return Speaks.GRPC
    if protocol == "https" or "https" in words or (not http and number in HTTPS_PORTS):
        return Speaks.HTTPS
    if not http and (protocol in OTHER_PROTOCOLS or words & OTHER_PROTOCOLS or number in NOT_HTTP):
        return Speaks.TCP
    return Speaks.HTTP


def configured_ports(container: Container) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield the ports that variables and options name, each with the words of the setting's name."""
    for variable in container.env:
        words = setting_words(variable.name)
        if words & _LISTENS and (number := _port_in(variable.value, alone="port" in words or "ports" in words)):
            yield number, words
    for name, value in options_of(container):
        words = setting_words(name)
        if words & _LISTENS and (number := _port_in(value, alone="port" in words)):
            yield number, words


def setting_words(name: str) -> frozenset[str]:
    """Return the words in the name of a variable or an option."""
    return frozenset(_WORDS.findall(name.lower()))


def options_of(container: Container) -> Iterator[tuple[str, str]]:
    """Yield the options of a container's command line with their values: of `--port=80` and of `-b :80`."""
    command = [word for text in (*container.command, *container.args) for word in text[:MAX_TEXT].split()]
    for word, following in zip(command, (*command[1:], ""), strict=False):
        if option := _OPTION.fullmatch(word):
            yield option[1], option[2] or ("" if following.startswith("-") else following)


def _port_in(text: str, *, alone: bool) -> int | None:
    """Return the port of an address to listen on, or of a number that is alone; None if it is another's address."""
    first = re.split(r"[;,]", text[:MAX_TEXT].strip(), maxsplit=1)[0]
    digits = first if alone and first.isascii() and first.isdecimal() else ""
    if not digits:
        matched = _ADDRESS.fullmatch(first)
        digits = matched[1] if matched else ""
    return int(digits) if digits and len(digits) <= len(str(MAX_PORT)) and 1 <= int(digits) <= MAX_PORT else None
