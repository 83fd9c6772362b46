"""A workload's pods that can be asked, listed when there is something to ask: pods are not watched."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from apphealth.kube.client import Client
from apphealth.kube.meta import Meta, path_of
from apphealth.model.pod import Pod
from apphealth.model.proof import Question
from apphealth.model.workload import Workload

PAGE = 200
"""Pods in one page of the list."""
PAGES = 5
"""Most pages that are read: old pods, of a rollout under way, may come first."""
_BY_REPLICA_SET = frozenset({"Deployment", "Rollout"})


class _Owner(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class _Metadata(Meta, frozen=True, rename="camel"):
    deletion_timestamp: str | None = None
    owner_references: tuple[_Owner, ...] = ()  # type: ignore[assignment]  # with `controller`, which Meta leaves out


class _Container(msgspec.Struct, frozen=True):
    name: str = ""
    image: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    containers: tuple[_Container, ...] = ()
    init_containers: tuple[_Container, ...] = ()
    host_network: bool = False
    node_name: str = ""


class _Running(msgspec.Struct, frozen=True, rename="camel"):
    started_at: datetime | None = None


class _State(msgspec.Struct, frozen=True):
    running: _Running | None = None


class _ContainerStatus(msgspec.Struct, frozen=True):
    name: str = ""
    state: _State = _State()


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: tuple[_Condition, ...] = ()
    container_statuses: tuple[_ContainerStatus, ...] = ()
    init_container_statuses: tuple[_ContainerStatus, ...] = ()


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _ListMeta(msgspec.Struct, frozen=True):
    next: str = msgspec.field(default="", name="continue")


class _Pods(msgspec.Struct, frozen=True):
    metadata: _ListMeta = _ListMeta()
    items: tuple[_Pod, ...] = ()


async def list_pods(client: Client, workload: Workload, question: Question) -> list[Pod]:
    """List the pods that a question can be asked of, in random order, one of each node before a second of any.

    They belong to the workload, are ready and not on their way out, have an address of their own, and run the image in
    question. For errors see `Client.request`.
    """
    found: list[Pod] = []
    params = {"labelSelector": _selector(workload), "limit": str(PAGE)}
    now = datetime.now(UTC)
    for _ in range(PAGES):
        page = await client.get(path_of("/api/v1", "pods", workload.namespace), _Pods, params=params)
        found += (pod for item in page.items if (pod := _usable(item, workload, question, now)) is not None)
        if not page.metadata.next:
            break
        params["continue"] = page.metadata.next
    random.shuffle(found)
    return sorted(found, key=_turn(found).__getitem__)


def _selector(workload: Workload) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(workload.pod_labels.items()))


def _turn(pods: list[Pod]) -> dict[Pod, int]:
    """Return the how-manieth pod of its node each is."""
    seen: dict[str, int] = {}
    turns: dict[Pod, int] = {}
    for pod in pods:
        turns[pod] = seen[pod.node] = seen.get(pod.node, 0) + 1
    return turns


def _usable(item: _Pod, workload: Workload, question: Question, now: datetime) -> Pod | None:
    started = _running_since(item, question)
    ready = any(one.type == "Ready" and one.status == "True" for one in item.status.conditions)
    leaving = item.metadata.deletion_timestamp is not None
    address = _address(item.status.pod_ip)
    if started is None or not ready or leaving or item.spec.host_network or not address:
        return None
    if not _belongs(item, workload):
        return None
    return Pod(
        name=item.metadata.name,
        uid=item.metadata.uid,
        ip=address,
        age=(now - started).total_seconds(),
        node=item.spec.node_name,
    )


def _running_since(item: _Pod, question: Question) -> datetime | None:
    """Return since when the pod runs the image in the container; None if it doesn't."""
    wanted = _Container(name=question.container, image=question.image)
    if wanted not in (*item.spec.containers, *item.spec.init_containers):
        return None
    return next(_started(item, question.container), None)


def _started(item: _Pod, name: str) -> Iterator[datetime]:
    for status in (*item.status.container_statuses, *item.status.init_container_statuses):
        if status.name == name and status.state.running is not None and status.state.running.started_at is not None:
            yield status.state.running.started_at


def _belongs(item: _Pod, workload: Workload) -> bool:
    """Whether the workload controls the pod: labels alone could be anybody's."""
    owner = next((owner for owner in item.metadata.owner_references if owner.controller), None)
    if owner is None:
        return False
    if workload.kind in _BY_REPLICA_SET:
        return owner.kind == "ReplicaSet" and owner.name.rpartition("-")[0] == workload.name
    return (owner.kind, owner.uid) == (workload.kind, workload.uid)


def _address(text: str) -> str:
    """Return a pod's address; an address that no pod can have is none, whoever wrote it there."""
    try:
        address: Any = ipaddress.ip_address(text)
    except ValueError:
        return ""
    local = address.is_loopback or address.is_link_local
    return "" if local or address.is_multicast or address.is_unspecified or address.is_reserved else text
