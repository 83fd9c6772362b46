"""A change of state is logged once, with its reason; ten thousand probes that say the same are not."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from flask_management_endpoints.checks.outcome import Status
from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.report import Component

logger = logging.getLogger("flask_management_endpoints")
MAX_NAMES = 1024


@dataclass(frozen=True, slots=True)
class Change:
    """A component has another status than before: what listeners of `ManagementEndpoints.on_change` get."""

    name: str
    before: Status
    after: Status
    reason: str | None = None
    """Why it isn't UP."""


Listener: TypeAlias = Callable[[Change], object]


class Transitions:
    """The last status of each component and question, to see what is new.

    A dependency may say another thing about its readiness than about its health: each is followed by itself. A
    component starts as UP: the first trouble is a change.
    """

    def __init__(self, listeners: Callable[[], Iterable[Listener]] = tuple) -> None:
        self._listeners = listeners
        self._last: dict[tuple[str, str], Status] = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take a lock of its own."""
        self._lock = threading.Lock()

    def note(self, components: Iterable[Component]) -> None:
        """Log the components whose status isn't what it was."""
        for component in components:
            key, status = (component.name, component.question), component.result.status
            if component.counted and self._last.get(key, Status.UP) is not status:
                self._change(component, status)

    def _change(self, component: Component, status: Status) -> None:
        key = (component.name, component.question)
        with self._lock:
            before = self._last.get(key, Status.UP)
            if before is status or len(self._last) >= MAX_NAMES:
                return
            self._last[key] = status
        name = f"{component.name} ({component.question})" if component.question else component.name
        reason = f": {component.result.reason}" if component.result.reason else ""
        logger.warning("health of %s: %s -> %s%s", name, before.value, status.value, reason)
        change = Change(component.name, before, status, component.result.reason)
        for listener in self._listeners():
            try:
                listener(change)
            except Exception:
                logger.exception("a listener for changes raised")
