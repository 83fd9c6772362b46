"""What the name of a variable, a flag or a setting says about its value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

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
_ENDS = (*HOSTS, "NAME")
_MAX = 128
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAKS = str.maketrans("-.", "__")


class Meaning(NamedTuple):
    """What a key says about its value."""

    host: bool
    """The value is a host, or several."""
    stranger: bool
    """What may look like hosts in the value are not those that the application calls."""


_NOTHING = Meaning(host=False, stranger=False)


def may_mean_host(key: str) -> bool:
    """Return whether the key's end allows for its saying so; `meaning_of` tells, and takes ten times as long."""
    return key.upper().rstrip("-._").endswith(_ENDS)


def meaning_of(key: str) -> Meaning:
    """Read a key: `spring.datasource.url`, `db-host`, `dbHost`, `DB_HOST`; an empty one says nothing."""
    if not key:
        return _NOTHING
    spaced = _CAMEL.sub("_", key[-_MAX:]).translate(_BREAKS).upper()
    words = [word for word in spaced.split("_") if word]
    return Meaning(_means_host(words), _means_stranger(words)) if words else _NOTHING


def _means_host(words: Sequence[str]) -> bool:
    if words[-2:] == ["HOST", "NAME"]:
        words = [*words[:-2], "HOSTNAME"]
    if words[-1] not in HOSTS or "_".join(words) in OWN_NAMES:
        return False
    return len(words) > 1 or words[0] not in NOT_ALONE


def _means_stranger(words: Sequence[str]) -> bool:
    if not STRANGERS.isdisjoint(words) or words[-2:] == ["NO", "PROXY"] or words[-1] in SECRETS:
        return True
    return not IMAGES.isdisjoint(words) and words[-1] not in HOSTS
