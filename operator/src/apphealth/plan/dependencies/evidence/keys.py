"""What the name of a variable, a flag or a setting says about its value."""

from __future__ import annotations

import re
from functools import lru_cache

_HOSTS = (
    "HOST HOSTS HOSTNAME ADDR ADDRS ADDRESS ADDRESSES SERVICE URL URLS URI ENDPOINT ENDPOINTS SERVER SERVERS BROKER "
    "BROKERS UPSTREAM"
)
HOSTS = frozenset(_HOSTS.split())
"""Last words of a name that say: the value is a host."""
NOT_ALONE = frozenset({"SERVICE", "HOSTNAME"})
"""As the whole name, these are more likely what the application itself is called."""
OWN_NAMES = frozenset({"DD_SERVICE", "OTEL_SERVICE"})
"""What an application is called in traces."""
_STRANGERS = (
    "ALLOW ALLOWED CORS CSRF ORIGIN ORIGINS TRUSTED EXCLUDE EXCLUDED IGNORE IGNORED DENY DENIED BLOCKED BIND LISTEN "
    "LISTENER LISTENERS ADVERTISED NOPROXY NONPROXYHOSTS"
)
STRANGERS = frozenset(_STRANGERS.split())
"""Words of a name that say: hosts that may call, that are left out, or where the application itself listens."""
IMAGES = frozenset({"IMAGE", "IMAGES"})
"""Words of a name that say: a container's image, unless the last one says that it is a host."""
SECRETS = frozenset({"PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "TOKEN", "KEY"})
"""Last words of a name whose value is not looked at."""
_MAX = 128
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAKS = str.maketrans("-.", "__")


@lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    """Split `spring.datasource.url`, `db-host`, `dbHost`, `DB_HOST` into words in capitals."""
    return tuple(word for word in _CAMEL.sub("_", key).translate(_BREAKS).upper().split("_") if word)


def says_host(key: str) -> bool:
    """Whether the value is a host, or several."""
    words = _words(key[-_MAX:])
    if words[-2:] == ("HOST", "NAME"):
        words = (*words[:-2], "HOSTNAME")
    if not words or words[-1] not in HOSTS or "_".join(words) in OWN_NAMES:
        return False
    return len(words) > 1 or words[0] not in NOT_ALONE


def says_stranger(key: str) -> bool:
    """Whether what may look like hosts in the value are not those that the application calls."""
    words = _words(key[-_MAX:])
    if not words:
        return False
    if not STRANGERS.isdisjoint(words) or words[-2:] == ("NO", "PROXY") or words[-1] in SECRETS:
        return True
    return not IMAGES.isdisjoint(words) and words[-1] not in HOSTS
