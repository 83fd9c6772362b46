"""Who owns a probe, read leaf by leaf from `metadata.managedFields`.

A probe is ours if we alone own every leaf. It is theirs if another manager, or none, owns any leaf, even if we own
others. A leaf of the manager `RESTORER` makes the whole probe theirs: it is an original that we put back.
The format is the API server's FieldsV1: `f:NAME` for a field, `k:{...}` for a list item by its key, `{}` for a leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any

from apphealth.model import raw

MANAGER = "apphealth"
"""The field manager of everything that the operator writes."""
RESTORER = "apphealth-restored"
"""The field manager that puts an original probe back, so that the probe does not count as ours."""

MERGED = frozenset({"ancient-changes", "before-first-apply"})
"""Managers under which the API server merges entries that it no longer keeps apart (capmanagers.go, skipnonapplied.go
in k8s.io/apimachinery): the eleventh manager's, and all from before the first server-side apply."""

_SPARE = ("httpHeaders", "host")
"""Fields that a handler can lose without asking another endpoint."""
Path = tuple[str, ...]
POD_SPEC: Path = ("f:spec", "f:template", "f:spec")
"""The path of the pod's spec in a workload."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns the leaves of one probe."""

    ours: bool
    """Whether we alone own every leaf."""
    our_leaves: tuple[Path, ...] = ()
    """If the probe is not ours: the leaves that we take out of it."""
    held: tuple[Path, ...] = ()
    """If the probe is not ours: every leaf that we alone own, whether we take it out or not."""
    unnamed: tuple[Path, ...] = ()
    """If the probe is not ours: every leaf that no other manager owns by its name; `MERGED` are no names."""
    others: tuple[str, ...] = ()
    """The other managers of its leaves, sorted; empty if the leaves that are not ours have no manager."""
    claimed: bool = False
    """If the probe is not ours: whether an entry of ours in managedFields (`MANAGER`, `RESTORER`) still has one of its
    fields, shared with another manager or removed since. A server-side apply of the owner would conflict with it."""


NOBODY = Ownership(ours=False)
OURS = Ownership(ours=True)


@dataclass(frozen=True, slots=True)
class FieldManager:
    """One entry of managedFields: a manager and the fields it owns."""

    name: str
    ours: bool
    fields: Mapping[str, Any]
    applies: bool = False
    """It writes by server-side apply, and so owns every field of its manifest, also those that had the same value."""

    def below(self, *path: str) -> Mapping[str, Any] | None:
        """Return the manager's fields below `path`, or None if it owns nothing there."""
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


def last_editor(managed_fields: object) -> str:
    """Return the manager that changed an object last, apart from the operator; empty if none is known.

    Parameters
    ----------
    managed_fields
        As the API server gives it.
    """
    times = {
        raw.text(entry.get("manager")): raw.text(entry.get("time"))
        for entry in raw.items(managed_fields)
        if not entry.get("subresource") and entry.get("manager") not in (MANAGER, RESTORER)
    }
    return intern(max(times, key=lambda name: times[name], default=""))


def probe_path(list_name: str, container: str, field: str) -> Path:
    """Return the FieldsV1 path of a container's probe; `list_name` is `containers` or `initContainers`.

    Parameters
    ----------
    list_name
        `containers` or `initContainers`.
    container
        The container's name.
    field
        The probe's field: `livenessProbe`.
    """
    return (*POD_SPEC, f"f:{list_name}", list_key("name", container), f"f:{field}")


@lru_cache(maxsize=4096)
def list_key(name: str, value: str) -> str:
    """Return the FieldsV1 key of a list item: `k:{"name":"main"}`."""
    return f"k:{json.dumps({name: value}, separators=(',', ':'), ensure_ascii=False)}"


def ownership(field: Mapping[str, Any], path: Sequence[str], owners: Sequence[FieldManager]) -> Ownership:
    """Decide who owns the object `field` at `path` (FieldsV1 spelling).

    Parameters
    ----------
    field
        The live value, as JSON.
    path
        Its path: `("f:spec", ..., "f:livenessProbe")`.
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
    unnamed = tuple(leaf for leaf, owner_list in held.items() if all(o.ours or o.name in MERGED for o in owner_list))
    shared = _shared_handlers(held)
    ours_to_take = tuple(leaf for leaf in alone if leaf[:-1] not in shared or leaf[-1] in _SPARE)
    if RESTORER in others:
        ours_to_take = ()
    claimed = any(owner.ours or owner.name == RESTORER for owner, _ in relevant)
    return Ownership(ours=False, our_leaves=ours_to_take, held=alone, unnamed=unnamed, others=others, claimed=claimed)


def _shared_handlers(held: Mapping[Path, Sequence[FieldManager]]) -> set[Path]:
    """Return the handlers in which a manager that does not write by server-side apply owns a leaf.

    A client-side apply sends only the fields that differ, so a port that is in their manifest too stays ours. Without
    it they would have another probe than they wrote. So of such a handler we take out only `_SPARE`.
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
    """Return managedFields without our claims on some paths; an entry without other claims is removed.

    Parameters
    ----------
    managed_fields
        As the API server gives it.
    paths
        The paths: `("f:spec", ..., "f:livenessProbe")`.
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
    """Return a set of fields without a path, and without the parents that are empty then."""
    head, *rest = path
    if head not in fields:
        return dict(fields)
    below = _pruned(raw.mapping(fields[head]), rest) if rest else {}
    return {key: below if key == head else value for key, value in fields.items() if key != head or below}
