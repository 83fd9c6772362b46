"""Proxies, CA bundles and credentials from the environment, decided by requests itself, and remembered.

requests looks all of it up anew for each call, which is a third of the call's CPU. The answer changes only with the
environment variables that it depends on, so they are the key.
"""

import os
import ssl
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from flask_management_endpoints.dependencies.urls import origin

_VARIABLES = tuple(
    variant
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NETRC",
        "HOME",
    )
    for variant in (name, name.lower())
)
MAX_ROUTES = 256


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to one origin."""

    proxied: bool
    ca_bundle: str
    authorization: str | None


class Environment:
    """Routes by origin, for one state of the environment variables."""

    def __init__(self) -> None:
        self._seen: tuple[str | None, ...] = ()
        self._routes: dict[tuple[str, str, int], Route] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    def route(self, parts: SplitResult) -> Route:
        """Return how to get to the origin of ``parts``."""
        now = tuple(map(os.environ.get, _VARIABLES))
        if now != self._seen or len(self._routes) > MAX_ROUTES:
            self._seen, self._routes = now, {}
        key = origin(parts)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = _look_up(parts)
        return route

    def tls(self, ca_bundle: str) -> ssl.SSLContext:
        """Return the TLS context that trusts ``ca_bundle`` (a file, or a directory of hashed certificates)."""
        context = self._contexts.get(ca_bundle)
        if context is None:
            directory = os.path.isdir(ca_bundle)  # noqa: PTH112 - the string goes to OpenSSL as it is
            where = {"capath": ca_bundle} if directory else {"cafile": ca_bundle}
            context = self._contexts[ca_bundle] = ssl.create_default_context(**where)  # type: ignore[arg-type]
        return context


def _look_up(parts: SplitResult) -> Route:
    import certifi
    import requests
    from requests.utils import get_netrc_auth, select_proxy

    url = parts.geturl()
    with requests.Session() as session:
        settings = session.merge_environment_settings(url, {}, None, None, None)
    verify = settings["verify"]
    proxied = select_proxy(url, settings["proxies"]) is not None
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else get_netrc_auth(url)
    header = "Basic " + b64encode(":".join(login).encode()).decode() if login else None
    return Route(proxied, verify if isinstance(verify, str) else certifi.where(), header)
