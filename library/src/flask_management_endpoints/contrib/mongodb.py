"""A check for MongoDB behind pymongo (extra ``mongodb``)."""

from collections.abc import Callable
from typing import Any, Protocol


class HasAdmin(Protocol):
    """What this check needs of a MongoClient."""

    @property
    def admin(self) -> Any:  # noqa: ANN401 - pymongo's Database
        """The database that takes commands for the server."""


def mongodb(client: HasAdmin) -> Callable[[], bool]:
    """Return a check that pings.

    Give the client a ``serverSelectionTimeoutMS`` shorter than the check's timeout: pymongo waits 30 s by default.
    """

    def check() -> bool:
        return bool(client.admin.command("ping")["ok"])

    return check
