"""How each probe asks, as far as users and the preset say: the same for every container with the same settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.memo import Memo
from apphealth.plan.probes.presets.preset import Endpoint, Endpoints, Place, Preset
from apphealth.plan.result import Provenance
from apphealth.plan.rules.merging import Settings, Sourced

PROBE_HEADER = "X-Probe"
"""Sent with every HTTP probe unless the rule sets headers: lets an application tell its probes apart."""
MAX_COMMAND = 200
"""Characters of a command that are shown."""
USERS: tuple[None, ...] = (None,)
"""Where a probe asks is for users to say, not for a preset."""


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
    """What users and the preset say of one probe."""

    settings: Settings
    endpoint: Endpoint | None
    source: str
    """The preset and how it was chosen."""


_ASKS: Memo[Ask | None] = Memo()
_ENDPOINTS: Memo[Endpoints] = Memo()


def ask(kind: ProbeKind, settings: Settings, endpoint: Endpoint | None, source: str) -> Ask | None:
    """Return how a probe asks; None where there is nothing to ask.

    Parameters
    ----------
    endpoint
        Where the preset has it ask: one of `places`.
    source
        The preset and how it was chosen.
    """
    return _ASKS.get((settings, endpoint), (kind, source), lambda: _ask(kind, _Words(settings, endpoint, source)))


def places(kind: ProbeKind, settings: Settings, preset: Preset | None, place: Place) -> tuple[Endpoint | None, ...]:
    """Return where a probe may ask, the best first; (None,) where that is for users to say, or for nobody."""
    if says_where(kind, settings):
        return USERS
    endpoints = _endpoints(settings, preset, place) if preset is not None else {}
    found = endpoints.get(kind, ())
    if kind is ProbeKind.STARTUP:
        live = endpoints.get(ProbeKind.LIVENESS, ())
        if not found and settings.get("liveness.enabled") is not False:
            found = tuple(endpoint for endpoint in live if endpoint.type is not ProbeType.TCP)
        if set(live) <= set(found) and says_where(ProbeKind.LIVENESS, settings):
            return USERS  # a startup that is the same as liveness goes wherever users send liveness
    if settings.get(f"{kind}.type") is not None:
        found = tuple(endpoint for endpoint in found if endpoint.type is ProbeType.HTTP)
    return found or USERS


def says_where(kind: ProbeKind, settings: Settings) -> bool:
    """Whether users said how this probe asks. HTTP alone says nothing of where."""
    said = any(settings.get(f"{kind}.{name}") is not None for name in ("path", "service", "command"))
    return said or settings.get(f"{kind}.type") not in (None, ProbeType.HTTP)


def _endpoints(settings: Settings, preset: Preset, place: Place) -> Endpoints:
    """Return the preset's endpoints under the prefix that users, the container's own settings or the preset say."""
    prefix = prefix_of(settings, preset, place)
    return _ENDPOINTS.get((preset,), prefix, lambda: preset.endpoints(prefix))


def prefix_of(settings: Settings, preset: Preset, place: Place) -> str:
    """Return the path under which a preset's endpoints are, without a slash at its end."""
    said = settings.get("path_prefix")
    usual = preset.default_prefix if place.prefix is None else place.prefix
    prefix = str(usual if said is None else said).strip("/")
    return f"/{prefix}" if prefix else ""


def _ask(kind: ProbeKind, words: _Words) -> Ask | None:
    settings, endpoint = words.settings, words.endpoint
    type_ = _type(kind, words)
    if type_ is None:
        return None
    command = Sourced(endpoint.command, words.source) if endpoint is not None and endpoint.command else None
    ask_ = Ask(
        type=type_,
        port=_inherited("port", kind, settings) or settings.sourced("port"),
        path=_path(kind, words),
        scheme=_inherited("scheme", kind, settings),
        headers=_headers(kind, settings),
        service=_inherited("service", kind, settings) or Sourced("", "the server as a whole"),
        command=_inherited("command", kind, settings) or command,
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


def _type(kind: ProbeKind, words: _Words) -> Sourced | None:
    """Choose the type: as said; HTTP where there is a path; the preset's; startup asks as users have liveness ask."""
    if (said := _said_type(kind, words.settings)) is not None:
        return said
    if words.endpoint is not None:
        return Sourced(words.endpoint.type, words.source)
    if kind is ProbeKind.STARTUP and words.settings.get("liveness.enabled") is not False:
        live = _said_type(ProbeKind.LIVENESS, words.settings)
        return None if live is None or live.value is ProbeType.TCP else Sourced(live.value, "as liveness")
    return None


def _said_type(kind: ProbeKind, settings: Settings) -> Sourced | None:
    if (said := settings.sourced(f"{kind}.type")) is not None:
        return said
    for name, type_ in (("path", ProbeType.HTTP), ("service", ProbeType.GRPC), ("command", ProbeType.EXEC)):
        if (said := settings.sourced(f"{kind}.{name}")) is not None:
            return Sourced(type_, f"{name} of {said.source}")
    return None


def _path(kind: ProbeKind, words: _Words) -> Sourced | None:
    if (said := words.settings.sourced(f"{kind}.path")) is not None:
        return said
    if words.endpoint is not None and words.endpoint.path:
        prefix = words.settings.sourced("path_prefix")
        told = prefix is not None and words.endpoint.path.startswith(prefix.value)
        under = f", under the prefix of {prefix.source}" if prefix is not None and told else ""
        return Sourced(words.endpoint.path, words.source + under)
    if kind is ProbeKind.STARTUP and (live := words.settings.sourced("liveness.path")) is not None:
        return Sourced(live.value, f"as liveness: {live.source}")
    return None


def _inherited(name: str, kind: ProbeKind, settings: Settings) -> Sourced | None:
    """Return what was said for this probe; what startup leaves open, it takes from liveness (its headers excepted)."""
    said = settings.sourced(f"{kind}.{name}")
    if said is not None or kind is not ProbeKind.STARTUP:
        return said
    live = settings.sourced(f"liveness.{name}")
    return Sourced(live.value, f"as liveness: {live.source}") if live else None
