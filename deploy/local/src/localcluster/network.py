"""Ports and address ranges nobody else uses, and the link between this host and a cluster with a real node."""

from __future__ import annotations

import ipaddress
import json
import random
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from .errors import LocalClusterError
from .level import Level
from .spec import Addresses

_PORTS = range(20000, 30000)
"""Below Linux's ephemeral ports (32768 and up), which could take a port while its program is down."""

_NODE_CLUSTERS = range(16)
_LINK_NAME = "lc-node{index}"
_API_PORT, _ETCD_PORT, _ETCD_PEER_PORT = 6443, 2379, 2380


def allocate(level: Level, taken: Iterable[Addresses]) -> Addresses:
    """Return addresses that no other cluster, program or route of this machine uses.

    Parameters
    ----------
    level
        With a real node a cluster has a network of its own, whose ports are all free, and needs ranges; otherwise it
        needs ports of 127.0.0.1.
    taken
        The addresses of the other clusters.
    """
    return _allocate_ranges(taken) if level is Level.NODE else _allocate_ports(taken)


def _allocate_ports(taken: Iterable[Addresses]) -> Addresses:
    used = {port for other in taken for port in (other.server_port, other.etcd_port, other.etcd_peer_port)}
    candidates = random.sample(_PORTS, 200)  # random: two starters of different users shouldn't choose alike
    free = [port for port in candidates if port not in used and _is_free(port)][:3]
    if len(free) < 3:
        raise LocalClusterError(f"found no three free TCP ports in {_PORTS.start}-{_PORTS.stop - 1}")
    return Addresses(
        server="127.0.0.1",
        server_port=free[0],
        etcd_port=free[1],
        etcd_peer_port=free[2],
        host="127.0.0.1",
        pods="10.244.0.0/16",
        services="10.96.0.0/12",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _allocate_ranges(taken: Iterable[Addresses]) -> Addresses:
    used = {other.link for other in taken}
    routes = _host_routes()
    for index in _NODE_CLUSTERS:
        found = _ranges(index)
        mine = [ipaddress.ip_network(text) for text in (found.link, found.pods, found.services) if text]
        if found.link not in used and not any(route.overlaps(own) for route in routes for own in mine):
            return found
    raise LocalClusterError(
        f"all {len(_NODE_CLUSTERS)} address ranges for clusters with a node are in use or routed elsewhere: stop a"
        " cluster (localcluster status, localcluster down --name NAME), or see: ip route"
    )


def _ranges(index: int) -> Addresses:
    return Addresses(
        server=f"10.245.{index}.2",
        server_port=_API_PORT,
        etcd_port=_ETCD_PORT,
        etcd_peer_port=_ETCD_PEER_PORT,
        host=f"10.245.{index}.1",
        pods=f"10.244.{index}.0/24",
        services=f"10.96.{index * 16}.0/20",
        link=f"10.245.{index}.0/30",
    )


def _host_routes() -> list[ipaddress.IPv4Network]:
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all"))
    destinations = {route["dst"] for route in routes if route["dst"] != "default"}
    return [ipaddress.IPv4Network(destination) for destination in destinations]


def namespace_process(unshare: int) -> int:
    """Return the process id, as the host sees it, of the first process in the namespaces that ``unshare`` made."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.005)
    raise LocalClusterError("unshare made no namespaces; see the log of the keeper")


def connect(addresses: Addresses, process: int) -> None:
    """Link the host to the network namespace of a process. The link goes when that namespace does."""
    if addresses.link is None:
        raise ValueError("these addresses have no link")
    index = addresses.link.split(".")[2]
    name = _LINK_NAME.format(index=index)
    length = addresses.link.split("/")[1]
    _ip("link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", str(process))
    _ip("link", "set", name, "addrgenmode", "none")
    _ip("address", "add", f"{addresses.host}/{length}", "dev", name)
    _ip("link", "set", name, "up")
    for target in (addresses.pods, addresses.services):
        _ip("route", "add", target, "via", addresses.server, "dev", name, "onlink")


def configure_inside(addresses: Addresses) -> None:
    """Set up the network namespace this process is in: waits for the link that `connect` makes."""
    deadline = time.monotonic() + 10
    while not Path("/proc/sys/net/ipv4/conf/uplink").exists():
        if time.monotonic() > deadline:
            raise LocalClusterError("the link to the host didn't come")
        time.sleep(0.005)
    length = str(addresses.link).split("/")[1]
    _ip("link", "set", "lo", "up")
    _ip("link", "set", "uplink", "addrgenmode", "none")
    _ip("address", "add", f"{addresses.server}/{length}", "dev", "uplink")
    _ip("link", "set", "uplink", "up")
    # kube-proxy replaces Services' addresses on their way. What it doesn't know ends here, not outside the machine.
    _ip("route", "add", addresses.services, "dev", "lo", "src", addresses.server)
    _ip("route", "add", "unreachable", "default")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _ip(*arguments: str) -> str:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalClusterError(f"`ip {' '.join(arguments)}` failed: {result.stderr.strip()}")
    return result.stdout
