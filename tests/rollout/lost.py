"""Requests lost on a real node while a rule is enforced, and while it is deleted.

Clients ask eight Services five times a second, each request on a connection of its own. The applications go on
answering for a while when they are told to end (`preStop`): one that doesn't loses requests in every rollout, whoever
begins it. Three more workloads have no clients: the budget is theirs, too.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.conftest import Api, Operator
from tests.node.conftest import apps_image
from tests.rollout.common import APPS, HEALTH_PLANS, RULES, check, install, numbers, rule, say, until

from apphealth.model.progress import parse_progress
from localcluster import Level, start

NAMESPACE = "lost"
WORKLOADS, ASKED = 11, 8
PAUSE = 0.2
"""Seconds from one request to a Service to the next."""
LIMIT = 0.001
"""The share of requests that may fail."""
PATIENCE = 5.0
"""Seconds after which a request has failed."""
PROBES = {"liveness": {"path": "/livez"}, "readiness": {"path": "/readyz"}}
PROGRAM = """\
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Fine(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
ThreadingHTTPServer(("", 8000), Fine).serve_forever()
"""
"""Answers 200 to everything, a moment after its start."""


class Clients:
    """One client for each Service.

    Parameters
    ----------
    addresses
        The addresses of the Services.

    Attributes
    ----------
    asked
        How many requests were sent.
    failed
        What became of those that failed: by Service and reason.
    """

    def __init__(self, addresses: list[str]) -> None:
        self.asked = 0
        self.failed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in addresses]
        for thread in self._threads:
            thread.start()

    def _run(self, address: str) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + PAUSE, time.monotonic())
            why = ask(address)
            with self._lock:
                self.asked += 1
                if why:
                    self.failed[f"{address}: {why}"] += 1

    def stop(self) -> None:
        """End them."""
        self._over.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)


def ask(address: str) -> str:
    """Send one request; returns why it failed, or nothing."""
    connection = http.client.HTTPConnection(address, 80, timeout=PATIENCE)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    else:
        return "" if answer.status == 200 else str(answer.status)
    finally:
        connection.close()


@contextmanager
def clients(addresses: list[str], what: str) -> Iterator[Clients]:
    """Ask the Services until the end of the block; then say how many requests failed."""
    asking, started = Clients(addresses), time.monotonic()
    try:
        yield asking
    finally:
        asking.stop()
    failed = asking.failed.total()
    say(
        f"{what}: {failed} of {asking.asked} requests failed ({failed / asking.asked:.2%})"
        f" in {time.monotonic() - started:.0f} s; {dict(asking.failed)}"
    )


def prove(soak: int, workloads: int = WORKLOADS) -> None:
    """Run the proof on a node of its own."""
    with (
        start(f"lost-proof-{os.getpid()}", level=Level.NODE) as cluster,
        Api(cluster.kubeconfig) as api,
        tempfile.TemporaryDirectory() as folder,
    ):
        account = install(cluster)
        cluster.load(apps_image())
        api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": {"proof": NAMESPACE}}})
        cluster.apply(yaml.safe_dump_all(item for number in range(workloads) for item in application(number)))
        until(lambda: settled(api) == workloads, "all applications run", 600)
        operator = Operator(account, Path(folder) / "operator.log")
        operator.start()
        try:
            _prove(api, workloads, soak)
        finally:
            operator.close()


def _prove(api: Api, workloads: int, soak: int) -> None:
    listed = api.get(f"/api/v1/namespaces/{NAMESPACE}/services")["items"]
    addresses = [item["spec"]["clusterIP"] for item in listed][:ASKED]
    until(lambda: not any(ask(address) for address in addresses), "all Services answer", 300)
    with clients(addresses, "before") as before:
        time.sleep(20)
    check(not before.failed, "requests fail before anything is changed")
    with clients(addresses, "while the rule is enforced") as enforced:
        api.create(RULES, rule(NAMESPACE, PROBES, soakSeconds=soak))
        until(lambda: numbers(api, NAMESPACE).get("done") == workloads, "all are changed", 3600)
    with clients(addresses, "while it is deleted") as deleted:
        api.delete(f"{RULES}/{NAMESPACE}")
        until(lambda: not api.get(f"{HEALTH_PLANS}?limit=1")["items"], "all are put back", 3600)
        until(lambda: settled(api) == workloads, "all pods are replaced", 600)
    for asking in (enforced, deleted):
        check(asking.failed.total() <= LIMIT * asking.asked, f"more than {LIMIT:.1%} of the requests failed")


def settled(api: Api) -> int:
    """Return how many of the Deployments have nothing but pods of the newest template, all available."""
    items = api.get(f"{APPS}/namespaces/{NAMESPACE}/deployments")["items"]
    return sum(parse_progress({"kind": "Deployment"} | item).settled for item in items)


def application(number: int) -> Iterator[dict[str, Any]]:
    """Return a Deployment without probes and its Service; every other one has two pods."""
    name = f"app-{number}"
    labels = {"app": name}
    meta = {"name": name, "namespace": NAMESPACE}
    container = {
        "name": "main",
        "image": "localhost/apphealth/test-apps:1",
        "command": ["python", "-c", PROGRAM],
        "ports": [{"name": "http", "containerPort": 8000}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    pod = {"containers": [container], "terminationGracePeriodSeconds": 15}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1 + number % 2, "selector": {"matchLabels": labels}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    ports = [{"port": 80, "targetPort": "http"}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}}
