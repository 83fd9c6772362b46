"""Names of the objects that the operator writes beside a workload."""

from __future__ import annotations

import hashlib

from apphealth.api.spec import WorkloadKind

MAX_NAME = 253
"""The longest name of an object, in characters (DNS-1123 subdomain)."""
_CONFIG_MAP = "-apphealth"
HASH_LENGTH = 10
"""Hexadecimal digits of the hash that keeps shortened names apart: two of 10,000 collide once in 20,000 clusters."""


def health_plan_name(kind: str, name: str) -> str:
    """Return the name of a workload's HealthPlan: `deployment-users-api`.

    Parameters
    ----------
    kind
        The workload's kind.
    name
        The workload's name.
    """
    return _bounded(f"{kind.lower()}-{name}", "")


def policy_report_name(kind: str, name: str) -> str:
    """Return the name of the policy report about a workload: `apphealth-deployment-users-api`.

    Parameters
    ----------
    kind
        The workload's kind.
    name
        The workload's name.
    """
    return _bounded(f"apphealth-{kind.lower()}-{name}", "")


def config_map_name(kind: str, name: str) -> str:
    """Return the name of the ConfigMap with a workload's dependencies: `users-api-apphealth`.

    A workload of another kind may have the same name as a Deployment, so its ConfigMap's name also has the kind, after
    a dot: `users-api.statefulset-apphealth`.

    Parameters
    ----------
    kind
        The workload's kind.
    name
        The workload's name.
    """
    return _bounded(name if kind == "Deployment" else f"{name}.{kind.lower()}", _CONFIG_MAP)


def workload_of_config_map(name: str) -> tuple[str, str]:
    """Return kind and name of the workload that a ConfigMap of this name is probably written for.

    It is a guess, because a Deployment may be named `users-api.statefulset`. If the ConfigMap has an owner, the owner
    counts.
    """
    stem = name.removesuffix(_CONFIG_MAP)
    workload, _, last = stem.rpartition(".")
    kind = next((kind for kind in WorkloadKind if workload and kind.lower() == last), None)
    return (kind.value, workload) if kind else (WorkloadKind.DEPLOYMENT.value, stem)


def _bounded(stem: str, suffix: str) -> str:
    """Return stem and suffix; a stem that is too long is cut, and gets a hash so that names stay different."""
    if len(stem) + len(suffix) <= MAX_NAME:
        return stem + suffix
    digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    room = MAX_NAME - len(suffix) - HASH_LENGTH - 1
    return f"{stem[:room].rstrip('-.')}-{digest}{suffix}"
