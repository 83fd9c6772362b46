"""From how a probe asks, the port and the numbers to a complete probe with provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.api.spec import ProbeType
from apphealth.model.probe import KINDS, Exec, Grpc, Handler, HttpGet, Probe, ProbeKind, TcpSocket, interned
from apphealth.model.service import Service
from apphealth.model.workload import Container
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.probes.handlers import Ask, ask
from apphealth.plan.probes.numbers import RESTART_FACTOR, Learned, Numbers, apply_numbers, fit_numbers
from apphealth.plan.probes.ports import TELLING_NAMES, PortProblem, Preference, ResolvedPort, resolve_port
from apphealth.plan.probes.presets.preset import NOWHERE, Endpoint, Place, Preset
from apphealth.plan.result import Provenance
from apphealth.plan.rules.merging import Settings, Sourced


@dataclass(frozen=True, slots=True)
class WantedProbe:
    """A probe that a container should have."""

    probe: Probe
    provenance: tuple[Provenance, ...]


@dataclass(frozen=True, slots=True)
class Handled:
    """A handler with where it came from."""

    handler: Handler
    number: int
    """The number of the port that it asks; 0 for Exec."""
    speaks_http: bool
    """False where the port is known to speak something else."""
    provenance: tuple[Provenance, ...]


_Ports = dict[Sourced | None, ResolvedPort | PortProblem]
"""What each setting of the port came to, for one container and preset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A container with all that its probes are derived from."""

    container: Container
    settings: Settings
    services: Sequence[Service]
    preset: Preset | None = None
    source: str = ""
    """The preset and how it was chosen."""
    place: Place = NOWHERE
    """Where the container's own settings put the preset's endpoints."""
    alone: bool = True
    """The only container of its pod."""
    defaults_version: int = 1
    allow_exec: bool = False
    theirs: Mapping[ProbeKind, Probe] = field(default_factory=dict)
    """Probes of somebody else's; those that stay, ours have to fit."""
    ours: Mapping[ProbeKind, Probe] = field(default_factory=dict)
    """Probes that are there because of us."""
    replaces: bool = False
    """Those of theirs that we want others for do not stay."""
    ports: _Ports = field(default_factory=dict, compare=False)


def numbers_of(
    kinds: tuple[ProbeKind, ...], subject: Subject, slowest: tuple[tuple[ProbeKind, float], ...] = ()
) -> Mapping[ProbeKind, Numbers]:
    """Choose the numbers of the probes of a container so that they fit each other, and those that stay.

    Parameters
    ----------
    kinds
        The probes that are wanted.
    slowest
        Seconds of the slowest answer that running pods gave.
    """
    kept = {kind: probe for kind, probe in subject.theirs.items() if not (subject.replaces and kind in kinds)}
    preset = subject.preset
    failures = None
    if preset is not None and preset.liveness_failures is not None:
        failures = Sourced(preset.liveness_failures, subject.source)
    learned = Learned(liveness_failures=failures, slowest=slowest)
    return fit_numbers(kinds, kept, subject.settings, subject.defaults_version, learned)


def complete(handled: Handled, numbers: Numbers) -> WantedProbe:
    """Make a probe of a handler and its numbers."""
    probe = interned(apply_numbers(handled.handler, numbers))
    return WantedProbe(probe, handled.provenance + numbers.provenance)


def wanted_kinds(settings: Settings) -> list[ProbeKind]:
    """Return the kinds of probe that no rule has switched off."""
    return [kind for kind in KINDS if settings.get(f"{kind}.enabled") is not False]


def handle(kind: ProbeKind, endpoint: Endpoint | None, subject: Subject) -> Handled | Finding | None:
    """Choose how one probe asks at an endpoint, or where users say; None where there is nothing to ask."""
    asked = ask(kind, subject.settings, endpoint, subject.source)
    if asked is None:
        return None
    if asked.type.value is ProbeType.EXEC:
        return _exec(kind, subject, asked)
    if asked.type.value is ProbeType.HTTP and asked.path is None:
        return _finding(
            "path-missing",
            f"{kind} is to ask over HTTP, and nothing says at which path",
            f"set probes.{kind}.path, or a preset that knows the application",
            subject,
        )
    port = subject.ports.get(asked.port)
    if port is None:
        port = subject.ports[asked.port] = _port(asked, subject)
    if isinstance(port, PortProblem):
        return _no_port(kind, port, subject)
    if asked.path is not None and asked.type.value is ProbeType.HTTP:
        return _http(asked, asked.path, port, subject)
    return _socket(asked, port)


