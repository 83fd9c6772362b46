"""The pods of a workload: those that can be asked, and the state of those of the newest template.

Pods are not watched: they are listed when there is something to ask, or while a rollout is looked after.

Only pods of the template that a question is about are asked. During a rollout, pods of the old template are ready too,
and may answer otherwise. Their ReplicaSet, or ControllerRevision, has the template that they were made from.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from apphealth.kube.client import Client
from apphealth.kube.meta import Meta, path_of
from apphealth.model import raw
from apphealth.model.parse_workload import template_digest
from apphealth.model.pod import ContainerState, KubeletNote, Pod, PodState
from apphealth.model.probe import KINDS, parse_probe
from apphealth.model.progress import time_of
from apphealth.model.proof import Question
from apphealth.model.workload import Workload

PAGE = 200
"""Pods in one page of the list."""
PAGES = 5
"""Most pages that are read: old pods, of a rollout under way, may come first."""
REVISIONS = "100"
"""Most ReplicaSets or ControllerRevisions that are read; Kubernetes keeps 10 old ones unless told otherwise."""
REVISION_LABEL = "controller-revision-hash"
LONGEST_START = 1800.0
"""Seconds beyond which the time until a pod was ready doesn't count as its start."""
NOTES = "100"
"""Most Events of one pod that are read."""
MAX_NOTE = 200
"""Longest text of an Event that is kept, in characters."""
_CONTAINER = re.compile(r"spec\.(?:initContainers|containers)\{(.*)\}")
"""The field that an Event about a container is about."""
_APPS = "/apis/apps/v1"
_BY_REPLICA_SET = frozenset({"Deployment", "Rollout"})


