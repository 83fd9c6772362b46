"""Fields of probes with values that the API server rejects, and unknown fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from apphealth.api.errors import quoted
from apphealth.lint.check import Check, Hit, Path
from apphealth.lint.subject import RawContainer, Subject
from apphealth.model.probe import KINDS, ProbeKind
from apphealth.model.raw import MAX_PORT
from apphealth.plan import findings

_NUMBERS = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 0,
    "periodSeconds": 0,
    "successThreshold": 0,
    "failureThreshold": 0,
    "terminationGracePeriodSeconds": 1,
}
"""The minimum of each field; 0 means the default."""
_HANDLERS: Mapping[str, frozenset[str]] = {
    "httpGet": frozenset({"path", "port", "host", "scheme", "httpHeaders"}),
    "tcpSocket": frozenset({"port", "host"}),
    "grpc": frozenset({"port", "service"}),
    "exec": frozenset({"command"}),
}
_PROBE = frozenset(_NUMBERS) | frozenset(_HANDLERS)
_MAX_NUMBER = 2**31 - 1
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", re.DOTALL)
_Wrong = tuple[Path, str, str]
"""The path below the probe, what is wrong, and the fix."""


def _shown(value: object) -> str:
    """Return a short text for a value of any type."""
    match value:
        case None:
            return "missing"
        case str():
            return quoted(value[:60])
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)[:24]
    return "a list" if isinstance(value, list) else "a mapping"


def _fields(subject: Subject) -> Iterator[Hit]:
    for container in subject.containers:
        for kind in KINDS:
            value = container.raw.get(kind.field)
            if value is None:
                continue
            for path, what, fix in _probe(value, kind):
                yield Hit(
                    message=f"{'.'.join(map(str, (kind.field, *path)))}: {what}",
                    fix=fix,
                    path=(*container.path, kind.field, *path),
                    container=container.name,
                )
        yield from _misspelt(container)


def _misspelt(container: RawContainer) -> Iterator[Hit]:
    """Yield the fields of a container that look like misspelt probes."""
    for key in container.raw:
        if "probe" in key.lower() and key not in {kind.field for kind in KINDS}:
            near = get_close_matches(key, [kind.field for kind in KINDS], n=1, cutoff=0.7)
            if near:
                yield Hit(
                    message=f"{key[:60]}: no such field",
                    fix=f"write {near[0]}",
                    path=(*container.path, key),
                    container=container.name,
                )


def _probe(value: object, kind: ProbeKind) -> Iterator[_Wrong]:
    if not isinstance(value, Mapping):
        yield (), f"is {_shown(value)}, where fields are wanted", "write a probe's fields below it"
        return
    yield from _unknown(value, _PROBE, ())
    for name, least in _NUMBERS.items():
        if (number := value.get(name)) is not None:
            yield from _number(number, name, least)
    if kind is ProbeKind.READINESS and value.get("terminationGracePeriodSeconds") is not None:
        yield ("terminationGracePeriodSeconds",), "readiness never ends a container", "take it away"
    for name, known in _HANDLERS.items():
        handler = value.get(name)
        if handler is None:
            continue
        if not isinstance(handler, Mapping):
            yield (
                (name,),
                f"is {_shown(handler)}, where fields are wanted",
                f"write {', '.join(sorted(known))} below it",
            )
            continue
        yield from _unknown(handler, known, (name,))
        yield from _handler(name, handler)


def _unknown(value: Mapping[str, Any], known: frozenset[str], path: Path) -> Iterator[_Wrong]:
    for key in value:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            fix = f"write {near[0]}" if near else f"there are {', '.join(sorted(known))}"
            yield (*path, key), "no such field", fix


def _number(value: object, name: str, least: int) -> Iterator[_Wrong]:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        yield (name,), f"is {_shown(value)}, and must be a whole number", "write a number without quotes"
    elif not least <= value <= _MAX_NUMBER:
        yield (name,), f"is {_shown(value)}, and must be from {least} to {_MAX_NUMBER}", "correct the number"


def _handler(name: str, handler: Mapping[str, Any]) -> Iterator[_Wrong]:
    if name == "exec":
        command = handler.get("command")
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            yield (
                (name, "command"),
                f"is {_shown(command)}, and must be a list of words",
                "write [program, argument, ...]",
            )
        return
    yield from _port(handler.get("port"), name)
    if name == "httpGet":
        yield from _http(handler)


def _port(port: object, name: str) -> Iterator[_Wrong]:
    number = isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= MAX_PORT
    named = name != "grpc" and isinstance(port, str) and _PORT_NAME.fullmatch(port) is not None
    if number or named:
        return
    wanted = f"a number from 1 to {MAX_PORT}" + ("" if name == "grpc" else ", or the name of a port")
    yield (name, "port"), f"is {_shown(port)}, and must be {wanted}", "give the port to ask"


def _http(handler: Mapping[str, Any]) -> Iterator[_Wrong]:
    path, scheme, headers = (handler.get(field) for field in ("path", "scheme", "httpHeaders"))
    if path is not None and not isinstance(path, str):
        yield ("httpGet", "path"), f"is {_shown(path)}, and must be text", "write the path in quotes"
    if scheme not in (None, "HTTP", "HTTPS"):
        yield ("httpGet", "scheme"), f"is {_shown(scheme)}, and must be HTTP or HTTPS", "write HTTP or HTTPS"
    if headers is None:
        return
    listed = headers if isinstance(headers, list) else [None]
    for header in listed:
        if not _is_header(header):
            yield (
                ("httpGet", "httpHeaders"),
                "must be a list of name and value, both text",
                "write {name: X, value: 'y'}",
            )
            return


def _is_header(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(key), str) for key in ("name", "value"))


CHECKS = (
    Check(
        kind=findings.FIELD_INVALID,
        title="A probe has a field or value that the API server refuses",
        why="The API server refuses the whole object; or, where unknown fields are not checked, drops a misspelt"
        " field, and the probe runs with an unintended default.",
        remedy="Write the field as the Kubernetes API defines it; the message says which values are valid.",
        sources=("https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe",),
        workload=_fields,
    ),
)
