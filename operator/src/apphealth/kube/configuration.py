"""Find the API server and our identity, by the configuration of the official client.

The official client reads what a kubeconfig can hold: certificates, tokens, token files, passwords, exec plugins, OIDC,
`tls-server-name`, `proxy-url`; and the ServiceAccount of a pod. This module adds what kubectl does and the official
client doesn't: the first current-context of several kubeconfigs counts, nothing waits longer than `DEADLINE`, and an
exec plugin that fails is an error. Requests are none of its business: see `client` for the operator's, `reader` for
those of the command line.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import Configuration
from kubernetes.client.rest import is_socks_proxy_url, should_bypass_proxies
from kubernetes.config import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEADLINE = 60.0
"""Seconds that a credential plugin or an identity provider may take; some plugins open a browser."""
THIS_MACHINE = "localhost,127.0.0.0/8,::1"
"""Servers that a proxy of the environment is never used for, as with kubectl."""

_LISTENING = threading.Lock()

log = logging.getLogger(__name__)


class CredentialsError(Exception):
    """No way to reach a cluster; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """The way to one cluster.

    Attributes
    ----------
    configuration
        Server, certificates and token as the official client has them.
    ssl_context
        The same for clients that take no files; None for a server without TLS.
    namespace
        The namespace that the kubeconfig's context names; in a pod, the pod's own.
    in_pod
        Whether it is the ServiceAccount of the pod that we run in.
    source
        The plugin or identity provider that gives the token, for messages; empty if there is none.
    """

    configuration: Configuration
    ssl_context: ssl.SSLContext | None
    namespace: str = "default"
    in_pod: bool = False
    source: str = ""

    def authorization(self) -> str | None:
        """Return the Authorization header, renewed by the official client if the token's end is near.

        May start a program or ask an identity provider, so call it in a thread.

        Raises
        ------
        CredentialsError
            The token could not be renewed.
        """
        with _errors_of(self.source or "the credentials"):
            value = _in_time(lambda: self.configuration.get_api_key_with_prefix("BearerToken"))
        return value.strip() if value else None


def find_access(kubeconfig: Path | None = None, context: str | None = None) -> ClusterAccess:
    """Find the cluster to talk to.

    In this order: the kubeconfig given, `$KUBECONFIG`, the pod's ServiceAccount, `~/.kube/config`.

    Parameters
    ----------
    kubeconfig, context
        What the user named; None: the defaults.

    Raises
    ------
    CredentialsError
        There is no cluster to talk to, or its configuration can't be used.
    """
    if kubeconfig is not None:
        return load_kubeconfig(str(kubeconfig), context)
    if named := os.environ.get("KUBECONFIG"):
        return load_kubeconfig(named, context)
    if context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster()
    default = Path.home() / ".kube" / "config"
    if default.exists():
        return load_kubeconfig(str(default), context)
    raise CredentialsError(
        f"no cluster to connect to: not in a pod, and {default} doesn't exist; "
        "name a kubeconfig with --kubeconfig or $KUBECONFIG"
    )


def in_cluster(folder: Path = SERVICE_ACCOUNT) -> ClusterAccess:
    """Return the access of the pod that we run in.

    Raises
    ------
    CredentialsError
        The pod has no ServiceAccount mounted.
    """
    configuration = Configuration(host="", proxy="")
    try:
        InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt")).load_and_set(configuration)
        namespace = (folder / "namespace").read_text().strip()
        context = _ssl_context(configuration)
    except (ConfigException, OSError) as error:
        raise CredentialsError(
            f"cannot use the pod's ServiceAccount in {folder}: {error}; is automountServiceAccountToken off?"
        ) from error
    configuration.proxy = _proxy(configuration)
    return ClusterAccess(configuration=configuration, ssl_context=context, namespace=namespace, in_pod=True)


def load_kubeconfig(paths: str, context: str | None = None) -> ClusterAccess:
    """Read kubeconfigs, and log in with what they say.

    Parameters
    ----------
    paths
        One or several, as in `$KUBECONFIG`; of entries of one name the first counts.
    context
        The context to use; None: the first current-context.

    Raises
    ------
    CredentialsError
        A kubeconfig can't be read or used, or the plugin that it names failed.
    """
    merged = _read(paths)
    name = context or _current_context(merged)
    if not name:
        raise CredentialsError(f"{paths}: no current-context; choose one with --context")
    if name not in (names := _context_names(merged)):
        listed = ", ".join(names) or "none"
        raise CredentialsError(f"{paths}: there is no context {name!r} (contexts: {listed}); choose one with --context")
    # An empty host shows that the kubeconfig names none: the official client's default is http://localhost.
    configuration = Configuration(host="", proxy="")
    with _errors_of(paths):
        loader = KubeConfigLoader(
            config_dict=merged.config,
            active_context=name,
            config_base_path=None,
            config_persister=lambda: _save(merged),
        )
        found = loader.current_context["context"]
        user = _user(merged, found.get("user"))
        source = _source(user, found.get("user"))
    if "as" in user:  # the official client would go on with the rights of the user itself
        raise CredentialsError(
            f"{paths}: the user {found['user']!r} impersonates another ('as'), which is not supported"
        )
    with _errors_of(f"{paths}: {source}" if source else paths):
        _in_time(lambda: loader.load_and_set(configuration))
    if not configuration.host:
        raise CredentialsError(f"{paths}: the cluster of context {name!r} has no server")
    configuration.proxy = _proxy(configuration)
    try:
        tls = _ssl_context(configuration) if configuration.host.startswith("https") else None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CredentialsError(f"{paths}: the certificates of context {name!r} cannot be used: {error}") from error
    return ClusterAccess(
        configuration=configuration, ssl_context=tls, namespace=str(found.get("namespace") or "default"), source=source
    )


