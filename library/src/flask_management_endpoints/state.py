"""What the app says of itself, beside its checks: started, broken, not taking traffic.

One for all workers where they share a board (``flask_management_endpoints.gunicorn``), else one a process.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from flask_management_endpoints.execution.forking import reset_in_children

logger = logging.getLogger("flask_management_endpoints")
REASON_LIMIT = 300
Records: TypeAlias = dict[str, dict[str, Any]]
"""By app: ``started`` and ``passed`` are true or absent, the other words hold reasons by the process that gave them."""


class Store(Protocol):
    """Where records are kept."""

    def read(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the records as they are now. Cheap: every probe asks."""

    def change(self, change: Callable[[Records], None]) -> None:
        """Change the records, with nobody else changing them meanwhile."""


class InProcess:
    """The store of a process that shares with nobody."""

    def __init__(self) -> None:
        self._records: Records = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take a lock of its own."""
        self._lock = threading.Lock()

    def read(self) -> Records:
        """Return the records, which nobody changes in place."""
        return self._records

    def change(self, change: Callable[[Records], None]) -> None:
        """Change a copy and put it in place."""
        with self._lock:
            records = copied(self._records)
            change(records)
            self._records = records


def copied(records: Mapping[str, Mapping[str, Any]]) -> Records:
    """Return records that may be changed."""
    return {
        app: {word: dict(said) if isinstance(said, Mapping) else said for word, said in record.items()}
        for app, record in records.items()
    }


def speakers(records: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the processes that have given a reason for anything."""
    return {pid for record in records.values() for said in record.values() if isinstance(said, Mapping) for pid in said}


def forget(records: Records, gone: Callable[[str], bool]) -> None:
    """Take back what processes said that are gone. What has started stays so."""
    for record in records.values():
        for said in record.values():
            if isinstance(said, dict):
                for pid in [pid for pid in said if gone(pid)]:
                    del said[pid]


_shared: list[Store] = []


def share(store: Store) -> None:
    """Have the apps that this process and its children make from now on keep their state in ``store``."""
    _shared[:] = [store]


class AppState:
    """The switches of one app."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._gated = False
        self._store: Store = _shared[0] if _shared else InProcess()
        if app in self._store.read():  # of another app object of this process
            self._store.change(lambda records: forget({app: records[app]}, _own_name().__eq__))

    def _record(self) -> Mapping[str, Any]:
        return self._store.read().get(self._app, {})

    @property
    def started(self) -> bool:
        """Whether the start-up gate is open."""
        return not self._gated or "started" in self._record()

    @property
    def startup_passed(self) -> bool:
        """Whether the checks of the group ``startup`` have all passed once."""
        return "passed" in self._record()

    @property
    def broken(self) -> str | None:
        """Why liveness says no, if it does."""
        return self._reason("broken")

    @property
    def refusal(self) -> str | None:
        """Why readiness says no, if it does."""
        return self._reason("refused")

    @property
    def failing_elsewhere(self) -> str | None:
        """Why liveness checks say no in another worker, if they do there."""
        failing = self._record().get("failing")
        if not failing:
            return None
        own = _own_name()
        return next((f"{reason} (worker {pid})" for pid, reason in failing.items() if pid != own), None)

    def close_startup_gate(self) -> None:
        """Have start-up last until `mark_started`."""
        self._gated = True

    def mark_started(self) -> None:
        """Open the start-up gate."""
        if self._gated and "started" not in self._record():
            self._note("started")
            logger.info("start-up is over")

    def mark_startup_passed(self) -> None:
        """Note that the checks of the group ``startup`` have all passed."""
        self._note("passed")

    def set_broken(self, reason: str | None) -> None:
        """Make liveness DOWN for ``reason``, or UP again for None."""
        if self._say("broken", reason):
            if reason is None:
                logger.warning("liveness is UP again")
            else:
                logger.error("liveness is DOWN: %s", reason)

    def set_refused(self, reason: str | None) -> None:
        """Make readiness DOWN for ``reason``, or leave it to the checks again for None."""
        if self._say("refused", reason):
            logger.warning("readiness is %s", "no longer refused" if reason is None else f"DOWN: {reason}")

    def set_failing(self, reason: str | None) -> None:
        """Tell the other workers what this one's liveness checks say."""
        if reason is not None or _own_name() in self._record().get("failing", {}):
            self._say("failing", reason, everybodys=False)

    def _note(self, word: str) -> None:
        self._store.change(lambda records: records.setdefault(self._app, {}).update({word: True}))

    def _say(self, word: str, reason: str | None, *, everybodys: bool = True) -> bool:
        """Give a reason in this process's name, or with None take it back: everybody's, or this process's.

        Return whether that changes anything.
        """
        own, said = _own_name(), self._record().get(word, {})
        reason = None if reason is None else reason[:REASON_LIMIT]
        if said.get(own) == reason and (reason is not None or not said):
            return False

        def change(records: Records) -> None:
            reasons = records.setdefault(self._app, {}).setdefault(word, {})
            if reason is not None:
                reasons[own] = reason
            elif everybodys:
                reasons.clear()
            else:
                reasons.pop(own, None)

        self._store.change(change)
        return True

    def _reason(self, word: str) -> str | None:
        record = self._store.read().get(self._app)
        said = record.get(word) if record else None
        return next(iter(said.values()), None) if said else None


def _own_name() -> str:
    return str(os.getpid())
