"""What the app says of itself, beside its checks: started, broken, not taking traffic, draining.

One per app and process.
"""

import logging
import threading

from flask_management_endpoints.execution.forking import reset_in_children

logger = logging.getLogger("flask_management_endpoints")


class AppState:
    """The switches. Reading them takes no lock: each is one reference."""

    def __init__(self) -> None:
        self._started = True
        self.startup_passed = False
        """Whether the checks of the group ``startup`` have all passed once."""
        self.broken: str | None = None
        self._refusals: dict[str, str] = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take a lock of its own."""
        self._lock = threading.Lock()

    @property
    def started(self) -> bool:
        """Whether the start-up gate is open."""
        return self._started

    @property
    def refusal(self) -> str | None:
        """Why readiness says no, if it does."""
        return next(iter(self._refusals.values()), None)

    def close_startup_gate(self) -> None:
        """Have start-up last until `mark_started`."""
        self._started = False

    def mark_started(self) -> None:
        """Open the start-up gate."""
        if not self._started:
            self._started = True
            logger.info("start-up is over")

    def set_broken(self, reason: str | None) -> None:
        """Make liveness DOWN for ``reason``, or UP again for None."""
        if reason != self.broken:
            self.broken = reason
            logger.log(
                logging.ERROR if reason else logging.INFO, "liveness is %s", f"DOWN: {reason}" if reason else "UP again"
            )

    def refuse(self, who: str, reason: str) -> None:
        """Make readiness DOWN for ``reason``, until ``who`` accepts again."""
        with self._lock:
            new = who not in self._refusals
            self._refusals = {**self._refusals, who: reason}
        if new:
            logger.warning("readiness is DOWN: %s", reason)

    def accept(self, who: str) -> None:
        """Take ``who``'s refusal back."""
        with self._lock:
            if who not in self._refusals:
                return
            self._refusals = {name: reason for name, reason in self._refusals.items() if name != who}
        logger.info("readiness: no longer refused (%s)", who)
