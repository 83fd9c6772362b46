"""Nodes without machines, as objects; what becomes of them is in kwok.yaml."""

from __future__ import annotations

from collections.abc import Sequence

_RESOURCES = {"cpu": "32", "memory": "256Gi", "pods": "1000"}


def node_list(names: Sequence[str]) -> dict[str, object]:
    """Return a List of Node objects that kwok takes care of."""
    return {"apiVersion": "v1", "kind": "List", "items": [_node(name) for name in names]}


def _node(name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, "type": "kwok"},
        },
        "status": {"allocatable": _RESOURCES, "capacity": _RESOURCES},
    }
