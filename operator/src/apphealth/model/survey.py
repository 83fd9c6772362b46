"""A survey: the question what a container serves, where nobody said it. Values, no I/O.

One running pod is asked for well-known paths at the container's ports, one request after the other, until enough is
known. What a survey found is tried on all pods like any other probe before it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b

from apphealth.model.probe import ProbeKind


class Speaks(StrEnum):
    """The protocol of a port."""

    HTTP = "http"
    HTTPS = "https"
    GRPC = "grpc"
    """gRPC, with a health service that says SERVING."""
    TCP = "tcp"
    """Anything else: the port is open."""


@dataclass(frozen=True, slots=True)
class SurveyPort:
    """A port to ask.

    Attributes
    ----------
    number
        Its number.
    first
        The protocol to try first; `TCP`: nothing but a connection.
    served
        A Service leads to it, so that an application which has just started is waited for.
    guess
        It is asked only if every port before it is closed.
    """

    number: int
    first: Speaks = Speaks.HTTP
    served: bool = False
    guess: bool = False


class Runtime(StrEnum):
    """What an application is written for, as far as its answers show it."""

    BEAM = "beam"
    DOTNET = "dotnet"
    GO = "go"
    JVM = "jvm"
    NODE = "node"
    PHP = "php"
    PYTHON = "python"
    RUBY = "ruby"


@dataclass(frozen=True, slots=True)
class SurveyPath:
    """A path to ask for.

    Attributes
    ----------
    path
        It begins with a slash.
    kinds
        The probes that it would do for.
    narrow
        It checks no more than these probes are for, by its name; otherwise better ones are asked for, too.
    index
        It is an index of flask_management_endpoints, or nothing.
    names
        It is no endpoint, but its answer may name some: an OpenAPI description, a redirect to the application's base.
    runtimes
        Those whose applications serve it; empty: any.
    rare
        It is asked for only where the runtime shows.
    """

    path: str
    kinds: frozenset[ProbeKind]
    narrow: bool = True
    index: bool = False
    names: bool = False
    runtimes: frozenset[Runtime] = frozenset()
    rare: bool = False

    def suits(self, runtime: Runtime | None) -> bool:
        """Return whether an application for `runtime` (None: it doesn't show) may serve it."""
        return not self.rare if runtime is None else not self.runtimes or runtime in self.runtimes


@dataclass(frozen=True)
class Catalogue:
    """The paths of a survey, in the order in which they are asked for.

    Attributes
    ----------
    paths
        Those of the port.
    below
        Those to ask for below the base that `/` redirects to: `/health` at `/v1/health`.
    """

    paths: tuple[SurveyPath, ...]
    below: tuple[SurveyPath, ...] = ()

    @cached_property
    def revision(self) -> str:
        """8 hex digits that change with the paths."""
        return blake2b(repr([one.path for one in (*self.paths, *self.below)]).encode(), digest_size=4).hexdigest()

    def __repr__(self) -> str:
        """Its revision: a question's id depends on it."""
        return f"Catalogue({self.revision})"


@dataclass(frozen=True, slots=True)
class Survey:
    """What to find out.

    Attributes
    ----------
    ports
        The best first.
    catalogue
        The paths.
    others
        Ports of the pod's other containers: an answer that comes from there is no sign of this container's life.
    """

    ports: tuple[SurveyPort, ...]
    catalogue: Catalogue
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """An open port, or an endpoint that answered as a health endpoint does.

    Attributes
    ----------
    port, speaks
        The port's number and protocol.
    path
        The endpoint's path; empty for the port itself.
    proxied
        A proxy gave the answer, or another container of the pod: it is no sign of life of the process that listens.
    """

    port: int
    speaks: Speaks
    path: str = ""
    proxied: bool = field(default=False)
