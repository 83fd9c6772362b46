"""From ``app.config`` and the environment to settings and problems."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_management_endpoints.checks.definition import PROBES
from flask_management_endpoints.checks.outcome import HTTP_STATUSES, WORST_FIRST, Status
from flask_management_endpoints.config.dependencies import read_dependencies
from flask_management_endpoints.config.options import OPTIONS
from flask_management_endpoints.config.problems import Problem, misspelt_probe, unknown, wrong
from flask_management_endpoints.config.statuses import read_mapping, read_order
from flask_management_endpoints.dependencies.model import Dependency, Timeouts
from flask_management_endpoints.raw import Raw

KEY = "Z_ENDPOINTS"
TIMEOUT_KEY = "BACKEND_TIMEOUT"
DEFAULT_TIMEOUT = 2.0
FUNCTION_GROUPS = ("health", "readiness")
STRUCTURED = (
    "service_dependencies",
    "check_functions",
    "version_function",
    "groups",
    "info",
    "status_order",
    "http_mapping",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one request."""

    options: Mapping[str, Any]
    dependencies: Mapping[str, Dependency]
    partial_dependencies: Mapping[str, Mapping[str, Any]]
    """Entries without a URL: they change single fields of the operator's."""
    functions: Mapping[str, Mapping[str, Any]]
    timeouts: Timeouts
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    version_function: Callable[[], Any] | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    status_order: tuple[Status, ...] = WORST_FIRST
    """Every status, worst first, for ``/health``."""
    http_mapping: Mapping[Status, int] = field(default_factory=lambda: HTTP_STATUSES)
    """The HTTP status of every status, for ``/health``."""


def read(config: Mapping[str, Any]) -> tuple[Settings, list[Problem]]:
    """Return the settings in ``config`` and the environment, and what is wrong with them.

    Wrong values count as absent; nothing is changed.
    """
    problems: list[Problem] = []
    endpoints = _mapping(config.get(KEY) or {}, KEY, problems)
    problems += [
        unknown(KEY, name, [*OPTIONS, *STRUCTURED])
        for name in endpoints
        if name not in OPTIONS and name not in STRUCTURED
    ]
    options = {name: _option(name, config, endpoints, problems) for name in OPTIONS}
    where = f"{KEY}['service_dependencies']"
    entries = _mapping(endpoints.get("service_dependencies") or {}, where, problems)
    dependencies, partial = read_dependencies(entries, where, problems)
    version = endpoints.get("version_function")
    if version is not None and not callable(version):
        problems.append(wrong(f"{KEY}['version_function']", version, "a function without arguments"))
        version = None
    where = f"{KEY}['http_mapping']"
    settings = Settings(
        options=options,
        dependencies=dependencies,
        partial_dependencies=partial,
        functions=_functions(endpoints, problems),
        timeouts=_timeouts(config, options, problems),
        groups=_groups(endpoints, problems),
        version_function=version,
        info=_mapping(endpoints.get("info") or {}, f"{KEY}['info']", problems),
        status_order=read_order(endpoints.get("status_order"), f"{KEY}['status_order']", problems),
        http_mapping=read_mapping(_mapping(endpoints.get("http_mapping") or {}, where, problems), where, problems),
    )
    return settings, problems


def _mapping(value: Raw, where: str, problems: list[Problem]) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(wrong(where, value, "a dictionary"))
    return {}


def _option(name: str, config: Mapping[str, Any], endpoints: Mapping[str, Any], problems: list[Problem]) -> Raw:
    option = OPTIONS[name]
    sources = (
        (f"{KEY}[{name!r}]", endpoints, name),
        (f"app.config[{option.flat_key!r}]", config, option.flat_key),
        (f"environment variable {option.flat_key}", os.environ, option.flat_key),
    )
    for where, source, key in sources:
        if key in source:
            try:
                return option.parse(source[key])
            except (ValueError, TypeError):
                problems.append(wrong(where, source[key], option.wanted))
    return option.default


def _functions(endpoints: Mapping[str, Any], problems: list[Problem]) -> dict[str, Mapping[str, Any]]:
    where = f"{KEY}['check_functions']"
    groups = _mapping(endpoints.get("check_functions") or {}, where, problems)
    found: dict[str, Mapping[str, Any]] = {}
    problems += [unknown(where, group, FUNCTION_GROUPS) for group in groups if group not in FUNCTION_GROUPS]
    for group in FUNCTION_GROUPS:
        found[group] = _mapping(groups.get(group) or {}, f"{where}[{group!r}]", problems)
        problems += [
            wrong(f"{where}[{group!r}][{name!r}]", function, "a function without arguments")
            for name, function in found[group].items()
            if not callable(function)
        ]
    return found


def _groups(endpoints: Mapping[str, Any], problems: list[Problem]) -> dict[str, frozenset[str]]:
    where = f"{KEY}['groups']"
    found: dict[str, frozenset[str]] = {}
    for group, members in _mapping(endpoints.get("groups") or {}, where, problems).items():
        names = [members] if isinstance(members, str) else members
        if not isinstance(names, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in names):
            problems.append(wrong(f"{where}[{group!r}]", members, "a list of component names"))
        elif not group or "/" in group or len(group) > 128:
            problems.append(wrong(where, group, "a group's name: 1 to 128 characters, no slash"))
        else:
            problems += misspelt_probe(where, group, PROBES)
            found[group] = frozenset(names)
    return found


def _timeouts(config: Mapping[str, Any], options: Mapping[str, Any], problems: list[Problem]) -> Timeouts:
    value = config.get(TIMEOUT_KEY)
    default = Timeouts.of(options["timeout"] or DEFAULT_TIMEOUT)
    if value is None:
        return default
    parse = OPTIONS["timeout"].parse
    try:
        if isinstance(value, tuple | list):
            connect, read_ = (parse(seconds) or DEFAULT_TIMEOUT for seconds in value)
            return Timeouts.of((connect, read_))
        return Timeouts.of(parse(value) or DEFAULT_TIMEOUT)
    except (ValueError, TypeError):
        problems.append(wrong(TIMEOUT_KEY, value, "a number of seconds or a pair (connect, read)"))
        return default
