"""Strategic merge of plain values, as far as the patches of a plan need it.

Lists of objects are merged by the key that Kubernetes defines for them. Items that a patch deletes from such a list
stay in the list: in files nothing shows that an item is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apphealth.cli.yamledit.plain import Plain

MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
}
"""The lists that our patches reach into, and the key of their items (k8s.io/api, `patchMergeKey`)."""


def merge(value: Plain, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a patch.

    Parameters
    ----------
    value
        The value to patch; it is not changed.
    patch
        A strategic-merge patch.

    Returns
    -------
    dict
        The patched value, which shares the values of both arguments.
    """
    result: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        elif isinstance(item, dict):
            result[key] = merge(result.get(key), item)
        elif key in MERGE_KEYS:
            merged = _merge_list(result.get(key), item, MERGE_KEYS[key])
            if merged:
                result[key] = merged
        else:
            result[key] = item
    return result


def _merge_list(value: Plain, patches: list[dict[str, Any]], key: str) -> list[Any]:
    result: list[Any] = list(value) if isinstance(value, list) else []
    for patch in patches:
        if patch.get("$patch") == "delete":
            continue
        at = next((n for n, item in enumerate(result) if isinstance(item, dict) and item.get(key) == patch[key]), None)
        if at is None:
            result.append(merge({}, patch))
        else:
            result[at] = merge(result[at], patch)
    return result


def trimmed(patch: Mapping[str, Any], value: Plain) -> dict[str, Any]:
    """Remove from a patch what has no effect in files.

    Parameters
    ----------
    patch
        A strategic-merge patch.
    value
        The value that it will be applied to.

    Returns
    -------
    dict
        The patch without nulls for fields that `value` doesn't have, and without list items to delete.
    """
    present = value if isinstance(value, dict) else {}
    result: dict[str, Any] = {}
    for key, item in patch.items():
        if item is None:
            if key in present:
                result[key] = None
        elif isinstance(item, dict):
            result[key] = trimmed(item, present.get(key))
        elif key in MERGE_KEYS:
            if kept := _trimmed_list(item, present.get(key), MERGE_KEYS[key]):
                result[key] = kept
        else:
            result[key] = item
    return result


def _trimmed_list(patches: list[dict[str, Any]], value: Plain, key: str) -> list[Any]:
    items = {item.get(key): item for item in value if isinstance(item, dict)} if isinstance(value, list) else {}
    return [trimmed(patch, items.get(patch[key])) for patch in patches if patch.get("$patch") != "delete"]


def replaced_at(value: Plain, path: tuple[str | int, ...], new: Plain) -> Plain:
    """Return a copy of a value with another value at a path.

    Parameters
    ----------
    value
        The value to copy.
    path
        The path of an existing part of it.
    new
        The value to put there.

    Raises
    ------
    KeyError
        `value` has nothing at this path.
    """
    if not path:
        return new
    first, *rest = path
    if isinstance(value, dict) and isinstance(first, str):
        return value | {first: replaced_at(value[first], tuple(rest), new)}
    if isinstance(value, list) and isinstance(first, int):
        return [*value[:first], replaced_at(value[first], tuple(rest), new), *value[first + 1 :]]
    raise KeyError(first)
