"""Read a raw AppHealth or ClusterAppHealth into a `Rule`, or raise an error with all its problems.

Everything that the CustomResourceDefinitions check is checked here again, because files never reach an API server, and
objects can be older than the schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from apphealth.api import API_VERSION
from apphealth.api.checks import check
from apphealth.api.errors import InvalidResource, Problem, shown
from apphealth.api.rule import Rule, RuleKind
from apphealth.api.shape import conform
from apphealth.api.spec import AppHealthSpec, ClusterAppHealthSpec

SPECS: Mapping[RuleKind, type[AppHealthSpec]] = {
    RuleKind.APP_HEALTH: AppHealthSpec,
    RuleKind.CLUSTER_APP_HEALTH: ClusterAppHealthSpec,
}
_FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def parse_rule(obj: object, *, default_namespace: str = "default") -> Rule:
    """Read an AppHealth or a ClusterAppHealth.

    Parameters
    ----------
    obj
        The parsed YAML or JSON of the object. It may have any content.
    default_namespace
        The namespace of an AppHealth without one, as in a file.

    Returns
    -------
    Rule
        The valid rule.

    Raises
    ------
    InvalidResource
        The object is invalid; the error has all problems. Nothing else is raised, whatever the object's content.
    """
    if not isinstance(obj, Mapping):
        raise InvalidResource("resource", [Problem("(root)", f"must be an object, not {shown(obj)}")])
    problems = _envelope(obj)
    kind = _kind(obj)
    if kind is None:
        raise InvalidResource(_resource(obj), problems)
    spec, found = _spec(obj.get("spec"), SPECS[kind])
    if problems or found or spec is None:
        raise InvalidResource(_resource(obj), [*problems, *found])
    metadata = _metadata(obj)
    namespace = _text(metadata, "namespace") or default_namespace
    return Rule(
        kind=kind,
        name=_text(metadata, "name"),
        namespace=namespace if kind is RuleKind.APP_HEALTH else "",
        spec=spec,
        uid=_text(metadata, "uid"),
        generation=_generation(metadata),
        created=_text(metadata, "creationTimestamp"),
    )


def _spec(value: object, wanted: type[AppHealthSpec]) -> tuple[AppHealthSpec | None, list[Problem]]:
    if value is None:
        return None, [Problem("spec", "is required: add it")]
    plain, problems = conform(value, wanted, "spec")
    if problems:
        return None, problems
    spec = msgspec.convert(plain, wanted)
    return spec, check(spec)


def _envelope(obj: Mapping[Any, Any]) -> list[Problem]:
    """Check the fields beside the spec: apiVersion, kind, metadata."""
    problems = [
        Problem(shown(key), f"no such field; the fields here are {', '.join(_FIELDS)}")
        for key in list(obj)[:10]
        if key not in _FIELDS
    ]
    if obj.get("apiVersion") != API_VERSION:
        problems.append(Problem("apiVersion", f"must be {API_VERSION}, not {shown(obj.get('apiVersion'))}"))
    if _kind(obj) is None:
        problems.append(Problem("kind", f"must be {' or '.join(RuleKind)}, not {shown(obj.get('kind'))}"))
    for field, required in (("name", True), ("namespace", False)):
        given = _metadata(obj).get(field)
        if (given is not None or required) and not (isinstance(given, str) and _NAME.fullmatch(given)):
            wanted = "must be at most 253 lower-case letters, digits, '-' and '.'"
            problems.append(Problem(f"metadata.{field}", f"{wanted}, not {shown(given)}"))
    return problems


def _kind(obj: Mapping[Any, Any]) -> RuleKind | None:
    kind = obj.get("kind")
    return RuleKind(kind) if isinstance(kind, str) and kind in RuleKind.__members__.values() else None


def _metadata(obj: Mapping[Any, Any]) -> Mapping[Any, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _text(metadata: Mapping[Any, Any], field: str) -> str:
    value = metadata.get(field)
    return value if isinstance(value, str) else ""


def _generation(metadata: Mapping[Any, Any]) -> int:
    value = metadata.get("generation")
    return value if isinstance(value, int) and not isinstance(value, bool) else 1


def _resource(obj: Mapping[Any, Any]) -> str:
    """Return kind, namespace and name, as far as they are valid: `AppHealth shop/web`."""
    metadata = _metadata(obj)
    names = [name for field in ("namespace", "name") if _NAME.fullmatch(name := _text(metadata, field))]
    return " ".join(part for part in (_kind(obj) or "resource", "/".join(names)) if part)
