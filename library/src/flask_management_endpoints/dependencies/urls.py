"""From what a user wrote for a dependency to the URL that is asked.

The rules are version 1's, without its slips: ``httpbin-svc:80`` isn't a scheme, a slash at the end isn't doubled, a
query stays at the end, and a custom prefix counts for host-only names.
"""

import os
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class BadUrlError(ValueError):
    """A dependency's URL that nothing can be asked at. The message says what is wrong with it."""


def preferred_scheme(config: Mapping[str, object]) -> str:
    """Return the scheme for dependencies that are written without one.

    ``PREFERRED_URL_SCHEME`` of the environment, of the app's config (Flask sets it to ``http`` by itself, so that
    only another value counts), ``SCHEME`` of the environment, else ``http``.
    """
    configured = config.get("PREFERRED_URL_SCHEME")
    candidates = (
        os.environ.get("PREFERRED_URL_SCHEME"),
        configured if configured != "http" else None,
        os.environ.get("SCHEME"),
    )
    return next((str(scheme) for scheme in candidates if scheme), "http")


def health_url(written: str, *, scheme: str, prefix: str, check: str | None = None) -> str:
    """Return the URL to ask.

    =================  ==========================================
    written            asked
    =================  ==========================================
    ``host[:port]``    ``{scheme}://host{prefix}/health[/check]``
    ``host/path``      ``{scheme}://host/path[/check]``
    full URL           ``url[/check]``
    =================  ==========================================

    Raises
    ------
    BadUrlError
        When there is no host in it, or it isn't http(s).
    """
    text = written.strip()
    if not text:
        raise BadUrlError("the URL is empty")
    full = "://" in text.split("?", 1)[0]
    parts = split(text if full else f"{scheme}://{text}")
    path = parts.path
    if not full and "/" not in text.split("?", 1)[0]:
        path = f"{prefix.rstrip('/')}/health"
    if check:
        path = f"{path.rstrip('/')}/{check}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def split(url: str) -> SplitResult:
    """Return the parts of an absolute URL.

    Raises
    ------
    BadUrlError
        When it has another scheme than http, https or tcp, no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrlError(f"{_bounded(url)} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https", "tcp"):
        raise BadUrlError(f"{_bounded(url)}: the scheme is {parts.scheme!r}; use http, https or tcp")
    if not parts.hostname or any(character.isspace() or ord(character) < 32 for character in parts.netloc):
        raise BadUrlError(f"{_bounded(url)} names no host")
    if parts.scheme == "tcp" and port is None:
        raise BadUrlError(f"{_bounded(url)} names no port; write tcp://host:port")
    return parts


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def _bounded(text: str) -> str:
    """Return ``text`` for a message: short, and without credentials."""
    head, separator, tail = text.partition("@")
    shown = f"{head.split('://', 1)[0]}://…@{tail}" if separator and "://" in head else text
    return repr(shown[:120])
