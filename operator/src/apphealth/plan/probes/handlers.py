"""The handler of each probe: type, port, path, scheme and headers, each with its source.

Users' settings come first, then the preset's endpoint; the container and its Services give the rest. A startup probe
takes over the users' settings of liveness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apphealth.api.healthplan import Value
from apphealth.api.spec import ProbeType
from apphealth.model.probe import Exec, Grpc, Handler, HttpGet, ProbeKind, TcpSocket
from apphealth.model.proof import Accept
from apphealth.plan.findings import COMMAND_MISSING, EXEC_FORBIDDEN, PATH_MISSING, PORT_UNRESOLVED, Finding
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.ports import TELLING_NAMES, PortProblem, Preference, ResolvedPort, resolve_port
from apphealth.plan.probes.presets.preset import Endpoint, Endpoints, Place, Preset
from apphealth.plan.probes.suggestions import Suggestion
from apphealth.plan.rules.settings import ContainerSettings, Sourced

PROBE_HEADER = "X-Probe"
"""A header of every HTTP probe unless the rule sets headers. With it an application can tell its probes apart."""
MAX_COMMAND = 200
"""Most characters of a command that are shown."""
USERS: tuple[None, ...] = (None,)
"""The endpoints of a probe that no preset describes: users do, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHandler:
    """A complete handler for one probe.

    Attributes
    ----------
    endpoint
        The preset's endpoint that it asks; None if users describe the endpoint.
    number
        The number of the port that it asks; 0 for Exec.
    speaks_http
        False if the port is known to speak another protocol.
    accept
        The answers that prove it.
    provenance
        The source of each value.
    """

    handler: Handler
    endpoint: Endpoint | None
    number: int
    speaks_http: bool
    accept: Accept
    provenance: tuple[Value, ...]

    @property
    def only_proven(self) -> bool:
        """Whether it is written only after pods have proven it."""
        return self.endpoint is not None and self.endpoint.only_proven

    @property
    def numbered(self) -> Handler:
        """The handler with the port as a number, for questions to pods."""
        match self.handler:
            case HttpGet(_, path, scheme, headers):
                return HttpGet(self.number, path, scheme, headers)
            case TcpSocket():
                return TcpSocket(self.number)
        return self.handler


def endpoints_of(kind: ProbeKind, settings: ContainerSettings, offered: Endpoints) -> tuple[Endpoint | None, ...]:
    """Return the endpoints that a probe may ask, the best first.

    Parameters
    ----------
    kind
        Which probe.
    settings
        The settings of the container.
    offered
        The preset's endpoints: see `offered_by`.

    Returns
    -------
    tuple
        `USERS` if users describe the endpoint, or if neither they nor the preset do.
    """
    probe = settings.probes[kind]
    if probe.sets_endpoint:
        return USERS
    found = offered.get(kind, ())
    if kind is ProbeKind.STARTUP:
        live = offered.get(ProbeKind.LIVENESS, ())
        if not found and settings.liveness.wanted:
            found = tuple(endpoint for endpoint in live if endpoint.type is not ProbeType.TCP)
        if set(live) <= set(found) and settings.liveness.sets_endpoint:
            return USERS  # a startup that is the same as liveness goes wherever users send liveness
    if probe.type is not None:
        found = tuple(endpoint for endpoint in found if endpoint.type is ProbeType.HTTP)
    return found or USERS


def prefix_of(settings: ContainerSettings, preset: Preset, place: Place) -> str:
    """Return the path under which a preset's endpoints are, without a slash at its end.

    Parameters
    ----------
    settings
        The settings of the container.
    preset
        The preset.
    place
        The place of the preset's endpoints by the container's own settings.
    """
    usual = preset.default_prefix if place.prefix is None else place.prefix
    prefix = (usual if settings.path_prefix is None else settings.path_prefix.value).strip("/")
    return f"/{prefix}" if prefix else ""


def offered_by(preset: Preset | None, settings: ContainerSettings, place: Place) -> Endpoints:
    """Return a preset's endpoints under the prefix that users, the container's own settings or the preset give.

    Parameters
    ----------
    preset
        The preset; None: there are no endpoints.
    settings
        The settings of the container.
    place
        The place of the preset's endpoints by the container's own settings.
    """
    return preset.endpoints(prefix_of(settings, preset, place)) if preset is not None else {}


