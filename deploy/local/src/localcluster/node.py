"""The configuration of a real node, and the namespaces it runs in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from . import network
from .cleanup import CNI_CACHE
from .errors import LocalClusterError
from .prerequisites import cni_folder
from .spec import NODE_NAME, ClusterSpec

PAUSE_IMAGE = "localhost/localcluster/pause:1"

HOME = Path("/run/localcluster")
"""Where the node's programs see `Files.node`. Short: a socket's path holds 107 bytes, and homes may be long."""

_CONTAINERD = """\
version = 3
root = "{home}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
address = "{home}/containerd.sock"

[debug]
level = "warn"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
netns_mounts_under_state_dir = true
# Protecting containers from the OOM killer takes a capability that root lacks in many sandboxes.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{cni}"]
conf_dir = "{home}/cni"
"""

# Names of the cluster are answered from the API, all others with "no such name": nothing may leave this machine.
_COREFILE = """\
cluster.local in-addr.arpa ip6.arpa {{
    bind {address}
    errors
    kubernetes {{
        kubeconfig {kubeconfig}
        ttl 5
    }}
}}
. {{
    bind {address}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def write_configuration(spec: ClusterSpec) -> None:
    """Write the configuration files of the node's programs."""
    node = spec.files.node
    for folder in ("cni", "log", "kubelet", "containerd"):
        (node / folder).mkdir(parents=True)
    (node / "containerd.toml").write_text(_CONTAINERD.format(home=HOME, pause=PAUSE_IMAGE, cni=cni_folder()))
    (node / "cni" / "10-localcluster.conflist").write_text(json.dumps(_cni(spec), indent=1))
    (node / "kubelet.yaml").write_text(json.dumps(_kubelet(spec), indent=1))
    (node / "kube-proxy.yaml").write_text(json.dumps(_kube_proxy(spec), indent=1))
    kubeconfig = spec.files.component_kubeconfig("coredns")
    (node / "Corefile").write_text(_COREFILE.format(address=spec.addresses.server, kubeconfig=kubeconfig))
    (node / "resolv.conf").write_text("")


def prepare_namespaces(spec: ClusterSpec) -> None:
    """Mount what the node's programs need in the new namespaces of this process; the host sees none of it."""
    # Containers may ask for mounts that propagate: among the processes of this namespace they do.
    _mount("--make-rshared", "/")
    _mount("-t", "tmpfs", "-o", "mode=755", "localcluster", "/run")
    HOME.mkdir()
    _mount("--bind", str(spec.files.node), str(HOME))
    _mount("--bind", str(spec.files.node / "log"), "/var/log")
    CNI_CACHE.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", "mode=755", "localcluster", str(CNI_CACHE))
    network.configure_inside(spec.addresses)


def _mount(*arguments: str) -> None:
    result = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalClusterError(f"`mount {' '.join(arguments)}` failed: {result.stderr.strip()}")


def _cni(spec: ClusterSpec) -> dict[str, object]:
    # Point to point, not a bridge: traffic between pods is routed, so kube-proxy sees the answers without br_netfilter.
    point_to_point = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": spec.addresses.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": "/run/cni-ipam",
        },
    }
    return {"cniVersion": "1.0.0", "name": "localcluster", "plugins": [point_to_point]}


def _kubelet(spec: ClusterSpec) -> dict[str, object]:
    files = spec.files
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": spec.addresses.server,
        "containerRuntimeEndpoint": f"unix://{HOME}/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(files.pki("ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(files.pki("kubelet.crt")),
        "tlsPrivateKeyFile": str(files.pki("kubelet.key")),
        "clusterDNS": [spec.addresses.server],
        "clusterDomain": "cluster.local",
        "resolvConf": str(HOME / "resolv.conf"),
        # A changed ConfigMap reaches its pods at the kubelet's next sync: by default within a minute or two.
        "syncFrequency": "10s",
        "volumePluginDir": str(HOME / "kubelet" / "plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        # A full disk or a busy machine is the developer's business: nothing is evicted, no image collected.
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
        "imageGCHighThresholdPercent": 100,
    }


def _kube_proxy(spec: ClusterSpec) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(spec.files.component_kubeconfig("kube-proxy"))},
        "hostnameOverride": NODE_NAME,
        "clusterCIDR": spec.addresses.pods,
        # 0: leave the kernel's settings alone. They are the host's, and read-only in a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "nftables": {"minSyncPeriod": "100ms"},
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    }
