"""``k8s.*``: from the variables that the downward API fills, else from the shape of the pod's name.

The variables are OpenTelemetry's attribute names in capitals (``K8S_POD_NAME``, ``K8S_NAMESPACE_NAME``, …) or the
short ones that many manifests use (``POD_NAME``, ``POD_NAMESPACE`` …).
"""

import os
import re
import socket
from pathlib import Path

_VARIABLES = {
    "k8s.pod.name": ("K8S_POD_NAME", "POD_NAME"),
    "k8s.pod.uid": ("K8S_POD_UID", "POD_UID"),
    "k8s.namespace.name": ("K8S_NAMESPACE_NAME", "POD_NAMESPACE", "NAMESPACE"),
    "k8s.node.name": ("K8S_NODE_NAME", "NODE_NAME"),
    "k8s.container.name": ("K8S_CONTAINER_NAME", "CONTAINER_NAME"),
    "k8s.deployment.name": ("K8S_DEPLOYMENT_NAME",),
    "k8s.cluster.name": ("K8S_CLUSTER_NAME",),
}
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of Kubernetes' generated suffixes: no vowels, no 0, 1, 3 (k8s.io/apimachinery/pkg/util/rand)."""
_DEPLOYMENT_POD = re.compile(
    rf"(?P<deployment>[a-z0-9]([-a-z0-9.]*[a-z0-9])?)-(?P<hash>[{_LETTERS}]{{1,10}})-[{_LETTERS}]{{5}}"
)


def attributes(hostname: str | None = None, namespace: str | None = None) -> dict[str, str]:
    """Return what is known of this pod; nothing outside Kubernetes.

    A ReplicaSet's hash is a number written in the alphabet of generated suffixes: up to ten characters, usually nine
    or ten. Version 1 took nine only, and no name with a dash.
    """
    found = {key: value for key, names in _VARIABLES.items() if (value := _first(names))}
    if namespace or (not found.get("k8s.namespace.name") and (namespace := _mounted_namespace())):
        found["k8s.namespace.name"] = namespace
    pod = hostname or found.get("k8s.pod.name") or os.environ.get("HOSTNAME") or socket.gethostname()
    match = _DEPLOYMENT_POD.fullmatch(pod)
    if match:
        found.setdefault("k8s.pod.name", pod)
        found.setdefault("k8s.deployment.name", match["deployment"])
        found.setdefault("k8s.replicaset.name", f"{match['deployment']}-{match['hash']}")
    return found


def _first(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _mounted_namespace() -> str | None:
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()[:63] or None
    except OSError:
        return None
