"""The clues to a container's application: variables, command line, image and ports, read once for all presets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.model.service import Service
from apphealth.model.workload import Container
from apphealth.plan.probes.ports import targets

MAX_WORDS = 128
"""Most words of a command line that are read."""
MAX_WORD = 4096
"""Most characters of one word that are read."""
JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "JAVA_OPTS_APPEND")
"""Variables that hold options of the JVM."""
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Clues:
    """The clues to a container's application."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Its literal variables."""
    image: str = ""
    """The image's name without registry and tag: `bitnami/postgresql`."""
    words: tuple[str, ...] = ()
    """The command and its arguments, word by word, also those inside `sh -c`."""
    ports: tuple[str, ...] = ()
    """The names of its TCP ports, and of the Services' ports that target them."""
    protocols: tuple[tuple[str, str], ...] = ()
    """appProtocol of each Service's port, with the Service's name."""

    def first(self, *names: str) -> str:
        """Return the first of these variables that has a value."""
        return next((value for name in names if (value := self.env.get(name))), "")

    def option(self, *names: str) -> str:
        """Return the value of an option on the command line: `--port=1`, `--port 1`."""
        return _option(self.words, names)

    def prop(self, name: str) -> str:
        """Return a property as frameworks on the JVM read it: from the command line, else from the environment."""
        given = _option((*self.words, *self._java_options()), (f"--{name}", f"-D{name}"))
        upper = name.upper().replace(".", "_")
        return given or self.first(upper.replace("-", ""), upper.replace("-", "_"))

    def _java_options(self) -> Iterator[str]:
        for name in JAVA_OPTIONS:
            yield from self.env.get(name, "")[:MAX_WORD].split()[:MAX_WORDS]


def _option(words: Sequence[str], names: Collection[str]) -> str:
    for word, following in zip(words, (*words[1:], ""), strict=False):
        key, equals, value = word.partition("=")
        if key in names:
            return value if equals else ("" if following.startswith("-") else following)
    return ""


def clues_of(container: Container, services: Sequence[Service]) -> Clues:
    """Return the clues to a container's application.

    Parameters
    ----------
    container
        The container.
    services
        The Services that select its pods.
    """
    return Clues(
        env={variable.name: variable.value for variable in container.env},
        image=image_name(container.image),
        words=tuple(_words(container)),
        ports=tuple(dict.fromkeys(_port_names(container, services))),
        protocols=tuple((port.app_protocol, s.name) for s in services for port in s.ports if port.app_protocol),
    )


def _port_names(container: Container, services: Sequence[Service]) -> Iterator[str]:
    yield from (port.name for port in container.ports if port.name and port.protocol == "TCP")
    for service in services:
        led = (port for port in service.ports if port.name and targets(service, port, container, alone=False))
        yield from (port.name for port in led)


def image_name(image: str) -> str:
    """Return an image's name without registry, tag and digest."""
    path = image.partition("@")[0]
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        path = rest
    head, slash, last = path.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}".lower()


def _words(container: Container) -> Iterator[str]:
    for text in (*container.command, *container.args)[:MAX_WORDS]:
        if " " in text:
            yield from _SPACES.split(text[:MAX_WORD])[:MAX_WORDS]
        else:
            yield text[:MAX_WORD]
