"""The programs of a cluster and their flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .kubeconfig import server_url
from .level import Level
from .node import HOME
from .spec import NODE_NAME, ClusterSpec


@dataclass(frozen=True, slots=True)
class Component:
    """A program that runs as long as the cluster does."""

    name: str
    command: tuple[str, ...]
    needs_api: bool = False
    """Whether it is started only once the API server answers."""


def components(spec: ClusterSpec) -> list[Component]:
    """Return what runs in this cluster, in the order of its start."""
    found = [_etcd(spec), _kube_apiserver(spec)]
    if spec.controllers:
        found += [_kube_controller_manager(spec), _kube_scheduler(spec)]
    if spec.level is Level.SIMULATED:
        found.append(_kwok(spec))
    if spec.level is Level.NODE:
        found = [_containerd(spec), *found, _kubelet(spec), _kube_proxy(spec), _coredns(spec)]
    return found


def _component(spec: ClusterSpec, name: str, flags: Sequence[str], *, needs_api: bool = False) -> Component:
    extra = spec.extra_arguments.get(name, ())
    return Component(name, (str(spec.binaries / name), *flags, *extra), needs_api)


def _etcd(spec: ClusterSpec) -> Component:
    client = f"http://127.0.0.1:{spec.addresses.etcd_port}"
    peer = f"http://127.0.0.1:{spec.addresses.etcd_peer_port}"
    flags = [
        "--name=default",
        f"--data-dir={spec.files.root / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # The data lives as long as the processes: a disk that writes in its own time is safe enough.
        "--unsafe-no-fsync",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
    ]
    return _component(spec, "etcd", flags)


def _kube_apiserver(spec: ClusterSpec) -> Component:
    files, addresses = spec.files, spec.addresses
    flags = [
        f"--etcd-servers=http://127.0.0.1:{addresses.etcd_port}",
        f"--bind-address={addresses.server}",
        f"--advertise-address={addresses.server}",
        f"--secure-port={addresses.server_port}",
        f"--tls-cert-file={files.pki('apiserver.crt')}",
        f"--tls-private-key-file={files.pki('apiserver.key')}",
        f"--client-ca-file={files.pki('ca.crt')}",
        f"--token-auth-file={files.tokens}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={files.pki('service-accounts.pub')}",
        f"--service-account-signing-key-file={files.pki('service-accounts.key')}",
        f"--service-cluster-ip-range={addresses.services}",
        f"--kubelet-client-certificate={files.pki('apiserver-kubelet-client.crt')}",
        f"--kubelet-client-key={files.pki('apiserver-kubelet-client.key')}",
        f"--kubelet-certificate-authority={files.pki('ca.crt')}",
        "--kubelet-preferred-address-types=InternalIP",
        "--profiling=false",
    ]
    return _component(spec, "kube-apiserver", flags)


def _kube_controller_manager(spec: ClusterSpec) -> Component:
    files = spec.files
    flags = [
        f"--kubeconfig={files.component_kubeconfig('kube-controller-manager')}",
        f"--service-account-private-key-file={files.pki('service-accounts.key')}",
        f"--root-ca-file={files.pki('ca.crt')}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]
    return _component(spec, "kube-controller-manager", flags, needs_api=True)


def _kube_scheduler(spec: ClusterSpec) -> Component:
    kubeconfig = spec.files.component_kubeconfig("kube-scheduler")
    flags = [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0", "--profiling=false"]
    return _component(spec, "kube-scheduler", flags, needs_api=True)


def _kwok(spec: ClusterSpec) -> Component:
    flags = [
        f"--config={Path(__file__).with_name('kwok.yaml')}",
        f"--kubeconfig={spec.files.component_kubeconfig('kwok')}",
        f"--master={server_url(spec)}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
    ]
    return _component(spec, "kwok", flags, needs_api=True)


def _containerd(spec: ClusterSpec) -> Component:
    node = spec.files.node
    return _component(spec, "containerd", [f"--config={node / 'containerd.toml'}"])


def _kubelet(spec: ClusterSpec) -> Component:
    node = spec.files.node
    flags = [
        f"--config={node / 'kubelet.yaml'}",
        f"--kubeconfig={spec.files.component_kubeconfig('kubelet')}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={spec.addresses.server}",
        f"--root-dir={HOME / 'kubelet'}",
    ]
    return _component(spec, "kubelet", flags, needs_api=True)


def _kube_proxy(spec: ClusterSpec) -> Component:
    return _component(spec, "kube-proxy", [f"--config={spec.files.node / 'kube-proxy.yaml'}"], needs_api=True)


def _coredns(spec: ClusterSpec) -> Component:
    return _component(spec, "coredns", ["-conf", str(spec.files.node / "Corefile")], needs_api=True)
