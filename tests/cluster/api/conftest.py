"""The CustomResourceDefinitions on the API server, and a way to try resources on it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from localcluster import Cluster

CRDS = Path(__file__).parents[3] / "crds"
PLURALS = {"AppHealth": "namespaces/default/apphealths", "ClusterAppHealth": "clusterapphealths"}


class Resources:
    """Creates AppHealths as `kubectl create --dry-run=server` does; an answer that says no is an answer."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def create(self, kind: str, spec: Any) -> tuple[int, Any]:
        body = {"apiVersion": "apphealth.dev/v1alpha1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}
        path = f"/apis/apphealth.dev/v1alpha1/{PLURALS[kind]}?dryRun=All&fieldValidation=Strict"
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any, content_type: str = "application/json") -> tuple[int, Any]:
        status, text = self.server.send(method, path, body, content_type)
        return status, json.loads(text)


@pytest.fixture(scope="session")
def crds(control_plane: Cluster) -> Cluster:
    """Provide the cluster with our resources."""
    control_plane.apply(CRDS)
    control_plane.kubectl("wait", "--for=condition=Established", "-f", str(CRDS), "--timeout=30s")
    deadline = time.monotonic() + 30
    for name in ("ah", "cah", "hp"):  # Discovery comes a moment after that.
        while control_plane.kubectl("explain", name, check=time.monotonic() > deadline).returncode:
            time.sleep(0.2)
    return control_plane


@pytest.fixture(scope="session")
def api(crds: Cluster, api: Any) -> Resources:
    """Provide an API server with our resources."""
    return Resources(api)
