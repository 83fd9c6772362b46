"""Writing kubeconfigs."""

from __future__ import annotations

import base64
from pathlib import Path

from .spec import ClusterSpec

_TEMPLATE = """\
apiVersion: v1
kind: Config
current-context: {context}
contexts:
- name: {context}
  context: {{cluster: {context}, user: {user}, namespace: {namespace}}}
clusters:
- name: {context}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
"""


def server_url(spec: ClusterSpec) -> str:
    """Return the address of the API server."""
    return f"https://{spec.addresses.server}:{spec.addresses.server_port}"


def write_kubeconfig(target: Path, spec: ClusterSpec, *, token: str, user: str, namespace: str = "default") -> None:
    """Write a kubeconfig that its owner alone can read."""
    target.touch(mode=0o600)
    target.write_text(
        _TEMPLATE.format(
            context=f"localcluster-{spec.name}",
            server=server_url(spec),
            authority=base64.b64encode(spec.files.pki("ca.crt").read_bytes()).decode(),
            user=user,
            token=token,
            namespace=namespace,
        )
    )
