"""Events: a hint for `kubectl describe`, at best effort. The HealthPlan is the record.

An Event is not repeated for a while, and beyond a few a second Events are dropped, so that 10,000 patches don't make
10,000 Events.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from apphealth.kube.client import Client
from apphealth.kube.errors import KubeError
from apphealth.kube.meta import path_of
from apphealth.model.workload import Workload

API = "/apis/events.k8s.io/v1"
RATE = 1.0
"""Events a second in the long run."""
BURST = 20
"""Events at once after a quiet time."""
SILENCE = 600.0
"""Seconds in which the same Event of the same workload is not posted again."""
REMEMBERED = 5000
"""How many posted Events are remembered."""
CLUSTERS = "default"
"""The namespace of Events about objects of the cluster: the API server takes no other."""
MAX_NOTE = 1000
"""Longest text of an Event, in characters; the API server takes 1,024 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a workload."""

    type: Literal["Normal", "Warning"]
    reason: str
    """One word in CamelCase."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The object that an Event is about, if it is no workload."""

    api_version: str
    kind: str
    namespace: str
    """Empty for an object of the cluster; its Events are in the namespace `default`, as those of nodes are."""
    name: str
    uid: str


class Events:
    """A queue of Events; `run` sends them.

    Parameters
    ----------
    client
        Sends them.
    instance
        The pod's name, for `reportingInstance`.
    clock
        Seconds, rising.
    """

    def __init__(self, client: Client, *, instance: str, clock: Callable[[], float] | None = None) -> None:
        self._client = client
        self._instance = instance
        self._clock = clock or asyncio.get_running_loop().time
        self._said: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._tokens = float(BURST)
        self._filled = self._clock()
        self._box: asyncio.Queue[tuple[Workload | Subject, Event]] = asyncio.Queue(maxsize=BURST)

    def post(self, subject: Workload | Subject, event: Event) -> bool:
        """Queue an Event without waiting; returns whether it was queued.

        Parameters
        ----------
        workload
            The workload that the Event is about.
        event
            What happened.
        """
        now = self._clock()
        saying = (subject.uid, event.reason, event.note)
        if now - self._said.get(saying, float("-inf")) < SILENCE:
            return False
        self._tokens = min(float(BURST), self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1 or self._box.full():
            return False
        self._tokens -= 1
        self._said[saying] = now
        self._said.move_to_end(saying)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        self._box.put_nowait((subject, event))
        return True

    async def run(self) -> None:
        """Send the queued Events, one after the other, until cancelled."""
        while True:
            subject, event = await self._box.get()
            body = event_body(subject, event, instance=self._instance, now=datetime.now(UTC))
            with contextlib.suppress(KubeError):
                await self._client.request("POST", path_of(API, "events", subject.namespace or CLUSTERS), body=body)


def event_body(subject: Workload | Subject, event: Event, *, instance: str, now: datetime) -> dict[str, Any]:
    """Return an Event as the API has it."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"apphealth-{uuid4().hex}", "namespace": subject.namespace or CLUSTERS},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": "apphealth.dev/operator",
        "reportingInstance": instance or f"apphealth-{os.getpid()}",
        "action": "Plan",
        "reason": event.reason,
        "type": event.type,
        "note": event.note[:MAX_NOTE],
        "regarding": {
            "apiVersion": subject.api_version,
            "kind": subject.kind,
            **({"namespace": subject.namespace} if subject.namespace else {}),
            "name": subject.name,
            "uid": subject.uid,
        },
    }
