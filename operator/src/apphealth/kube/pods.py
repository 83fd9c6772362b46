"""The pods of a workload that can be asked. Pods are not watched: they are listed when there is something to ask.

Only pods of the template that a question is about are asked. During a rollout, pods of the old template are ready too,
and may answer otherwise. Their ReplicaSet, or ControllerRevision, has the template that they were made from.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from apphealth.kube.client import Client
from apphealth.kube.meta import Meta, path_of
from apphealth.model import raw
from apphealth.model.parse_workload import template_digest
from apphealth.model.pod import Pod
from apphealth.model.proof import Question
from apphealth.model.workload import Workload

PAGE = 200
"""Pods in one page of the list."""
PAGES = 5
"""Most pages that are read: old pods, of a rollout under way, may come first."""
REVISIONS = "100"
"""Most ReplicaSets or ControllerRevisions that are read; Kubernetes keeps 10 old ones unless told otherwise."""
REVISION_LABEL = "controller-revision-hash"
_APPS = "/apis/apps/v1"
_BY_REPLICA_SET = frozenset({"Deployment", "Rollout"})


class _Owner(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class _Metadata(Meta, frozen=True, rename="camel"):
    deletion_timestamp: str | None = None
    owner_references: tuple[_Owner, ...] = ()  # type: ignore[assignment]  # with `controller`, which Meta leaves out


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
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


class _Revision(msgspec.Struct, frozen=True):
    """A ReplicaSet, or a ControllerRevision: a template that pods were made from."""

    metadata: _Metadata = _Metadata()
    spec: dict[str, Any] = {}
    data: dict[str, Any] = {}


class _Revisions(msgspec.Struct, frozen=True):
    items: tuple[_Revision, ...] = ()


async def list_pods(client: Client, workload: Workload, question: Question) -> list[Pod]:
    """List the pods that a question can be asked of, in random order, one of each node before a second of any.

    They were made from the workload's present template, are ready and not on their way out, run the container in
    question, and have an address of their own.

    Parameters
    ----------
    client
        Sends the requests.
    workload, question
        Whose pods, and what they are to be asked.

    Raises
    ------
    KubeError
        The pods, or what they were made from, could not be listed.
    """
    made_from = await _owners(client, workload)
    if not made_from:
        return []
    found: list[Pod] = []
    params = {"labelSelector": _selector(workload), "limit": str(PAGE)}
    now = datetime.now(UTC)
    for _ in range(PAGES):
        page = await client.get(path_of("/api/v1", "pods", workload.namespace), _Pods, params=params)
        usable = (_usable(item, question, now) for item in page.items if _owner(item, workload) in made_from)
        found += (pod for pod in usable if pod is not None)
        if not page.metadata.next:
            break
        params["continue"] = page.metadata.next
    random.shuffle(found)
    return sorted(found, key=_turn(found).__getitem__)


async def _owners(client: Client, workload: Workload) -> set[tuple[str, str]]:
    """Return who owns the pods of the present template, and the revision that they are labelled with, if any.

    There may be several: a template with a probe of ours and the one without answer alike.
    """
    plural = "replicasets" if workload.kind in _BY_REPLICA_SET else "controllerrevisions"
    params = {"labelSelector": _selector(workload), "limit": REVISIONS}
    listed = await client.get(path_of(_APPS, plural, workload.namespace), _Revisions, params=params)
    ours = [item for item in listed.items if _controller(item.metadata) == workload.uid]
    same = [item for item in ours if _template_digest(item) == workload.template]
    if workload.kind in _BY_REPLICA_SET:
        return {(item.metadata.uid, "") for item in same}
    # The pods of a StatefulSet are labelled with the revision's name, those of a DaemonSet with its hash.
    names = {
        name for item in same for name in (item.metadata.name, item.metadata.labels.get(REVISION_LABEL, "")) if name
    }
    return {(workload.uid, name) for name in names}


def _template_digest(item: _Revision) -> str:
    spec = item.spec or raw.mapping(item.data.get("spec"))
    template = raw.mapping(spec.get("template"))
    annotations = raw.mapping(raw.mapping(template.get("metadata")).get("annotations"))
    return template_digest(raw.mapping(template.get("spec")), annotations)


def _controller(metadata: _Metadata) -> str:
    """Return the uid of the object that controls another one: labels alone could be anybody's."""
    return next((owner.uid for owner in metadata.owner_references if owner.controller), "")


def _owner(item: _Pod, workload: Workload) -> tuple[str, str]:
    """Return a pod's owner as `_owners` has it."""
    revision = "" if workload.kind in _BY_REPLICA_SET else item.metadata.labels.get(REVISION_LABEL, "")
    return _controller(item.metadata), revision


def _selector(workload: Workload) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(workload.pod_labels.items()))


def _turn(pods: list[Pod]) -> dict[Pod, int]:
    """Return the position of each pod among those of its node."""
    seen: dict[str, int] = {}
    turns: dict[Pod, int] = {}
    for pod in pods:
        turns[pod] = seen[pod.node] = seen.get(pod.node, 0) + 1
    return turns


def _usable(item: _Pod, question: Question, now: datetime) -> Pod | None:
    started = next(_started(item, question.container), None)
    ready = any(one.type == "Ready" and one.status == "True" for one in item.status.conditions)
    leaving = item.metadata.deletion_timestamp is not None
    address = _address(item.status.pod_ip)
    if started is None or not ready or leaving or item.spec.host_network or not address:
        return None
    return Pod(
        name=item.metadata.name,
        uid=item.metadata.uid,
        ip=address,
        age=(now - started).total_seconds(),
        node=item.spec.node_name,
    )


def _started(item: _Pod, name: str) -> Iterator[datetime]:
    for status in (*item.status.container_statuses, *item.status.init_container_statuses):
        if status.name == name and status.state.running is not None and status.state.running.started_at is not None:
            yield status.state.running.started_at


_METADATA_SERVICES = frozenset({"fd00:ec2::254", "100.100.100.200", "192.0.0.192"})
"""Where AWS (by IPv6), Alibaba and Oracle tell machines their credentials; that of most others is link-local."""


def _address(text: str) -> str:
    """Return a pod's address, or an empty text if no pod can have it, whoever wrote it there."""
    try:
        address: Any = ipaddress.ip_address(text)
    except ValueError:
        return ""
    local = address.is_loopback or address.is_link_local or str(address) in _METADATA_SERVICES
    return "" if local or address.is_multicast or address.is_unspecified or address.is_reserved else text
