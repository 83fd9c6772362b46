"""A check for redis (extra ``redis``)."""

from collections.abc import Callable
from typing import Protocol


class Pings(Protocol):
    """What this check needs of a redis client."""

    def ping(self) -> object:
        """Send PING."""


def redis(client: Pings) -> Callable[[], bool]:
    """Return a check that pings.

    Give the client a ``socket_timeout`` shorter than the check's, so that no thread hangs.
    """

    def check() -> bool:
        return bool(client.ping())

    return check