def _port(asked: Ask, subject: Subject) -> ResolvedPort | PortProblem:
    return resolve_port(asked.port, subject.container, subject.services, _preference(subject), alone=subject.alone)


def _no_port(kind: ProbeKind, problem: PortProblem, subject: Subject) -> Finding:
    """Tell of a port with the field that says it; of one that startup takes from liveness, as of liveness."""
    said = subject.settings.sourced(f"{kind}.port")
    if said is None and kind is ProbeKind.STARTUP:
        kind, said = ProbeKind.LIVENESS, subject.settings.sourced(f"{ProbeKind.LIVENESS}.port")
        theirs = subject.ports.get(said)
        problem = theirs if said is not None and isinstance(theirs, PortProblem) else problem
    field = f"probes.{kind}.port: " if said is not None else ""
    return _finding("port-unresolved", field + problem.message, problem.fix, subject)


def _preference(subject: Subject) -> Preference:
    """Return what the preset, and the container's own settings that it reads, say of ports."""
    preset, place = subject.preset, subject.place
    if preset is None:
        return Preference()
    default = place.default_port or preset.default_port
    return Preference(
        management=Sourced(place.port, subject.source) if place.port else None,
        default=Sourced(default, subject.source) if default else None,
        protocols=preset.port_protocols,
        names=(*preset.port_names, *TELLING_NAMES),
    )


def _http(asked: Ask, path: Sourced, port: ResolvedPort, subject: Subject) -> Handled:
    scheme = asked.scheme or Sourced("HTTPS" if port.https else "HTTP", port.source)
    if asked.scheme is None and subject.place.https is not None:
        scheme = Sourced("HTTPS" if subject.place.https else "HTTP", subject.source)
    handler = HttpGet(port=port.port, path=path.value, scheme=str(scheme.value), headers=asked.headers.value)
    found = (Provenance("port", str(port.port), port.source), Provenance("scheme", handler.scheme, scheme.source))
    return Handled(handler, port.number, port.speaks_http, asked.provenance + found)


def _socket(asked: Ask, port: ResolvedPort) -> Handled:
    tcp = asked.type.value is ProbeType.TCP
    handler = TcpSocket(port=port.port) if tcp else Grpc(port=port.number, service=asked.service.value)
    provenance = (*asked.provenance, Provenance("port", str(handler.port), port.source))
    return Handled(handler, port.number, port.speaks_http, provenance)


def _exec(kind: ProbeKind, subject: Subject, asked: Ask) -> Handled | Finding:
    if asked.command is None:
        message = f"{kind} is to run a command, and nothing says which"
        return _finding("command-missing", message, f"set probes.{kind}.command", subject)
    if not subject.allow_exec:
        return _finding(
            "exec-forbidden",
            f"{kind} is to run a command in the container, which this operator does not allow",
            "use an HTTP, TCP or gRPC probe, or start the operator with --allow-exec",
            subject,
        )
    return Handled(Exec(command=tuple(asked.command.value)), 0, False, asked.provenance)


def _finding(id_: str, message: str, fix: str, subject: Subject) -> Finding:
    return Finding(id=id_, severity=Severity.ERROR, message=message, fix=fix, container=subject.container.name)


def check_numbers(probes: Mapping[ProbeKind, WantedProbe], subject: Subject) -> Iterator[Finding]:
    """Tell which invariants the user's numbers break; they are written all the same."""
    name = subject.container.name
    liveness, readiness = probes.get(ProbeKind.LIVENESS), probes.get(ProbeKind.READINESS)
    for kind, wanted in probes.items():
        if wanted.probe.timeout > wanted.probe.period:
            yield Finding(
                id="timeout-exceeds-period",
                severity=Severity.WARNING,
                message=f"{kind} waits {wanted.probe.timeout} s for an answer, and asks every {wanted.probe.period} s",
                fix=f"set probes.{kind}.timeoutSeconds to at most periodSeconds",
                container=name,
            )
    if liveness is None or readiness is None:
        return
    last, first = liveness.probe.gives_up_after, readiness.probe.gives_up_after
    if last < RESTART_FACTOR * first:
        yield Finding(
            id="liveness-aggressive",
            severity=Severity.WARNING,
            message=f"liveness restarts after {last} s, sooner than {RESTART_FACTOR} x the {first} s of readiness",
            fix="raise probes.liveness.failureThreshold, or lower readiness's",
            container=name,
        )
