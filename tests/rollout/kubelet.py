"""A kubelet of the tests' own: it makes pods ready through the API server, and leaves those alone that are to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from urllib3.exceptions import HTTPError

from apphealth.model.progress import parse_progress

STRATEGIC = "application/strategic-merge-patch+json"
RESTARTED = {
    "phase": "Running",
    "containerStatuses": [
        {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 3, "state": {"waiting": {}}}
    ],
}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Watch(threading.Thread):
    """Follows a collection until it is stopped, and passes each object on.

    Parameters
    ----------
    api
        The API server, as `tests/cluster/conftest.py` has it.
    path
        The collection.
    take
        Called with the type of each event and its object.
    """

    def __init__(self, api: Any, path: str, take: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__(daemon=True)
        self._api, self._path, self._take = api, path, take
        self._version = api.get(path)["metadata"]["resourceVersion"]
        self._answer: Any = None
        self.ended = threading.Event()

    def run(self) -> None:
        """Follow it."""
        while not self.ended.is_set():
            with suppress(HTTPError, OSError, ValueError, AttributeError):  # the cluster ends, or the watch is stopped
                self._follow()

    def _follow(self) -> None:
        path = f"{self._path}?watch=1&timeoutSeconds=300&resourceVersion={self._version}"
        headers = {"Accept": "application/json"}
        self._api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        host = self._api.configuration.host
        self._answer = self._api.call_api("GET", host + path, headers, None, _request_timeout=320)
        for line in self._answer.response:
            event = json.loads(line)
            self._version = event["object"]["metadata"].get("resourceVersion", self._version)
            if event["type"] != "ERROR":
                self._take(event["type"], event["object"])

    def stop(self) -> None:
        """End it."""
        self.ended.set()
        if self._answer is not None:
            self._answer.response.shutdown()
        self.join(10)


class Kubelet:
    """Makes the pods of a namespace, or of all, ready.

    Parameters
    ----------
    api
        The API server.
    namespace
        The namespace; empty: all.
    fails
        The workloads, by the label `app` of their pods, whose pods never become ready while they have a liveness probe.
    kills
        The workloads whose container is restarted because its liveness probe fails.
    """

    def __init__(
        self,
        api: Any,
        namespace: str = "",
        fails: frozenset[str] = frozenset(),
        kills: frozenset[str] = frozenset(),
    ) -> None:
        self._api, self._fails, self._kills = api, fails, kills
        path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
        self._watch = Watch(api, path, self._see)
        self._watch.start()

    def _see(self, kind: str, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
        probed = "livenessProbe" in pod["spec"]["containers"][0]
        app = meta.get("labels", {}).get("app")
        if kind == "DELETED" or ready or (probed and app in self._fails) or "deletionTimestamp" in meta:
            return
        if not probed or app not in self._kills:
            self._write(pod, READY)
        elif not pod["status"].get("containerStatuses"):
            self._write(pod, RESTARTED)
            self._say(pod, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404")
            self._say(pod, "Killing", "Container main failed liveness probe, will be restarted")

    def _write(self, pod: dict[str, Any], status: dict[str, Any]) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status?fieldManager=kubelet"
        self._api.send("PATCH", path, {"status": status}, STRATEGIC)  # 404: it was deleted meanwhile

    def _say(self, pod: dict[str, Any], reason: str, message: str) -> None:
        """Write an Event, as the kubelet does."""
        meta = pod["metadata"]
        names = {name: meta[name] for name in ("name", "namespace", "uid")}
        about = names | {"kind": "Pod", "apiVersion": "v1", "fieldPath": "spec.containers{main}"}
        event = {
            "metadata": {"generateName": meta["name"], "namespace": meta["namespace"]},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": "Warning",
        }
        self._api.send("POST", f"/api/v1/namespaces/{meta['namespace']}/events", event)

    def stop(self) -> None:
        """End it."""
        self._watch.stop()


class Rollouts:
    """Counts the rollouts under way, from what the API server says, in the order in which it happened.

    Attributes
    ----------
    most
        The most rollouts under way at once.
    order
        The workloads whose rollouts began, in their order.
    changing
        The workloads whose rollouts are under way.
    """

    def __init__(self) -> None:
        self.most = 0
        self.order: list[str] = []
        self.changing: set[str] = set()

    def note(self, deployment: dict[str, Any]) -> None:
        """Take note of a Deployment as it is after a write."""
        name = f"{deployment['metadata']['namespace']}/{deployment['metadata']['name']}"
        if parse_progress({"kind": "Deployment"} | deployment).settled:
            self.changing.discard(name)
            return
        if name not in self.changing:
            self.order.append(name)
        self.changing.add(name)
        self.most = max(self.most, len(self.changing))
