"""Names of the objects that the operator writes beside a workload."""

from __future__ import annotations

import hashlib

MAX_NAME = 253
"""The longest name of an object, in characters (DNS-1123 subdomain)."""
HASH_LENGTH = 10
"""Hexadecimal digits of the hash that keeps shortened names apart: two of 10,000 collide once in 20,000 clusters."""


def health_plan_name(kind: str, name: str) -> str:
    """Return the name of a workload's HealthPlan: `deployment-users-api`."""
    return _bounded(f"{kind.lower()}-{name}", "")


def config_map_name(kind: str, name: str) -> str:
    """Return the name of the ConfigMap with a workload's dependencies: `users-api-apphealth`.

    A StatefulSet or DaemonSet may share its name with a Deployment, so theirs also holds the kind, after a dot:
    `users-api.statefulset-apphealth`.
    """
    return _bounded(name if kind == "Deployment" else f"{name}.{kind.lower()}", "-apphealth")


def _bounded(stem: str, suffix: str) -> str:
    """Cut the stem to fit, and then add a hash of the whole, so that long names stay different."""
    if len(stem) + len(suffix) <= MAX_NAME:
        return stem + suffix
    digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    room = MAX_NAME - len(suffix) - HASH_LENGTH - 1
    return f"{stem[:room].rstrip('-.')}-{digest}{suffix}"