class _Owner(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class _Metadata(Meta, frozen=True, rename="camel"):
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    owner_references: tuple[_Owner, ...] = ()  # type: ignore[assignment]  # with `controller`, which Meta leaves out


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    host_network: bool = False
    node_name: str = ""


class _Running(msgspec.Struct, frozen=True, rename="camel"):
    started_at: datetime | None = None


class _State(msgspec.Struct, frozen=True):
    running: _Running | None = None


class _ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    state: _State = _State()
    restart_count: int = 0


class _Condition(msgspec.Struct, frozen=True, rename="camel"):
    type: str = ""
    status: str = ""
    last_transition_time: datetime | None = None


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


class _Seen(msgspec.Struct, frozen=True):
    """A pod with its spec and status as they are: only pods in trouble are looked at that closely."""

    metadata: _Metadata = _Metadata()
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


class _AllSeen(msgspec.Struct, frozen=True):
    items: tuple[_Seen, ...] = ()


async def list_newest(client: Client, workload: Workload) -> list[PodState]:
    """List the pods of a workload's present template that are not on their way out, those that aren't ready first.

    The template's probes don't count: pods with a probe of ours are among them, and such without.

    Parameters
    ----------
    client
        Sends the requests.
    workload
        Whose pods.

    Raises
    ------
    KubeError
        The pods, or what they were made from, could not be listed.
    """
    made_from = await _owners(client, workload)
    if not made_from:
        return []
    params = {"labelSelector": _selector(workload), "limit": str(PAGE)}
    page = await client.get(path_of("/api/v1", "pods", workload.namespace), _AllSeen, params=params)
    now = datetime.now(UTC)
    found = [
        _state(item, now)
        for item in page.items
        if item.metadata.deletion_timestamp is None and _owner(item, workload) in made_from
    ]
    return sorted(found, key=lambda pod: (pod.ready, pod.age, pod.name))


def _state(item: _Seen, now: datetime) -> PodState:
    status = item.status
    true = (one for one in raw.items(status.get("conditions")) if one.get("status") == "True")
    ready = next((one for one in true if one.get("type") == "Ready"), None)
    since = time_of(ready.get("lastTransitionTime")) if ready is not None else None
    states = [
        *raw.items(status.get("containerStatuses")),
        *raw.items(status.get("initContainerStatuses")),
    ]
    by_name = {raw.text(one.get("name")): one for one in states}
    specs = [*raw.items(item.spec.get("containers")), *raw.items(item.spec.get("initContainers"))]
    return PodState(
        name=item.metadata.name,
        uid=item.metadata.uid,
        ip="" if item.spec.get("hostNetwork") is True else _address(raw.text(status.get("podIP"))),
        age=_since(item.metadata.creation_timestamp, now),
        ready=ready is not None,
        containers=tuple(
            _container_state(spec, by_name.get(raw.text(spec.get("name")), {}), since, now) for spec in specs
        ),
    )


def _container_state(
    spec: Mapping[str, Any], status: Mapping[str, Any], ready: datetime | None, now: datetime
) -> ContainerState:
    running = raw.mapping(raw.mapping(status.get("state")).get("running"))
    probes = {kind: probe for kind in KINDS if (probe := parse_probe(spec.get(kind.field))) is not None}
    return ContainerState(
        name=raw.text(spec.get("name")),
        probes=probes,
        running=_since(running.get("startedAt"), now),
        restarts=raw.number(status.get("restartCount")),
        lasted=_lasted(raw.mapping(raw.mapping(status.get("lastState")).get("terminated"))),
        start=_start(time_of(running.get("startedAt")), ready, raw.number(status.get("restartCount"))),
    )


def _lasted(ended: Mapping[str, Any]) -> float:
    """Return the seconds that a container ran that has ended; 0 if that isn't known."""
    began, end = time_of(ended.get("startedAt")), time_of(ended.get("finishedAt"))
    return max(0.0, (end - began).total_seconds()) if began is not None and end is not None else 0.0


def _since(time: object, now: datetime) -> float:
    """Return the seconds since a time; 0 if it is none."""
    found = time_of(time)
    return max(0.0, (now - found).total_seconds()) if found is not None else 0.0


class _Regarding(msgspec.Struct, frozen=True, rename="camel"):
    field_path: str = ""


class _Event(msgspec.Struct, frozen=True):
    reason: str = ""
    note: str = ""
    regarding: _Regarding = _Regarding()
    metadata: Meta = Meta()


class _EventList(msgspec.Struct, frozen=True):
    items: tuple[_Event, ...] = ()


async def list_notes(client: Client, namespace: str, pod: PodState) -> tuple[KubeletNote, ...]:
    """List the kubelet's Events about the containers of a pod, the latest first.

    Parameters
    ----------
    client
        Sends the request.
    namespace, pod
        The pod.

    Raises
    ------
    KubeError
        They could not be listed.
    """
    params = {"fieldSelector": f"regarding.uid={pod.uid}", "limit": NOTES}
    listed = await client.get(path_of("/apis/events.k8s.io/v1", "events", namespace), _EventList, params=params)
    latest = sorted(listed.items, key=lambda one: (len(one.metadata.resource_version), one.metadata.resource_version))
    return tuple(
        KubeletNote(found[1], event.reason, " ".join(event.note.split())[:MAX_NOTE])
        for event in reversed(latest)
        if (found := _CONTAINER.fullmatch(event.regarding.field_path)) is not None
    )


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


def _owner(item: _Pod | _Seen, workload: Workload) -> tuple[str, str]:
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
    status = next(_running(item, question.container), None)
    started = status.state.running.started_at if status is not None and status.state.running is not None else None
    ready = next((one for one in item.status.conditions if one.type == "Ready" and one.status == "True"), None)
    leaving = item.metadata.deletion_timestamp is not None
    address = _address(item.status.pod_ip)
    if status is None or started is None or ready is None or leaving or item.spec.host_network or not address:
        return None
    return Pod(
        name=item.metadata.name,
        uid=item.metadata.uid,
        ip=address,
        age=(now - started).total_seconds(),
        node=item.spec.node_name,
        start=_start(started, ready.last_transition_time, status.restart_count),
    )


def _running(item: _Pod, name: str) -> Iterator[_ContainerStatus]:
    for status in (*item.status.container_statuses, *item.status.init_container_statuses):
        if status.name == name and status.state.running is not None and status.state.running.started_at is not None:
            yield status


def _start(started: datetime | None, ready: datetime | None, restarts: int) -> float:
    """Return the seconds from a container's start until its pod was ready; 0 if that isn't known.

    A pod that wasn't ready for a while has a later transition: beyond `LONGEST_START` it says nothing of a start.
    """
    if started is None or ready is None or restarts:
        return 0.0
    took = (ready - started).total_seconds()
    return took if 0 < took <= LONGEST_START else 0.0


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
