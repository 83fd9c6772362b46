"""Which probes a container should have: from settings, preset, ports and numbers to complete probes with provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from apphealth.api.spec import ProbeType
from apphealth.model.probe import KINDS, Exec, Grpc, Handler, HttpGet, Probe, ProbeKind, TcpSocket, interned
from apphealth.model.service import Service
from apphealth.model.workload import Container
from apphealth.plan.asking import Ask, ask
from apphealth.plan.finding import Finding, Severity
from apphealth.plan.layers import Settings, Sourced
from apphealth.plan.numbers import RESTART_FACTOR, apply_numbers, fit_numbers
from apphealth.plan.ports import PortProblem, ResolvedPort, resolve_port
from apphealth.plan.presets.preset import Preset
from apphealth.plan.result import Provenance


@dataclass(frozen=True, slots=True)
class WantedProbe:
    """A probe that a container should have."""

    probe: Probe
    provenance: tuple[Provenance, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The probes that a container should have, and what to tell about them."""

    probes: Mapping[ProbeKind, WantedProbe] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unresolved: frozenset[ProbeKind] = frozenset()
    """Probes that are wanted, and could not be worked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A container with all that its probes are derived from."""

    container: Container
    settings: Settings
    services: Sequence[Service]
    preset: Preset | None = None
    preset_source: str = ""
    alone: bool = True
    """The only container of its pod."""
    defaults_version: int = 1
    allow_exec: bool = False
    theirs: Mapping[ProbeKind, Probe] = field(default_factory=dict)
    """Probes of somebody else's; those that stay, ours have to fit."""
    replaces: bool = False
    """Those of theirs that we want others for do not stay."""


_Ports = dict[Sourced | None, ResolvedPort | PortProblem]
"""What each setting of the port came to, for this container."""


@dataclass(frozen=True, slots=True)
class _Handled:
    """A handler with where it came from."""

    handler: Handler
    provenance: tuple[Provenance, ...]


def want_probes(subject: Subject) -> Wanted:
    """Derive the probes that a container should have."""
    handlers: dict[ProbeKind, _Handled] = {}
    findings: list[Finding] = []
    unresolved: set[ProbeKind] = set()
    ports: _Ports = {}
    for kind in wanted_kinds(subject.settings):
        match _handle(kind, subject, ports):
            case _Handled() as handled:
                handlers[kind] = handled
            case Finding() as finding:
                unresolved.add(kind)
                findings.append(finding)
    kept = {kind: probe for kind, probe in subject.theirs.items() if not (subject.replaces and kind in handlers)}
    numbers = fit_numbers(tuple(handlers), kept, subject.settings, subject.defaults_version)
    probes = {
        kind: WantedProbe(
            interned(apply_numbers(handled.handler, numbers[kind])),
            handled.provenance + numbers[kind].provenance,
        )
        for kind, handled in handlers.items()
    }
    told = tuple(dict.fromkeys((*findings, *_check_numbers(probes, subject))))
    return Wanted(probes, told, frozenset(unresolved))


def wanted_kinds(settings: Settings) -> list[ProbeKind]:
    """Return the kinds of probe that no rule has switched off."""
    return [kind for kind in KINDS if settings.get(f"{kind}.enabled") is not False]


def _handle(kind: ProbeKind, subject: Subject, ports: _Ports) -> _Handled | Finding | None:
    """Choose how one probe asks; None where there is nothing to ask."""
    asked = ask(kind, subject.settings, subject.preset, subject.preset_source)
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
    port = ports.get(asked.port)
    if port is None:
        port = ports[asked.port] = _port(asked, subject)
    if isinstance(port, PortProblem):
        return _finding("port-unresolved", port.message, port.fix, subject)
    if asked.path is not None and asked.type.value is ProbeType.HTTP:
        return _http(asked, asked.path, port)
    return _socket(asked, port)


def _port(asked: Ask, subject: Subject) -> ResolvedPort | PortProblem:
    default = None
    if subject.preset is not None and subject.preset.default_port is not None:
        default = Sourced(subject.preset.default_port, f"preset {subject.preset.name} ({subject.preset_source})")
    return resolve_port(asked.port, subject.container, subject.services, default, alone=subject.alone)


def _http(asked: Ask, path: Sourced, port: ResolvedPort) -> _Handled:
    scheme = asked.scheme or Sourced("HTTPS" if port.https else "HTTP", port.source)
    handler = HttpGet(port=port.port, path=path.value, scheme=str(scheme.value), headers=asked.headers.value)
    found = (Provenance("port", str(port.port), port.source), Provenance("scheme", handler.scheme, scheme.source))
    return _Handled(handler, asked.provenance + found)


def _socket(asked: Ask, port: ResolvedPort) -> _Handled:
    tcp = asked.type.value is ProbeType.TCP
    handler = TcpSocket(port=port.port) if tcp else Grpc(port=port.number, service=asked.service.value)
    return _Handled(handler, (*asked.provenance, Provenance("port", str(handler.port), port.source)))


def _exec(kind: ProbeKind, subject: Subject, asked: Ask) -> _Handled | Finding:
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
    return _Handled(Exec(command=tuple(asked.command.value)), asked.provenance)


def _finding(id_: str, message: str, fix: str, subject: Subject) -> Finding:
    return Finding(id=id_, severity=Severity.ERROR, message=message, fix=fix, container=subject.container.name)


def _check_numbers(probes: Mapping[ProbeKind, WantedProbe], subject: Subject) -> Iterator[Finding]:
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
