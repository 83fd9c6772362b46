"""The simple options.

Name, meaning, default, and how a value is read from Python, Flask's config or the environment.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_management_endpoints.dependencies.hops import MAX_LEVELS
from flask_management_endpoints.raw import Raw


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``parse`` raises ValueError when the value isn't ``wanted``."""

    name: str
    default: Any
    wanted: str
    parse: Callable[[Any], Any]
    meaning: str

    @property
    def flat_key(self) -> str:
        """The key in ``app.config`` and in the environment."""
        return f"Z_ENDPOINTS_{self.name.upper()}"


VISIBILITIES = ("never", "safe", "always")


def _flag(value: Raw) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
        "": False,
    }
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError


def _seconds(value: Raw, *, least: float) -> float:
    if isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - one kind of error for all wrong values
    seconds = float(value)
    if not least <= seconds < math.inf:
        raise ValueError
    return seconds


def _positive(value: Raw) -> float:
    return _seconds(value, least=0.001)


def _not_negative(value: Raw) -> float:
    return _seconds(value, least=0.0)


def _optional_seconds(value: Raw) -> float | None:
    return None if value is None or value == "" else _positive(value)


def _count(value: Raw) -> int:
    number = _seconds(value, least=1)
    if number != int(number):
        raise ValueError
    return int(number)


def _levels(value: Raw) -> int:
    levels = _count(value)
    if levels > MAX_LEVELS:
        raise ValueError
    return levels


def _visibility(value: Raw) -> Raw:
    if callable(value):
        return value
    if value not in VISIBILITIES:
        raise ValueError
    return str(value)


def _names(value: Raw) -> frozenset[str]:
    """Return names from a list, or from a text with commas, which is all that an environment variable can be."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple | set | frozenset) or not all(isinstance(name, str) for name in names):
        raise ValueError
    return frozenset(name.strip() for name in names if name.strip())


def _endpoints(value: Raw) -> frozenset[str]:
    names = _names(value)
    if not names <= ENDPOINTS:
        raise ValueError
    return names


def _path(value: Raw) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise ValueError


ENDPOINTS = frozenset({"index", "health", "info", "version", "metrics", "openapi"})
"""What ``hidden_endpoints`` can leave out. Probes always answer."""
OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option(
            "show_details",
            "safe",
            '"never", "safe" or "always", or a function that says which',
            _visibility,
            "what components of /health show beside their status",
        ),
        Option(
            "show_durations", False, "True or False", _flag, "whether components of /health show how long they took"
        ),
        Option(
            "deadline",
            None,
            "a number of seconds or None",
            _optional_seconds,
            "seconds for one answer in all; None: the slowest timeout",
        ),
        Option(
            "timeout",
            None,
            "a number of seconds or None",
            _optional_seconds,
            "seconds for one check; None: BACKEND_TIMEOUT, else 2",
        ),
        Option(
            "cache_seconds",
            0.0,
            "a number of seconds, 0 or more",
            _not_negative,
            "seconds for which a dependency's answer is used again",
        ),
        Option(
            "dependency_levels",
            1,
            f"a whole number from 1 to {MAX_LEVELS}",
            _levels,
            "services that one question passes through; 1: dependencies are asked, theirs aren't",
        ),
        Option(
            "max_threads", 32, "a whole number, 1 or more", _count, "threads that run checks at the same time, at most"
        ),
        Option(
            "drain_seconds",
            0.0,
            "a number of seconds, 0 or more",
            _not_negative,
            "seconds between SIGTERM and the end; readiness is 503",
        ),
        Option(
            "enable_service_instance_id", False, "True or False", _flag, "whether /info shows an id of this instance"
        ),
        Option(
            "show_sensitive_info",
            False,
            "True or False",
            _flag,
            "whether /info shows the command line and the machine's id",
        ),
        Option("dependencies_file", None, "a path or None", _path, "the operator's file; None: its usual place"),
        Option("metrics", False, "True or False", _flag, "whether GET {prefix}/metrics answers, for Prometheus"),
        Option(
            "disabled_checks",
            (),
            "names of components, in a list or with commas between",
            _names,
            "checks, functions and dependencies that aren't asked nor shown",
        ),
        Option(
            "hidden_endpoints",
            (),
            "a list of " + ", ".join(sorted(ENDPOINTS)) + ", or these with commas between",
            _endpoints,
            "endpoints that answer 404; probes always answer",
        ),
        Option("maintenance", False, "True or False", _flag, "whether readiness says 503 because of maintenance"),
    )
}
