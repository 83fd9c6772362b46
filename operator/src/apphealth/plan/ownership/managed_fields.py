"""Split a probe into the fields we own and the fields others own."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from apphealth.model.ownership import MERGED, OURS, RESTORER, Path
from apphealth.model.probe import Probe, ProbeKind, parse_probe, serialise_probe
from apphealth.model.workload import Container, LiveProbe, Workload, WrittenProbe


def without(probe: Probe, leaves: tuple[Path, ...]) -> Probe | None:
    """Return a probe without some of its leaves, with defaults filled in, or None if the rest is no valid probe.

    Parameters
    ----------
    probe
        The probe.
    leaves
        The fields to take out, as FieldsV1 paths within the probe.
    """
    rest = parse_probe(_without(serialise_probe(probe), leaves))
    if rest is None or rest.handler is None:
        return None
    complete = getattr(rest.handler, "port", True) and getattr(rest.handler, "command", True)
    return rest if complete else None


def without_ours(live: LiveProbe) -> Probe:
    """Return a probe as its other owner's manifest has it: without our leaves, if the rest is a valid probe."""
    return without(live.probe, removable_leaves(live)) or live.probe


def original_of(live: LiveProbe) -> dict[str, Any]:
    """Return `without_ours` as JSON, with all that the API server has, fields that we don't know included."""
    if live.exact is None:
        return serialise_probe(without_ours(live))
    valid = without(live.probe, removable_leaves(live)) is not None
    return _without(live.exact, removable_leaves(live) if valid else ())


def _without(value: Mapping[str, Any], leaves: tuple[Path, ...]) -> dict[str, Any]:
    """Return a probe's JSON without some of its leaves."""
    rest: dict[str, Any] = copy.deepcopy(dict(value))
    for leaf in leaves:
        _remove(rest, leaf)
    return rest


def _remove(value: dict[str, Any], leaf: Path) -> None:
    node: Any = value
    for part in leaf[:-1]:
        node = node.get(part) if isinstance(node, Mapping) else None
    if isinstance(node, dict):
        node.pop(leaf[-1], None)


def removable_leaves(live: LiveProbe) -> tuple[Path, ...]:
    """Return the leaves of ours to take out of a probe; not those that a partly shared handler can't lose."""
    if without(live.probe, live.owner.our_leaves) is not None or owns_handler(live):
        return live.owner.our_leaves
    return tuple(leaf for leaf in live.owner.our_leaves if leaf[-1] not in ("port", "command"))


def owns_handler(live: LiveProbe) -> bool:
    """Return whether we own every field of a probe's handler: another owner changed only numbers of our probe."""
    handler = [path for path, _ in leaves(serialise_probe(live.probe)) if len(path) > 1]
    return bool(handler) and set(handler) <= set(live.owner.held)


def abandoned(live: LiveProbe) -> bool:
    """Return whether a probe is left to us: no other manager owns a field of it.

    Either the other owner of a probe that shared our handler has removed it from their manifest, and only our fields
    and the API server's defaults are left; or the handler is ours alone, and what nobody owns are numbers that a
    webhook set when we wrote it.
    """
    if not live.owner.held or not set(live.owner.others) <= {RESTORER}:
        return False
    if not live.owner.others and owns_handler(live):
        return True
    unowned = tuple(path for path, _ in leaves(serialise_probe(live.probe)) if path not in live.owner.held)
    return without(live.probe, unowned) == live.probe


def recognise(workload: Workload, written: Collection[WrittenProbe]) -> Workload:
    """Count as ours the probes that we wrote and whose owner the API server doesn't keep.

    It tracks no updates of an object whose managedFields are empty, and merges the oldest entries of an object with
    more than ten managers. A probe that equals the one we wrote, and that nobody else owns, is still ours.

    Parameters
    ----------
    workload
        As it is now.
    written
        The probes that we have written, as the HealthPlan remembers them.
    """
    if not written:
        return workload
    known = {(one.container, one.kind): one.probe for one in written}
    containers = tuple(_recognised(container, known) for container in workload.containers)
    return replace(workload, containers=containers) if containers != workload.containers else workload


def _recognised(container: Container, known: Mapping[tuple[str, ProbeKind], Probe]) -> Container:
    lost = {
        kind: replace(live, owner=OURS)
        for kind, live in container.probes.items()
        if not live.owner.ours
        and MERGED.issuperset(live.owner.others)
        and known.get((container.name, kind)) == live.probe
    }
    return replace(container, probes={**container.probes, **lost}) if lost else container


def leaves(value: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield path and value (as text) of each leaf of a probe's JSON; lists in it are leaves.

    Parameters
    ----------
    value
        The probe, or a part of it.
    prefix
        Where in the probe the part is.
    """
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from leaves(item, (*prefix, key))
        else:
            yield (*prefix, key), repr(item)
