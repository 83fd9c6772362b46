"""``k8s.*``: from the variables that the downward API fills, else from the pod's name.

The variables are OpenTelemetry's attribute names in capitals (``K8S_POD_NAME``, ``K8S_NAMESPACE_NAME``, …) or the
short ones that many manifests use (``POD_NAME``, ``NAMESPACE`` …). The short ones mean something else elsewhere
(Jenkins sets ``NODE_NAME``), so they count inside Kubernetes only.
"""

import os
import re
import socket
from functools import cache
from pathlib import Path

_VARIABLES = {
    "k8s.pod.name": "K8S_POD_NAME",
    "k8s.pod.uid": "K8S_POD_UID",
    "k8s.namespace.name": "K8S_NAMESPACE_NAME",
    "k8s.node.name": "K8S_NODE_NAME",
    "k8s.container.name": "K8S_CONTAINER_NAME",
    "k8s.deployment.name": "K8S_DEPLOYMENT_NAME",
    "k8s.cluster.name": "K8S_CLUSTER_NAME",
}
_SHORT_VARIABLES = {
    "k8s.pod.name": ("POD_NAME",),
    "k8s.pod.uid": ("POD_UID",),
    "k8s.namespace.name": ("POD_NAMESPACE", "NAMESPACE"),
    "k8s.node.name": ("NODE_NAME",),
    "k8s.container.name": ("CONTAINER_NAME",),
}
_SERVICE_HOST = "KUBERNETES_SERVICE_HOST"
"""Set by the kubelet in every container, whatever the pod says."""
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of Kubernetes' generated suffixes: no vowels, no 0, 1, 3 (k8s.io/apimachinery/pkg/util/rand)."""
_DEPLOYMENT_POD = re.compile(
    rf"(?P<deployment>[a-z0-9]([-a-z0-9.]*[a-z0-9])?)-(?P<hash>[{_LETTERS}]{{1,10}})-[{_LETTERS}]{{5}}"
)
_STATEFUL_POD = re.compile(r"(?P<statefulset>[a-z0-9]([-a-z0-9.]*[a-z0-9])?)-(?P<index>0|[1-9]\d*)")


def attributes(hostname: str | None = None, namespace: str | None = None) -> dict[str, str]:
    """Return what is known of this pod; nothing outside Kubernetes.

    A ReplicaSet's hash is a number written in the alphabet of generated suffixes: up to ten characters, usually nine
    or ten. Version 1 took nine only, and no name with a dash. The pod of a DaemonSet or a Job has no shape of its
    own; inside Kubernetes ``HOSTNAME`` is the pod's name all the same (but with ``hostNetwork``, where the downward
    API has to say it).
    """
    given = {"k8s.namespace.name": namespace} if namespace else {}
    if hostname is not None:  # somebody asks about another pod than this one
        return _with_owner(given, hostname, inside=False)
    found = {key: value for key, name in _VARIABLES.items() if (value := os.environ.get(name))}
    inside = _SERVICE_HOST in os.environ
    own_name = os.environ.get("HOSTNAME") or socket.gethostname()
    mounted = _mounted_namespace(_NAMESPACE_FILE)
    if inside or mounted or found or _DEPLOYMENT_POD.fullmatch(own_name):
        found = {key: value for key, names in _SHORT_VARIABLES.items() if (value := _first(names))} | found
    if mounted:
        found.setdefault("k8s.namespace.name", mounted)
    if inside:
        found.setdefault("k8s.pod.name", own_name)
    return _with_owner(found | given, found.get("k8s.pod.name", own_name), inside=inside)


def _with_owner(found: dict[str, str], pod: str, *, inside: bool) -> dict[str, str]:
    """Return ``found`` and what the shape of the pod's name says of the workload it belongs to."""
    if match := _DEPLOYMENT_POD.fullmatch(pod):
        guessed = {
            "k8s.pod.name": pod,
            "k8s.deployment.name": match["deployment"],
            "k8s.replicaset.name": f"{match['deployment']}-{match['hash']}",
            "k8s.container.name": match["deployment"],  # version 1's guess, kept for whoever reads it
        }
        return guessed | found
    if inside and (match := _STATEFUL_POD.fullmatch(pod)):
        return {"k8s.statefulset.name": match["statefulset"]} | found
    return found


def _first(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


@cache
def _mounted_namespace(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()[:63] or None
    except OSError:
        return None
