"""SIGTERM, and the seconds after it in which the server still serves while the platform takes it out of rotation.

Kubernetes sends SIGTERM and removes the pod from its Services at the same time, and the latter takes a while to reach
every node. A server that stops at once refuses the requests that still come. With a drain, readiness says 503 from
the signal on, and everything else works as before until ``drain_seconds`` are over.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

logger = logging.getLogger("flask_management_endpoints")
REASON = "draining: the process is about to stop"


class Drain:
    """The drain of this process. ``board`` is set where an arbiter drains for its workers."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._seconds = 0.0
        self._previous: Callable[[int, FrameType | None], object] | int | None = None
        self.board_draining: Callable[[], bool] | None = None

    @property
    def active(self) -> bool:
        """Whether the process is about to stop."""
        return self._since is not None or (self.board_draining is not None and self.board_draining())

    def on_sigterm(self, seconds: float) -> bool:
        """Drain for ``seconds`` when SIGTERM comes, then do what would have been done; return whether that can be.

        It can't where an arbiter drains for its workers, under another gunicorn (its arbiter closes the port first:
        import ``flask_management_endpoints.gunicorn`` in its configuration), and outside the main thread.
        """
        if self._seconds or self.board_draining is not None or "gunicorn.arbiter" in sys.modules:
            self._seconds = max(self._seconds, seconds)
            return False
        if threading.current_thread() is not threading.main_thread():
            return False
        self._seconds = seconds
        self._previous = signal.signal(signal.SIGTERM, self._begin)
        return True

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._since is not None:
            self._finish(number, frame)
            return
        self._since = time.monotonic()
        logger.warning("readiness is DOWN: %s in %g s", REASON, self._seconds)
        timer = threading.Timer(self._seconds, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()

    def _finish(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._previous(number, frame)
        elif self._previous is not signal.SIG_IGN:
            raise SystemExit(0)


DRAIN = Drain()
