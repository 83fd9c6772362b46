"""Who owns a probe, read leaf by leaf from `metadata.managedFields`.

Every leaf ours alone: ours. Any leaf somebody else's, or nobody's: theirs, even where some leaves are still ours.
A leaf under the manager that restores (`RESTORER`) makes the whole probe theirs: it is an original that we put back.
The format is the API server's FieldsV1: `f:NAME` for a field, `k:{...}` for a list item by its key, `{}` for a leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apphealth.model import raw

MANAGER = "apphealth"
"""The field manager of everything that the operator writes."""
RESTORER = "apphealth-restored"
"""The field manager under which somebody's original is put back, so that it does not count as ours."""

_SPARE = ("httpHeaders", "host")
"""Fields of a handler without which it still asks at the same place."""
Path = tuple[str, ...]
POD_SPEC: Path = ("f:spec", "f:template", "f:spec")
"""Where the pod's spec stands in a workload."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns the leaves of one probe."""

    ours: bool
    """Every leaf is ours alone."""
    our_leaves: tuple[Path, ...] = ()
    """Where the probe is not ours: the leaves to be taken out when we yield."""
    held: tuple[Path, ...] = ()
    """Where the probe is not ours: every leaf that is ours alone, whether it is to be taken out or not."""
    others: tuple[str, ...] = ()
    """The other managers of its leaves, sorted; empty where the leaves that are not ours are nobody's."""
    claimed: bool = False
    """Where the probe is not ours: an entry of ours in managedFields (`MANAGER`, `RESTORER`) names something of it all
    the same, be it beside somebody else's, or a leaf that isn't there any more. Its owner's server-side apply would
    conflict with that."""


NOBODY = Ownership(ours=False)
OURS = Ownership(ours=True)


@dataclass(frozen=True, slots=True)
class FieldManager:
    """One entry of managedFields: a manager and the fields it owns."""

    name: str
    ours: bool
    fields: Mapping[str, Any]
    applies: bool = False
    """It writes by server-side apply, and so owns all that its manifest says, also where that was there already."""

    def below(self, *path: str) -> Mapping[str, Any] | None:
        """Return the manager's fields below `path`, or None where it owns nothing there."""
        node: object = self.fields
        for part in path:
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        return node if isinstance(node, Mapping) else None


def managers(managed_fields: object) -> tuple[FieldManager, ...]:
    """Read the managers of an object; entries of a subresource (status, scale) own nothing that we write."""
    return tuple(
        FieldManager(
            name=(name := raw.text(entry.get("manager"))),
            ours=name == MANAGER and entry.get("operation") == "Update",
            fields=raw.mapping(entry.get("fieldsV1")),
            applies=entry.get("operation") == "Apply",
        )
        for entry in raw.items(managed_fields)
        if not entry.get("subresource")
    )


def probe_path(list_name: str, container: str, field: str) -> Path:
    """Return where a container's probe stands in FieldsV1 spelling; `list_name` is `containers` or `initContainers`."""
    return (*POD_SPEC, f"f:{list_name}", list_key("name", container), f"f:{field}")


@lru_cache(maxsize=4096)
def list_key(name: str, value: str) -> str:
    """Return the FieldsV1 key of a list item: `k:{"name":"main"}`."""
    return f"k:{json.dumps({name: value}, separators=(',', ':'), ensure_ascii=False)}"


def ownership(field: Mapping[str, Any], path: Sequence[str], owners: Sequence[FieldManager]) -> Ownership:
    """Decide who owns the object `field` that stands at `path` (FieldsV1 spelling).

    Parameters
    ----------
    field
        The live value, as JSON.
    path
        Where it stands: `("f:spec", ..., "f:livenessProbe")`.
    owners
        All managers of the object.
    """
    relevant = [(owner, below) for owner in owners if (below := owner.below(*path)) is not None]
    if not relevant:
        return NOBODY
    leaves = list(_leaves(field))
    held = {leaf: [owner for owner, below in relevant if _holds(below, leaf)] for leaf in leaves}
    if leaves and all(_ours_alone(owner_list) for owner_list in held.values()):
        return OURS
    others = tuple(sorted({owner.name for owner_list in held.values() for owner in owner_list if not owner.ours}))
    alone = tuple(leaf for leaf, owner_list in held.items() if _ours_alone(owner_list))
    shared = _shared_handlers(held)
    ours_to_take = tuple(leaf for leaf in alone if leaf[:-1] not in shared or leaf[-1] in _SPARE)
    if RESTORER in others:
        ours_to_take = ()
    claimed = any(owner.ours or owner.name == RESTORER for owner, _ in relevant)
    return Ownership(ours=False, our_leaves=ours_to_take, held=alone, others=others, claimed=claimed)


def _shared_handlers(held: Mapping[Path, Sequence[FieldManager]]) -> set[Path]:
    """Return the handlers in which somebody owns a leaf who does not write by server-side apply.

    A client-side apply sends only what differs from what is there, so a port that their manifest says too stays ours.
    Taken out, it would leave them with another probe than they asked for: of such a handler all but `_SPARE` stays.
    """
    return {
        leaf[:-1]
        for leaf, owner_list in held.items()
        if len(leaf) > 1 and any(not owner.ours and not owner.applies for owner in owner_list)
    }


def _ours_alone(owner_list: Sequence[FieldManager]) -> bool:
    return bool(owner_list) and all(owner.ours for owner in owner_list)


def _leaves(value: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Yield the path of each leaf; lists inside a probe are atomic, and so leaves."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*prefix, key))
        else:
            yield (*prefix, key)


def _holds(below: Mapping[str, Any], leaf: Path) -> bool:
    node: object = below
    for part in leaf:
        if not isinstance(node, Mapping) or (key := f"f:{part}") not in node:
            return False
        node = node[key]
    return True


def without_claims(managed_fields: object, paths: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Return managedFields without what our own entries say of these paths; an entry that says nothing else goes.

    Parameters
    ----------
    managed_fields
        As the API server gives it.
    paths
        Where to give up every claim: `("f:spec", ..., "f:livenessProbe")`.
    """
    kept: list[dict[str, Any]] = []
    for entry in raw.items(managed_fields):
        mine = entry.get("manager") in (MANAGER, RESTORER) and entry.get("operation") == "Update"
        if not mine or entry.get("subresource"):
            kept.append(dict(entry))
            continue
        fields = raw.mapping(entry.get("fieldsV1"))
        for path in paths:
            fields = _pruned(fields, path)
        if fields:
            kept.append({**entry, "fieldsV1": fields})
    return kept


def _pruned(fields: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Take a path out of a set of fields, and what is empty after that."""
    head, *rest = path
    if head not in fields:
        return dict(fields)
    below = _pruned(raw.mapping(fields[head]), rest) if rest else {}
    return {key: below if key == head else value for key, value in fields.items() if key != head or below}
