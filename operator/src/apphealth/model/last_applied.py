"""Probes in the last manifest of a client-side `kubectl apply`: the one owner that managedFields may not know.

A client-side apply sends only the fields that differ from the live object. Users who write our values into their own
manifest send nothing, leave no trace in managedFields, and would lose the probe with our rule. Their manifest is in an
annotation. It may be out of date, so a probe in it counts only while it equals the container's probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from apphealth.model import raw
from apphealth.model.ownership import FieldManager, list_key
from apphealth.model.probe import ProbeKind

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl-client-side-apply"
"""The field manager under which such an apply is recorded, where it is."""


def last_applied(annotations: object, pod: Mapping[str, Any]) -> FieldManager | None:
    """Return the author of the last client-side apply as an owner of the probes in it, or None.

    Parameters
    ----------
    annotations
        The annotations of the workload.
    pod
        The pod's spec as it is now.
    """
    text = raw.mapping(annotations).get(ANNOTATION)
    if not isinstance(text, str) or 'Probe"' not in text:
        return None
    try:
        applied = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    node = applied
    for part in ("spec", "template", "spec"):
        node = raw.mapping(node).get(part)
    fields = {
        f"f:{name}": dict(_containers(raw.mapping(node).get(name), pod.get(name)))
        for name in ("containers", "initContainers")
    }
    return FieldManager(name=MANAGER, ours=False, fields={"f:spec": {"f:template": {"f:spec": fields}}}, applies=True)


def _containers(applied: object, live: object) -> Iterator[tuple[str, dict[str, Any]]]:
    there = {raw.text(item.get("name")): item for item in raw.items(live)}
    for item in raw.items(applied):
        name = raw.text(item.get("name"))
        probes = {
            f"f:{kind.field}": _fields(probe)
            for kind in ProbeKind
            if (probe := raw.mapping(item.get(kind.field)))
            and _within(probe, raw.mapping(there.get(name, {}).get(kind.field)))
        }
        if probes:
            yield list_key("name", name), probes


def _within(applied: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether the live value contains everything that was applied."""
    return all(
        _within(value, raw.mapping(live.get(key))) if isinstance(value, Mapping) else value in (None, live.get(key))
        for key, value in applied.items()
    )


def _fields(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"f:{key}": _fields(item) if isinstance(item, Mapping) else {}
        for key, item in value.items()
        if item is not None
    }
