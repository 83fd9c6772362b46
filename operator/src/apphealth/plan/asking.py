"""How each probe asks, as far as users and the preset say: the same for every container with the same settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.layers import Settings, Sourced
from apphealth.plan.memo import Memo
from apphealth.plan.presets.preset import Endpoint, Endpoints, Preset
from apphealth.plan.result import Provenance

PROBE_HEADER = "X-Probe"
"""Sent with every HTTP probe unless the rule sets headers: lets an application tell its probes apart."""
MAX_COMMAND = 200
"""Characters of a command that are shown."""
_WHERE = ("type", "path", "service", "command")
"""Settings that say how a probe asks; the port is taken over in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How one probe asks. What belongs to another type than its own is None."""

    type: Sourced
    port: Sourced | None
    """None where the container and its Services have to tell."""
    path: Sourced | None
    scheme: Sourced | None
    headers: Sourced
    """Pairs of name and value."""
    service: Sourced
    command: Sourced | None
    provenance: tuple[Provenance, ...]
    """Where all that came from, apart from port and scheme."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What users and the preset say."""

    settings: Settings
    endpoints: Endpoints
    source: str
    """The preset and how it was chosen."""


_ASKS: Memo[Ask | None] = Memo()


def ask(kind: ProbeKind, settings: Settings, preset: Preset | None, preset_source: str) -> Ask | None:
    """Return how a probe asks; None where there is nothing to ask."""
    return _ASKS.get((settings, preset), (kind, preset_source), lambda: _ask(kind, settings, preset, preset_source))


def _ask(kind: ProbeKind, settings: Settings, preset: Preset | None, preset_source: str) -> Ask | None:
    endpoints = preset.endpoints(_prefix(settings, preset)) if preset else {}
    words = _Words(settings, endpoints, f"preset {preset.name} ({preset_source})" if preset else "")
    type_ = _type(kind, words)
    if type_ is None:
        return None
    ask_ = Ask(
        type=type_,
        port=_inherited("port", kind, settings) or settings.sourced("port"),
        path=_path(kind, words),
        scheme=_inherited("scheme", kind, settings),
        headers=_headers(kind, settings),
        service=_inherited("service", kind, settings) or Sourced("", "the server as a whole"),
        command=_inherited("command", kind, settings),
        provenance=(),
    )
    return replace(ask_, provenance=tuple(_explained(ask_)))


def _headers(kind: ProbeKind, settings: Settings) -> Sourced:
    if (said := settings.sourced(f"{kind}.headers")) is not None:
        return Sourced(tuple((header.name, header.value) for header in said.value), said.source)
    return Sourced(((PROBE_HEADER, str(kind)),), "defaults")


def _explained(ask_: Ask) -> Iterator[Provenance]:
    yield Provenance("type", str(ask_.type.value), ask_.type.source)
    match ask_.type.value:
        case ProbeType.HTTP:
            if ask_.path is not None:
                yield Provenance("path", ask_.path.value, ask_.path.source)
            text = ", ".join(f"{name}: {value}" for name, value in ask_.headers.value) or "none"
            yield Provenance("headers", text, ask_.headers.source)
        case ProbeType.GRPC:
            yield Provenance("service", ask_.service.value, ask_.service.source)
        case ProbeType.EXEC:
            if ask_.command is not None:
                yield Provenance("command", " ".join(ask_.command.value)[:MAX_COMMAND], ask_.command.source)


def _prefix(settings: Settings, preset: Preset) -> str:
    """Return the path under which the preset's endpoints are."""
    said = settings.get("path_prefix")
    prefix = str(preset.default_prefix if said is None else said).strip("/")
    return f"/{prefix}" if prefix else ""


def _type(kind: ProbeKind, words: _Words) -> Sourced | None:
    """Choose the type: as said; HTTP where there is a path; the preset's; startup asks as liveness does."""
    settings = words.settings
    if (said := settings.sourced(f"{kind}.type")) is not None:
        return said
    for name, type_ in (("path", ProbeType.HTTP), ("service", ProbeType.GRPC), ("command", ProbeType.EXEC)):
        if (said := settings.sourced(f"{kind}.{name}")) is not None:
            return Sourced(type_, f"{name} of {said.source}")
    if (endpoint := _endpoint(kind, words)) is not None:
        return Sourced(endpoint.type, words.source)
    liveness_off = settings.get("liveness.enabled") is False
    if kind is ProbeKind.STARTUP and not liveness_off and (live := _type(ProbeKind.LIVENESS, words)) is not None:
        return None if live.value is ProbeType.TCP else Sourced(live.value, "as liveness")
    return None


def _path(kind: ProbeKind, words: _Words) -> Sourced | None:
    if (said := words.settings.sourced(f"{kind}.path")) is not None:
        return said
    if (endpoint := _endpoint(kind, words)) is not None and endpoint.path:
        return Sourced(endpoint.path, words.source)
    if kind is ProbeKind.STARTUP and (live := _path(ProbeKind.LIVENESS, words)) is not None:
        return Sourced(live.value, f"as liveness: {live.source}")
    return None


def _endpoint(kind: ProbeKind, words: _Words) -> Endpoint | None:
    """Return the preset's endpoint; a startup that is the same as liveness goes wherever users send liveness."""
    endpoint = words.endpoints.get(kind)
    follows = kind is ProbeKind.STARTUP and endpoint == words.endpoints.get(ProbeKind.LIVENESS)
    moved = follows and any(words.settings.get(f"liveness.{name}") is not None for name in _WHERE)
    return None if moved else endpoint


def _inherited(name: str, kind: ProbeKind, settings: Settings) -> Sourced | None:
    """Return what was said for this probe; what startup leaves open, it takes from liveness (its headers excepted)."""
    said = settings.sourced(f"{kind}.{name}")
    if said is not None or kind is not ProbeKind.STARTUP:
        return said
    live = settings.sourced(f"liveness.{name}")
    return Sourced(live.value, f"as liveness: {live.source}") if live else None