class Handlers:
    """Plans the handlers of one container's probes, as one preset or users describe them.

    Each port is resolved once for all three probes.
    """

    def __init__(self, facts: ContainerFacts, suggestion: Suggestion) -> None:
        self._facts = facts
        self._suggestion = suggestion
        self._ports: dict[Sourced[int | str] | None, ResolvedPort | PortProblem] = {}

    def plan(self, kind: ProbeKind, endpoint: Endpoint | None) -> PlannedHandler | Finding | None:
        """Plan the handler of a probe, for a preset's endpoint or for the users' settings alone.

        Returns
        -------
        PlannedHandler, Finding or None
            None if neither users nor the preset describe the probe; a finding if they do and it can't be planned.
        """
        type_ = self._type(kind, endpoint)
        if type_ is None:
            return None
        if type_.value is ProbeType.EXEC:
            return self._exec(kind, endpoint, type_)
        path = self._path(kind, endpoint)
        if type_.value is ProbeType.HTTP and path is None:
            return PATH_MISSING(kind=kind, container=self._facts.container.name)
        port_setting = self._setting(kind, "port") or self._facts.settings.port
        port = self._ports.get(port_setting)
        if port is None:
            facts = self._facts
            port = self._ports[port_setting] = resolve_port(
                port_setting, facts.container, facts.services, self._preference(), alone=facts.alone
            )
        if isinstance(port, PortProblem):
            return self._unresolved(kind, port)
        if type_.value is ProbeType.HTTP and path is not None:
            return self._http(kind, endpoint, type_, path, port)
        return self._socket(kind, endpoint, type_, port)

    def _setting(self, kind: ProbeKind, name: str) -> Sourced[Any] | None:
        """Return the users' value of a field; startup takes over liveness' value if it has none."""
        settings = self._facts.settings
        setting: Sourced[Any] | None = getattr(settings.probes[kind], name)
        if setting is not None or kind is not ProbeKind.STARTUP:
            return setting
        live: Sourced[Any] | None = getattr(settings.liveness, name)
        return None if live is None else Sourced(live.value, f"as liveness: {live.source}")

    def _type(self, kind: ProbeKind, endpoint: Endpoint | None) -> Sourced[ProbeType] | None:
        settings = self._facts.settings
        if (setting := _type_setting(kind, settings)) is not None:
            return setting
        if endpoint is not None:
            return Sourced(endpoint.type, self._suggestion.source)
        if kind is ProbeKind.STARTUP and settings.liveness.wanted:
            live = _type_setting(ProbeKind.LIVENESS, settings)
            if live is not None and live.value is not ProbeType.TCP:
                return Sourced(live.value, "as liveness")
        return None

    def _path(self, kind: ProbeKind, endpoint: Endpoint | None) -> Sourced[str] | None:
        settings = self._facts.settings
        if (setting := settings.probes[kind].path) is not None:
            return setting
        if endpoint is not None and endpoint.path:
            prefix = settings.path_prefix
            prefixed = prefix is not None and endpoint.path.startswith(prefix.value)
            under = f", under the prefix of {prefix.source}" if prefix is not None and prefixed else ""
            return Sourced(endpoint.path, self._suggestion.source + under)
        return self._setting(kind, "path")

    def _preference(self) -> Preference:
        """Return the port preference of the preset and of the container's own settings."""
        suggestion = self._suggestion
        preset, place = suggestion.preset, suggestion.place
        if preset is None:
            return Preference()
        default = place.default_port or preset.default_port
        return Preference(
            management=Sourced(place.port, suggestion.source) if place.port else None,
            default=Sourced(default, suggestion.source) if default else None,
            protocols=preset.port_protocols,
            names=(*preset.port_names, *TELLING_NAMES),
        )

    def _unresolved(self, kind: ProbeKind, problem: PortProblem) -> Finding:
        """Return the finding with the field to correct: liveness' port if startup takes it over."""
        settings = self._facts.settings
        setting = settings.probes[kind].port
        if setting is None and kind is ProbeKind.STARTUP and settings.liveness.port is not None:
            kind, setting = ProbeKind.LIVENESS, settings.liveness.port
            theirs = self._ports.get(setting)
            problem = theirs if isinstance(theirs, PortProblem) else problem
        field = f"probes.{kind}.port: " if setting is not None else ""
        return PORT_UNRESOLVED(
            problem=field + problem.message, remedy=problem.fix, container=self._facts.container.name
        )

    def _http(
        self,
        kind: ProbeKind,
        endpoint: Endpoint | None,
        type_: Sourced[ProbeType],
        path: Sourced[str],
        port: ResolvedPort,
    ) -> PlannedHandler:
        place = self._suggestion.place
        scheme = self._setting(kind, "scheme")
        if scheme is None and place.https is not None:
            scheme = Sourced("HTTPS" if place.https else "HTTP", self._suggestion.source)
        scheme = scheme or Sourced("HTTPS" if port.https else "HTTP", port.source)
        headers = self._headers(kind)
        handler = HttpGet(port=port.port, path=path.value, scheme=str(scheme.value), headers=headers.value)
        shown = ", ".join(f"{name}: {value}" for name, value in headers.value) or "none"
        return PlannedHandler(
            handler=handler,
            endpoint=endpoint,
            number=port.number,
            speaks_http=port.speaks_http,
            accept=self._accept(endpoint),
            provenance=(
                Value("type", str(type_.value), type_.source),
                Value("path", path.value, path.source),
                Value("headers", shown, headers.source),
                Value("port", str(port.port), port.source),
                Value("scheme", handler.scheme, scheme.source),
            ),
        )

    def _headers(self, kind: ProbeKind) -> Sourced[tuple[tuple[str, str], ...]]:
        setting = self._facts.settings.probes[kind].headers
        if setting is not None:
            return Sourced(tuple((header.name, header.value) for header in setting.value), setting.source)
        return Sourced(((PROBE_HEADER, str(kind)),), "defaults")

    def _socket(
        self, kind: ProbeKind, endpoint: Endpoint | None, type_: Sourced[ProbeType], port: ResolvedPort
    ) -> PlannedHandler:
        provenance = [Value("type", str(type_.value), type_.source)]
        handler: Handler
        if type_.value is ProbeType.TCP:
            handler = TcpSocket(port=port.port)
        else:
            service = self._setting(kind, "service") or Sourced("", "the server as a whole")
            handler = Grpc(port=port.number, service=service.value)
            provenance.append(Value("service", service.value, service.source))
        provenance.append(Value("port", str(handler.port), port.source))
        return PlannedHandler(
            handler=handler,
            endpoint=endpoint,
            number=port.number,
            speaks_http=port.speaks_http,
            accept=Accept.SUCCESS,
            provenance=tuple(provenance),
        )

    def _exec(self, kind: ProbeKind, endpoint: Endpoint | None, type_: Sourced[ProbeType]) -> PlannedHandler | Finding:
        name = self._facts.container.name
        command = self._setting(kind, "command")
        if command is None and endpoint is not None and endpoint.command:
            command = Sourced(endpoint.command, self._suggestion.source)
        if command is None:
            return COMMAND_MISSING(kind=kind, container=name)
        if not self._facts.allow_exec:
            return EXEC_FORBIDDEN(kind=kind, container=name)
        shown = " ".join(command.value)[:MAX_COMMAND]
        return PlannedHandler(
            handler=Exec(command=tuple(command.value)),
            endpoint=endpoint,
            number=0,
            speaks_http=False,
            accept=Accept.SUCCESS,
            provenance=(
                Value("type", str(type_.value), type_.source),
                Value("command", shown, command.source),
            ),
        )

    def _accept(self, endpoint: Endpoint | None) -> Accept:
        if endpoint is None:
            return Accept.SUCCESS
        preset = self._suggestion.preset
        if preset is not None and preset.runs_library:
            return Accept.LIBRARY
        if not self._suggestion.derived:
            return Accept.SUCCESS
        if endpoint.any_path:
            return Accept.WELL
        return Accept.HEALTH if self._suggestion.survey is not None else Accept.DISTINCT


def _type_setting(kind: ProbeKind, settings: ContainerSettings) -> Sourced[ProbeType] | None:
    """Return the type that users set, or the one that follows from the other fields that they set."""
    probe = settings.probes[kind]
    if probe.type is not None:
        return probe.type
    if probe.path is not None:
        return Sourced(ProbeType.HTTP, f"path of {probe.path.source}")
    if probe.service is not None:
        return Sourced(ProbeType.GRPC, f"service of {probe.service.source}")
    if probe.command is not None:
        return Sourced(ProbeType.EXEC, f"command of {probe.command.source}")
    return None
