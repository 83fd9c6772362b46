"""The few requests this package itself sends to an API server; everything else goes through kubectl."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from .kubeconfig import server_url
from .spec import ClusterSpec


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Reads from an API server."""

    server: str
    token: str
    context: ssl.SSLContext

    @classmethod
    def admin(cls, spec: ClusterSpec) -> ApiClient:
        """Return a client with admin rights."""
        token = spec.files.tokens.read_text().split(",", 1)[0]
        context = ssl.create_default_context(cafile=str(spec.files.pki("ca.crt")))
        return cls(server_url(spec), token, context)

    def get(self, path: str, timeout: float = 2.0) -> bytes:
        """Return the body of a successful GET; timeout in seconds.

        Raises
        ------
        OSError
            If there is no answer or an answer that isn't 2xx (`urllib.error.HTTPError` is one).
        """
        request = urllib.request.Request(  # noqa: S310 - the scheme is ours
            self.server + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        # A proxy that the environment names is for the outside world, not for this machine.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context)
        )
        with opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read()
            return body

    def get_json(self, path: str) -> Any:  # noqa: ANN401 - JSON is what it is
        """Return the parsed body of a successful GET."""
        return json.loads(self.get(path))

    def is_ready(self) -> bool:
        """Return whether the API server is ready."""
        try:
            return self.get("/readyz") == b"ok"
        except OSError:
            return False
