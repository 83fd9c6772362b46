"""How much of a Kubernetes runs."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How much of a Kubernetes runs."""

    CONTROL_PLANE = "control-plane"
    """etcd, kube-apiserver, kube-controller-manager, kube-scheduler. Pods stay Pending."""

    SIMULATED = "simulated"
    """The control plane and kwok: nodes without machines, whose pods become Ready by themselves."""

    NODE = "node"
    """The control plane and one real node: containerd, kubelet, kube-proxy, CoreDNS. Linux and root only."""