def _read(paths: str) -> KubeConfigMerger:
    try:
        merged = KubeConfigMerger(paths)
    except OSError as error:
        raise CredentialsError(f"cannot read the kubeconfig {error.filename or paths}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CredentialsError(f"the kubeconfig {paths} isn't valid YAML: {error}") from error
    except Exception as error:  # it takes the file's shape for granted
        raise CredentialsError(f"the kubeconfig {paths} can't be used: {_text(error)}") from error
    if merged.config is None:
        raise CredentialsError(f"there is no kubeconfig {paths}")
    return merged


def _context_names(merged: KubeConfigMerger) -> list[str]:
    contexts = (node.value for node in merged.config.value["contexts"])
    return [str(context["name"]) for context in contexts if isinstance(context, Mapping) and "name" in context]


def _current_context(merged: KubeConfigMerger) -> str:
    """Return the first current-context, as kubectl does; the official client takes the last."""
    return next(
        (str(read["current-context"]) for read in merged.config_files.values() if read.get("current-context")), ""
    )


def _user(merged: KubeConfigMerger, name: str | None) -> dict[str, Any]:
    """Return a user's part of the kubeconfigs."""
    node = merged.config["users"].get_with_name(name, safe=True) if name else None
    found: dict[str, Any] = (node.value if node is not None else {}).get("user") or {}
    return found


def _source(user: dict[str, Any], name: str | None) -> str:
    """Return the plugin or identity provider of a user, for messages."""
    if plugin := user.get("exec"):
        hint = f" ({plugin['installHint'].strip()})" if plugin.get("installHint") else ""
        return f"the credential plugin {plugin.get('command')!r} of the user {name!r}{hint}"
    if provider := user.get("auth-provider"):
        return f"the identity provider {(provider.get('config') or {}).get('idp-issuer-url', provider.get('name'))!r}"
    return ""


def _save(merged: KubeConfigMerger) -> None:
    """Save a renewed OIDC token as kubectl does: an identity provider may accept each refresh token only once."""
    try:
        merged.save_changes()
    except OSError as error:
        log.warning("the renewed token can't be saved in the kubeconfig: %s", error)


def _ssl_context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _proxy(configuration: Configuration) -> str | None:
    """Return the proxy to use: the kubeconfig's, else the environment's where kubectl would use it."""
    proxy = configuration.proxy
    if not proxy:
        environment = Configuration(host=configuration.host)
        bypassed = should_bypass_proxies(configuration.host, f"{environment.no_proxy or ''},{THIS_MACHINE}")
        proxy = None if bypassed else environment.proxy
    if is_socks_proxy_url(proxy):
        raise CredentialsError(f"SOCKS proxies are not supported: name an HTTP proxy instead of {proxy}")
    return proxy


@contextmanager
def _errors_of(what: str) -> Iterator[None]:
    """Raise whatever goes wrong as a `CredentialsError` about `what`, also what the official client only logs.

    When a plugin fails, the official client logs why on the root logger and goes on without a token. One at a time, so
    that what it logs belongs to `what`.
    """
    logged: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        ours = record.module == "kube_config"
        if ours:
            logged.append(record.getMessage())
        return not ours

    root = logging.getLogger()
    try:
        with _LISTENING:
            root.addFilter(keep)
            try:
                yield
            finally:
                root.removeFilter(keep)
    except CredentialsError:
        raise
    except TimeoutError as error:
        raise CredentialsError(
            f"{what} gave no answer in {DEADLINE:g} s; run it in a shell to see what it waits for"
        ) from error
    except Exception as error:  # urllib3, requests, oauthlib, and KeyErrors for fields that are missing
        raise CredentialsError(f"{what}: {_text(error)}") from error
    if logged:
        raise CredentialsError(f"{what} failed: {_without_secrets(logged[-1])}")


def _text(error: Exception) -> str:
    if isinstance(error, ConfigException):
        return _without_secrets(str(error))
    return f"{type(error).__name__}: {error}"


def _without_secrets(message: str) -> str:
    """Take out the users that the official client prints with their tokens to say where a field is missing."""
    return re.sub(r"\{.*\}", "...", message, flags=re.DOTALL)


def _in_time(work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- what the official client returns
    """Run what the official client does without a time limit: it starts plugins and asks identity providers.

    Raises
    ------
    TimeoutError
        It has not ended within `DEADLINE`.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 -- raised again where the outcome is waited for
            outcome.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        return outcome.result(DEADLINE)
    finally:
        if not outcome.done():
            _end_children(thread)
            thread.join(1)  # what it has to say of that belongs to this failure


def _end_children(thread: threading.Thread) -> None:
    """Kill the plugin that a thread waits for; only Linux tells which one it is."""
    with suppress(OSError):
        for child in Path(f"/proc/self/task/{thread.native_id}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
