"""A check for memcached behind pymemcache (extra ``memcached``)."""

from collections.abc import Callable
from typing import Protocol


class TellsVersion(Protocol):
    """What this check needs of a memcached client."""

    def version(self) -> object:
        """Send VERSION."""


def memcached(client: TellsVersion) -> Callable[[], bool]:
    """Return a check that asks for the server's version.

    Give the client a ``timeout`` and ``connect_timeout`` shorter than the check's. pymemcache's plain clients are for
    one thread: give the check one of its own, or a `PooledClient`.
    """

    def check() -> bool:
        return bool(client.version())

    return check
