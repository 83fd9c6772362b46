"""``service_dependencies``: a string as in version 1, or a dictionary."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask_management_endpoints.checks.definition import PROBES
from flask_management_endpoints.config.problems import Problem, misspelt_probe, unknown, wrong
from flask_management_endpoints.dependencies.model import Dependency, Timeouts

FIELDS = ("url", "required", "groups", "timeout", "check")
KINDS = ("actuator", "status", "tcp")


def read_dependencies(
    entries: Mapping[str, Any], where: str, problems: list[Problem]
) -> tuple[dict[str, Dependency], dict[str, Mapping[str, Any]]]:
    """Return the dependencies that have a URL, and the fields of those that don't: they refine the operator's.

    A value that makes no sense becomes a dependency with an empty URL, which is DOWN: one that vanished would look
    healthy.
    """
    whole: dict[str, Dependency] = {}
    partial: dict[str, Mapping[str, Any]] = {}
    for name, entry in entries.items():
        place = f"{where}[{name!r}]"
        if isinstance(entry, Mapping):
            fields = _fields(entry, place, problems)
            if "url" in entry:
                whole[name] = refined(Dependency(name, fields.pop("url", "")), fields)
            else:
                partial[name] = fields
        elif isinstance(entry, str):
            whole[name] = refined(Dependency(name, entry), {})
        else:
            problems.append(wrong(place, entry, "a host, a URL or a dictionary with a url"))
            whole[name] = Dependency(name, "")
    return whole, partial


def refined(dependency: Dependency, fields: Mapping[str, Any]) -> Dependency:
    """Return ``dependency`` with what ``fields`` say, where they say something."""
    kind = "tcp" if dependency.url.startswith("tcp://") else fields.get("kind", dependency.kind)
    return replace(dependency, **{**fields, "kind": kind})


def _fields(entry: Mapping[str, Any], place: str, problems: list[Problem]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in entry.items():
        match key, value:
            case "url", str():
                fields["url"] = value
            case "required", bool():
                fields["required"] = value
            case "timeout", int() | float() if not isinstance(value, bool) and 0 < value <= 300:
                fields["timeouts"] = Timeouts.of(float(value))
            case "timeout", ((int() | float()) as connect, (int() | float()) as read) if (
                0 < min(connect, read) <= max(connect, read) <= 300
            ):
                fields["timeouts"] = Timeouts.of((float(connect), float(read)))
            case "check", str() if value in KINDS:
                fields["kind"] = value
            case "groups", list() | tuple() | set() | frozenset() if all(isinstance(group, str) for group in value):
                fields["groups"] = _without_liveness(frozenset(value), place, problems)
            case _ if key in FIELDS:
                problems.append(wrong(f"{place}[{key!r}]", value, _WANTED[key]))
            case _:
                problems.append(unknown(place, key, FIELDS))
    return fields


_WANTED = {
    "url": "a host or URL",
    "required": "True or False",
    "timeout": "seconds, or a pair (connect, read), more than 0, at most 300",
    "check": '"actuator", "status" or "tcp"',
    "groups": 'a list of groups, for example ["readiness"]',
}


def _without_liveness(groups: frozenset[str], place: str, problems: list[Problem]) -> frozenset[str]:
    for group in sorted(groups):
        problems += misspelt_probe(place, group, PROBES)
    if "liveness" in groups:
        problems.append(
            Problem(place, "a dependency never takes part in liveness: restarting this app doesn't mend another one")
        )
    return groups - {"liveness"}
