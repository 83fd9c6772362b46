"""Derive from the name of a variable, a flag or a setting what its value means."""

from __future__ import annotations

import re
from functools import lru_cache

_HOSTS = (
    "HOST HOSTS HOSTNAME ADDR ADDRS ADDRESS ADDRESSES SERVICE URL URLS URI ENDPOINT ENDPOINTS SERVER SERVERS BROKER "
    "BROKERS UPSTREAM"
)
HOSTS = frozenset(_HOSTS.split())
"""Last words of the names whose values are hosts."""
NOT_ALONE = frozenset({"SERVICE", "HOSTNAME"})
"""Names whose value is more likely the application's own name than a host."""
OWN_NAMES = frozenset({"DD_SERVICE", "OTEL_SERVICE"})
"""Variables that hold the application's own name in traces."""
_STRANGERS = (
    "ALLOW ALLOWED CORS CSRF ORIGIN ORIGINS TRUSTED EXCLUDE EXCLUDED IGNORE IGNORED DENY DENIED BLOCKED BIND LISTEN "
    "LISTENER LISTENERS ADVERTISED NOPROXY NONPROXYHOSTS"
)
STRANGERS = frozenset(_STRANGERS.split())
"""Words of the names whose values are no dependencies: allowed callers, excluded hosts, own listen addresses."""
IMAGES = frozenset({"IMAGE", "IMAGES"})
"""Words of the names whose values are images, unless the last word of the name is in `HOSTS`."""
SECRETS = frozenset({"PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "TOKEN", "KEY"})
"""Last words of the names whose values are never read."""
_MAX = 128
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAKS = str.maketrans("-.", "__")


@lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    """Split `spring.datasource.url`, `db-host`, `dbHost`, `DB_HOST` into words in capitals."""
    return tuple(word for word in _CAMEL.sub("_", key).translate(_BREAKS).upper().split("_") if word)


def holds_hosts(key: str) -> bool:
    """Return whether the values of this name are hosts."""
    words = _words(key[-_MAX:])
    if words[-2:] == ("HOST", "NAME"):
        words = (*words[:-2], "HOSTNAME")
    if not words or words[-1] not in HOSTS or "_".join(words) in OWN_NAMES:
        return False
    return len(words) > 1 or words[0] not in NOT_ALONE


def holds_other_hosts(key: str) -> bool:
    """Return whether hosts in the values of this name are not called by the application."""
    words = _words(key[-_MAX:])
    if not words:
        return False
    if not STRANGERS.isdisjoint(words) or words[-2:] == ("NO", "PROXY") or words[-1] in SECRETS:
        return True
    return not IMAGES.isdisjoint(words) and words[-1] not in HOSTS
