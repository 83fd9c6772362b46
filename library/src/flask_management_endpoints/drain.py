"""SIGTERM, and the seconds after it in which the server still serves while the platform takes it out of rotation.

Kubernetes sends SIGTERM and removes the pod from its Services at the same time, and the latter takes a while to reach
every node. A server that stops at once refuses the requests that still come. With a drain, readiness says 503 from
the signal on, and everything else works as before until ``drain_seconds`` are over.

Where that can't be done, `Drain.on_sigterm` says why. In a process that has served no request (a job, a child) SIGTERM
does what it would do without us.
"""

import _thread
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.execution.pool import uwsgi_module

logger = logging.getLogger("flask_management_endpoints")
REASON = "draining: the process is about to stop"
PRE_STOP = "let the pod's preStop hook sleep instead"
HOOKS = "flask_management_endpoints.gunicorn"
VARIABLE = "Z_ENDPOINTS_DRAIN_SECONDS"
IN_ARBITER = f"import {HOOKS} in gunicorn.conf.py, and say {VARIABLE} in the environment"


class Drain:
    """The drain of this process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.serving = False
        """Whether this process has served a request. One that hasn't has nothing to drain."""
        self.board_draining: Callable[[], bool] | None = None
        """Set where gunicorn's arbiter may drain for its workers."""
        self._since: float | None = None
        self._previous: Callable[[int, FrameType | None], object] | int | None = None
        self._installed = False
        reset_in_children(self)

    @property
    def active(self) -> bool:
        """Whether the process is about to stop."""
        return self._since is not None or (self.board_draining is not None and self.board_draining())

    def on_sigterm(self, seconds: float) -> str | None:
        """Drain for ``seconds`` when SIGTERM comes, then do what would have been done; return why that can't be."""
        self.seconds = max(self.seconds, seconds)
        if self._installed:
            return None
        if threading.current_thread() is not threading.main_thread():
            return "signals can be handled in the main thread only; say it before the app is initialised, and there"
        if "gunicorn.arbiter" in sys.modules:
            return self._in_gunicorn()
        reason = _why_not()
        if reason is None:
            self._install()
        return reason

    def in_worker(self) -> None:
        """Take SIGTERM over in a gunicorn worker that is ready: with ``--preload`` the app came before its signals."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        if self.seconds and not self._installed and in_main_thread and not _in_uvicorn_worker():
            self._install()

    def overridden(self) -> str | None:
        """Return who has taken SIGTERM away since, if somebody has."""
        handler = signal.getsignal(signal.SIGTERM)
        if not self._installed or handler == self._begin:
            return None
        return f"{handler!r} handles SIGTERM now, so nothing will drain; {PRE_STOP}"

    def reset_after_fork(self) -> None:
        """Give SIGTERM back in a child: whoever forks (multiprocessing, a pool) wants it to stop at once."""
        if self._installed and signal.getsignal(signal.SIGTERM) == self._begin:
            signal.signal(signal.SIGTERM, self._previous)
        self._installed = self.serving = False
        self._since = None

    def _in_gunicorn(self) -> str | None:
        if _in_uvicorn_worker():
            arbiter_drains = HOOKS in sys.modules and VARIABLE in os.environ
            return None if arbiter_drains else f"a uvicorn worker handles SIGTERM itself; {IN_ARBITER}"
        worker = _gunicorn_worker(signal.getsignal(signal.SIGTERM))
        if worker is None:
            if HOOKS in sys.modules:  # ``in_worker`` does it
                return None
            return f"gunicorn has loaded the app before its workers; import {HOOKS} in gunicorn.conf.py"
        self._install()
        limit = worker.cfg.graceful_timeout
        if self.seconds < limit:
            return None
        return f"gunicorn stops its workers after graceful_timeout, {limit} s; set that above {self.seconds:g}"

    def _install(self) -> None:
        self._previous = signal.signal(signal.SIGTERM, self._begin)
        self._installed = True

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._since is not None or not self._is_the_end():
            self._finish(number, frame)
            return
        self._since = time.monotonic()
        logger.warning("readiness is DOWN: %s in %g s", REASON, self.seconds)
        _thread.start_new_thread(self._end_later, ())  # a Thread waits for its start, which gevent's hub may not

    def _end_later(self) -> None:
        time.sleep(self.seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    def _is_the_end(self) -> bool:
        """Return whether this process serves requests that it should go on serving for a while."""
        if self.board_draining is not None and self.board_draining():  # the arbiter has drained already
            return False
        worker = _gunicorn_worker(self._previous)
        return self.serving if worker is None else _ports_are_closing(worker)

    def _finish(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._previous(number, frame)
        elif self._previous is not signal.SIG_IGN:
            if self.serving:
                raise SystemExit(0)  # lets the server end the requests in flight
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)


def _why_not() -> str | None:
    """Return why SIGTERM can't be taken over in this process, if it can't."""
    if uwsgi_module() is not None:
        return f"uwsgi handles SIGTERM itself, in C; {PRE_STOP}"
    if "uvicorn" in sys.modules and not _is_uvicorns(signal.getsignal(signal.SIGTERM)):
        return f"uvicorn handles SIGTERM itself, unless it has two workers or more; {PRE_STOP}"
    if "hypercorn" in sys.modules:
        return f"hypercorn handles SIGTERM itself, and closes its port at once; {PRE_STOP}"
    if os.environ.get("WERKZEUG_RUN_MAIN"):
        return "SIGTERM ends the reloader, not this process; run without --debug"
    return None


def _gunicorn_worker(handler: object) -> Any:  # noqa: ANN401 - gunicorn has no types
    """Return the gunicorn worker whose method ``handler`` is, or None."""
    owner = getattr(handler, "__self__", None)
    return owner if hasattr(owner, "cfg") and hasattr(owner, "sockets") else None


def _in_uvicorn_worker() -> bool:
    """Return whether this is gunicorn with uvicorn's worker, which takes SIGTERM after all that gunicorn knows of."""
    return "uvicorn.workers" in sys.modules or "uvicorn_worker" in sys.modules


def _is_uvicorns(handler: object) -> bool:
    """Return whether uvicorn takes SIGTERM already, as its workers do when they load the app: we can come before it."""
    return hasattr(getattr(handler, "__self__", None), "should_exit")


def _ports_are_closing(worker: Any) -> bool:  # noqa: ANN401 - gunicorn has no types
    """Return whether the arbiter has closed its ports: it stops. On a reload it keeps them, for the new workers.

    The worker's own copies keep the ports open as long as it serves. Where there is no /proc, a reload drains too.
    """
    for listener in worker.sockets:
        link = f"fd/{listener.fileno()}"
        try:
            if Path(f"/proc/{os.getppid()}", link).readlink() == Path("/proc/self", link).readlink():
                return False
        except OSError:
            continue
    return True


DRAIN = Drain()
