"""Build strategic-merge patches from decisions: a few exact edits, never a whole object.

Why strategic merge and explicit nulls: docs/decisions, "Write probes by strategic-merge PATCH". Why two field managers:
"What we put back is written under another field manager".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apphealth.model.ownership import MANAGER, RESTORER, Path
from apphealth.model.parse_workload import DELIVERY_PATH, DELIVERY_VOLUME
from apphealth.model.probe import HANDLER_FIELDS, ProbeKind, serialise_probe
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.delivery import Delivery, delivery_mount, delivery_volume
from apphealth.plan.ownership.takeover import Edit, RemoveProbe, RestoreProbe, SetProbe, YieldLeaves
from apphealth.plan.result import Patch

Target = tuple[str, ProbeKind]
"""A container's name, and which of its probes."""


def build_patches(workload: Workload, edits: Mapping[Target, Edit], delivery: Delivery) -> tuple[Patch, ...]:
    """Build the patches that make all edits: one, or two if an original is put back as well.

    Parameters
    ----------
    workload
        As it is now.
    edits
        The next step of each probe, by container and kind.
    delivery
        The changes of the volume and the mounts.
    """
    ours: dict[str, dict[str, Any]] = defaultdict(dict)
    theirs: dict[str, dict[str, Any]] = defaultdict(dict)
    for (container, kind), edit in edits.items():
        match edit:
            case SetProbe(probe, live):
                before = _exact(workload, container, kind) or (serialise_probe(live) if live is not None else {})
                ours[container][kind.field] = complete(serialise_probe(probe), before)
            case RemoveProbe():
                ours[container][kind.field] = None
            case RestoreProbe(probe, live, exact):
                theirs[container][kind.field] = complete(exact or serialise_probe(probe), serialise_probe(live))
            case YieldLeaves(leaves):
                theirs[container][kind.field] = _nulls(leaves)
    for name, mounts in _mounts(delivery):
        ours[name]["volumeMounts"] = mounts
    volumes = _volumes(workload, delivery)
    return tuple(_patches(workload, ours, theirs, volumes))


def _exact(workload: Workload, container: str, kind: ProbeKind) -> Mapping[str, Any] | None:
    """Return the probe that is there as JSON, if it has more than we know of."""
    there = next(one for one in workload.containers if one.name == container).probes.get(kind)
    return there.exact if there is not None else None


def complete(value: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch body that replaces a whole probe: fields that the new probe lacks are null.

    Parameters
    ----------
    value, before
        The new probe and the one that is there, as JSON.
    """
    cleared: dict[str, Any] = dict.fromkeys((*HANDLER_FIELDS, *before), None)
    merged = cleared | dict(value)
    for handler in HANDLER_FIELDS:
        if handler in value and handler in before:
            merged[handler] = dict.fromkeys(before[handler], None) | value[handler]
    return merged


def _nulls(leaves: Iterable[Path]) -> dict[str, Any]:
    nulls: dict[str, Any] = {}
    for leaf in leaves:
        node = nulls
        for part in leaf[:-1]:
            node = node.setdefault(part, {})
        node[leaf[-1]] = None
    return nulls


def _mounts(delivery: Delivery) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in delivery.add_mounts:
        yield name, [delivery_mount()]
    for name in delivery.remove_mounts:
        yield name, [{"$patch": "delete", "mountPath": DELIVERY_PATH}]


def _volumes(workload: Workload, delivery: Delivery) -> list[dict[str, Any]]:
    if delivery.add_volume:
        return [delivery_volume(workload)]
    return [{"$patch": "delete", "name": DELIVERY_VOLUME}] if delivery.remove_volume else []


def _patches(
    workload: Workload,
    ours: Mapping[str, dict[str, Any]],
    theirs: Mapping[str, dict[str, Any]],
    volumes: list[dict[str, Any]],
) -> Iterator[Patch]:
    """Yield the patches, the one with the originals first, while the HealthPlan still remembers them."""
    if theirs:
        yield Patch(RESTORER, _body(workload, theirs, []))
    if ours or volumes:
        yield Patch(MANAGER, _body(workload, ours, volumes))


def _body(workload: Workload, changes: Mapping[str, dict[str, Any]], volumes: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = {}
    for container in workload.containers:
        if container.name in changes:
            pod.setdefault(container.role.list_name, []).append({"name": container.name} | changes[container.name])
    if volumes:
        pod["volumes"] = volumes
    return {"spec": {"template": {"spec": pod}}}
