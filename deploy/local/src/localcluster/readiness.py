"""Wait until a cluster is ready, and report why it isn't."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, BinaryIO

from .api import ApiClient
from .containers import containerd_answers, load_pause_image
from .control import command
from .errors import LocalClusterError, StartError
from .level import Level
from .locks import is_locked
from .spec import ClusterSpec

_TIMEOUT = 120.0
"""Seconds until a cluster must be ready: a busy machine takes its time."""

_HOPELESS = 4
"""A component that ended that often by itself, before the cluster was ready once, won't come up."""

_SETTLED = 0.3
"""A program that refuses its flags has ended after this many seconds."""

_POLL = 0.05


def wait_until_ready(spec: ClusterSpec, keeper_log: BinaryIO) -> None:
    """Wait until a cluster that was just started is ready.

    Parameters
    ----------
    spec
        The cluster.
    keeper_log
        The log of its keeper, open: it can be read after the keeper removed it with everything else.

    Raises
    ------
    StartError
        If it doesn't get ready; says what the components said.
    """
    client = ApiClient.admin(spec)
    if spec.level is Level.NODE:
        _wait(spec, keeper_log, lambda: containerd_answers(spec))
        load_pause_image(spec)
    _wait(spec, keeper_log, client.is_ready)
    _wait(spec, keeper_log, lambda: _all_run(spec))
    if spec.level is Level.NODE:
        _wait(spec, keeper_log, lambda: _node_is_ready(client))


def wait_for(spec: ClusterSpec, component: str, timeout: float = 60.0) -> None:
    """Wait until the API server is ready, if it needs the component."""
    if component not in {"kube-apiserver", "etcd"}:
        return
    client = ApiClient.admin(spec)
    deadline = time.monotonic() + timeout
    while not client.is_ready():
        if time.monotonic() > deadline:
            raise StartError(f"the API server isn't ready {timeout:.0f} s after {component} was started again")
        time.sleep(_POLL)


def _wait(spec: ClusterSpec, keeper_log: BinaryIO, is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not is_done():
        if not is_locked(spec.files.lock):
            keeper_log.seek(0)
            output = keeper_log.read().decode(errors="replace").strip()
            raise StartError(f"the cluster {spec.name} ended while it started:\n{output or '(it said nothing)'}")
        found = _components(spec)
        hopeless = [name for name, state in found.items() if state["restarts"] >= _HOPELESS]
        if hopeless or time.monotonic() > deadline:
            states = ", ".join(f"{name} {state['state']}" for name, state in found.items())
            raise StartError(f"the cluster {spec.name} doesn't get ready ({states}):\n{_last_words(spec, hopeless)}")
        time.sleep(_POLL)


def _all_run(spec: ClusterSpec) -> bool:
    """Return whether each component has run for so long that it can't have refused its flags."""
    found = _components(spec).values()
    return bool(found) and all(state["uptime"] > _SETTLED for state in found)


def _node_is_ready(client: ApiClient) -> bool:
    nodes = client.get_json("/api/v1/nodes")["items"]
    conditions = [condition for node in nodes for condition in node["status"].get("conditions", [])]
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _components(spec: ClusterSpec) -> dict[str, Any]:
    try:
        found: dict[str, Any] = command(spec.files, "status")["components"]
    except LocalClusterError:  # the supervisor is just coming up, or going down
        return {}
    return found


def _last_words(spec: ClusterSpec, components: list[str]) -> str:
    """Return the ends of the logs of these components, or of all: the logs will be gone when somebody wants to look."""
    logs = [spec.files.log(name) for name in components] or sorted((spec.files.root / "logs").glob("*.log"))
    parts = []
    for log in logs:
        lines = log.read_text(errors="replace").splitlines()
        parts += [f"--- {log.stem}", *lines[:2], *lines[2:][-8:]]  # a refused flag is named first or last
    return "\n".join(parts)
