"""Finding the credentials: a kubeconfig, or the ServiceAccount of the pod that we run in.

What of a kubeconfig is understood: certificates and keys as files or data, tokens, token files, user and password, exec
plugins, `insecure-skip-tls-verify`, `proxy-url`. The fields are those of `client.authentication.k8s.io` and of
"Organizing Cluster Access Using kubeconfig Files" in the Kubernetes documentation.
"""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from apphealth.kube.credentials import Credentials, CredentialsError, TokenSource, file_token, fixed_token

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PLUGIN_TIMEOUT = 60.0
"""Seconds that a credential plugin may take; some open a browser."""


def find_credentials(kubeconfig: Path | None = None, context: str | None = None) -> Credentials:
    """Find the credentials to use.

    In this order: the kubeconfig given, `$KUBECONFIG`, the pod's ServiceAccount, `~/.kube/config`.

    Raises
    ------
    CredentialsError
        If there are none, or they can't be used.
    """
    if kubeconfig is not None:
        return load_kubeconfig([kubeconfig], context)
    if paths := [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]:
        return load_kubeconfig(paths, context)
    if context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster()
    default = Path.home() / ".kube" / "config"
    if default.exists():
        return load_kubeconfig([default], context)
    raise CredentialsError(
        f"no cluster to connect to: this is no pod, and there is no {default}; "
        "name a kubeconfig with --kubeconfig or $KUBECONFIG"
    )


def in_cluster(folder: Path = SERVICE_ACCOUNT) -> Credentials:
    """Return the credentials of the pod that we run in."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        namespace = (folder / "namespace").read_text().strip()
        (folder / "token").read_text()
    except OSError as error:
        raise CredentialsError(
            f"cannot read the pod's ServiceAccount in {folder}: {error.strerror}; is automountServiceAccountToken off?"
        ) from error
    address = f"[{host}]" if ":" in host else host
    return Credentials(
        server=f"https://{address}:{port}",
        namespace=namespace,
        ssl_context=context,
        token=file_token(folder / "token"),
        in_pod=True,
    )


def load_kubeconfig(paths: list[Path], context: str | None = None) -> Credentials:
    """Read kubeconfigs; of entries of one name the first counts, as with kubectl."""
    merged = _merge([_read(path) for path in paths if path.exists() or len(paths) == 1])
    where = os.pathsep.join(map(str, paths))
    name = context or merged["current-context"]
    if not name:
        raise CredentialsError(f"{where}: no current-context; choose one with --context")
    chosen = _named(merged, "contexts", "context", name, where)
    cluster = _named(merged, "clusters", "cluster", str(chosen.get("cluster", "")), where)
    user = _named(merged, "users", "user", str(chosen["user"]), where) if chosen.get("user") else {}
    if not isinstance(server := cluster.get("server"), str):
        raise CredentialsError(f"{where}: the cluster of context {name!r} has no server")
    given = _plugin(user["exec"], where) if isinstance(user.get("exec"), Mapping) else {}
    password = (str(user["username"]), str(user.get("password", ""))) if user.get("username") else None
    try:
        tls = _ssl_context(cluster, {**user, **given}) if server.startswith("https") else None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, a bad base64 a ValueError
        raise CredentialsError(f"{where}: the certificates of context {name!r} cannot be used: {error}") from error
    return Credentials(
        server=server,
        namespace=str(chosen.get("namespace") or "default"),
        ssl_context=tls,
        token=_token(user, given, where),
        basic=password,
        proxy=cluster.get("proxy-url"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise CredentialsError(f"cannot read the kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CredentialsError(f"the kubeconfig {path} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise CredentialsError(f"the kubeconfig {path} is empty")
    return _absolute(found, path.parent)


def _absolute(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the files that a kubeconfig names independent of where we run: they are relative to the kubeconfig."""
    for kind, inner in (("clusters", "cluster"), ("users", "user")):
        for entry in config.get(kind) or ():
            part = entry.get(inner) if isinstance(entry, dict) else None
            for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
                if isinstance(part, dict) and isinstance(part.get(key), str):
                    part[key] = str(folder / part[key])
    return config


def _merge(configs: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {kind: {} for kind in ("clusters", "users", "contexts")}
    merged["current-context"] = next((c["current-context"] for c in configs if c.get("current-context")), "")
    for config in configs:
        for kind in ("clusters", "users", "contexts"):
            for entry in config.get(kind) or ():
                if isinstance(entry, dict):
                    merged[kind].setdefault(str(entry.get("name")), entry)
    return merged


def _named(merged: Mapping[str, Any], kind: str, inner: str, name: str, where: str) -> Mapping[str, Any]:
    found = merged[kind].get(name, {}).get(inner)
    if not isinstance(found, Mapping):
        known = ", ".join(merged[kind]) or "none"
        raise CredentialsError(f"{where}: no {inner} {name!r}; there is: {known}")
    return found


def _token(user: Mapping[str, Any], given: Mapping[str, Any], where: str) -> TokenSource | None:
    if "exec" in user:
        return _plugin_token(user["exec"], str(given["token"]), where) if given.get("token") else None
    if user.get("tokenFile"):
        return file_token(Path(user["tokenFile"]))
    return fixed_token(str(user["token"])) if user.get("token") else None


def _plugin_token(plugin: Mapping[str, Any], first: str, where: str) -> TokenSource:
    value = first

    def source(*, fresh: bool = False) -> str:
        nonlocal value
        if fresh:
            value = str(_plugin(plugin, where).get("token", ""))
        return value

    return source


def _plugin(plugin: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Run a credential plugin, and return what it gives in the fields of a kubeconfig's user."""
    command = [str(plugin.get("command")), *map(str, plugin.get("args") or ())]
    version = str(plugin.get("apiVersion", "client.authentication.k8s.io/v1"))
    request = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {str(pair["name"]): str(pair["value"]) for pair in plugin.get("env") or ()}
    environment["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(request).decode()
    try:
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, timeout=PLUGIN_TIMEOUT, check=True
        )
        status = msgspec.json.decode(done.stdout, type=dict[str, Any])["status"]
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError, KeyError) as error:
        raise CredentialsError(f"{where}: the credential plugin {command[0]!r} failed: {error}") from error
    return {
        "token": status.get("token"),
        "client-certificate-text": status.get("clientCertificateData"),
        "client-key-text": status.get("clientKeyData"),
    }


def _ssl_context(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = _decoded(cluster, "certificate-authority")
    context = ssl.create_default_context(cafile=cluster.get("certificate-authority"), cadata=authority)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    texts = [_decoded(user, field) or user.get(f"{field}-text") for field in ("client-certificate", "client-key")]
    if all(texts):
        _load_chain(context, *map(str, texts))
    elif user.get("client-certificate"):
        context.load_cert_chain(user["client-certificate"], user.get("client-key"))
    return context


def _decoded(part: Mapping[str, Any], field: str) -> str | None:
    data = part.get(f"{field}-data")
    return base64.b64decode(str(data), validate=True).decode() if data else None


def _load_chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Give OpenSSL a certificate and key; it takes them from files alone."""
    with tempfile.TemporaryDirectory(prefix="apphealth-") as folder:
        names = [Path(folder) / name for name in ("tls.crt", "tls.key")]
        for path, text in zip(names, (certificate, key), strict=True):
            path.touch(mode=0o600)
            path.write_text(text)
        context.load_cert_chain(*map(str, names))
