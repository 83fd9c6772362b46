"""The CustomResourceDefinitions on the API server, and a way to ask it quickly: one connection, no kubectl."""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from localcluster import Cluster

CRDS = Path(__file__).parents[3] / "crds"
PLURALS = {"AppHealth": "namespaces/default/apphealths", "ClusterAppHealth": "clusterapphealths"}


class Api:
    """Creates AppHealths as `kubectl create --dry-run=server` does, without the cost of starting kubectl."""

    def __init__(self, cluster: Cluster) -> None:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        server = config["clusters"][0]["cluster"]
        authority = base64.b64decode(server["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        where = urlsplit(server["server"])
        self.connection = http.client.HTTPSConnection(where.hostname, where.port, context=context, timeout=30)
        self.token = config["users"][0]["user"]["token"]

    def create(self, kind: str, spec: Any) -> tuple[int, Any]:
        body = {"apiVersion": "apphealth.dev/v1alpha1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}
        path = f"/apis/apphealth.dev/v1alpha1/{PLURALS[kind]}?dryRun=All&fieldValidation=Strict"
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any, content_type: str = "application/json") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        try:
            return self._ask(method, path, json.dumps(body), headers)
        except (OSError, http.client.HTTPException):
            self.connection.close()  # the API server ends connections that were idle for long, as between two files
            return self._ask(method, path, json.dumps(body), headers)

    def _ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


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
def api(crds: Cluster) -> Iterator[Api]:
    """Provide an open connection to an API server with our resources."""
    found = Api(crds)
    yield found
    found.connection.close()
