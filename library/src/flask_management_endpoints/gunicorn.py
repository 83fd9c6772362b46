"""For ``gunicorn.conf.py``: liveness that answers when every worker is stuck, and a drain before the end.

::

    from flask_management_endpoints.gunicorn import *

That gives the configuration the server hooks below. An own ``pre_fork``, ``child_exit`` or ``post_worker_init`` may
take the place of ours; from an own ``when_ready``, ``pre_request`` or ``post_request`` call ours.
Options come from the environment: ``Z_ENDPOINTS_PROBE_BIND`` (``0.0.0.0:8099``), ``Z_ENDPOINTS_STUCK_SECONDS`` (60),
``Z_ENDPOINTS_DRAIN_SECONDS`` (0).
"""

import sys
from typing import Any

from flask_management_endpoints.drain import DRAIN
from flask_management_endpoints.outofband.arbiter import Options, Watch
from flask_management_endpoints.outofband.reporting import report_liveness
from flask_management_endpoints.state import share

__all__ = ["child_exit", "post_request", "post_worker_init", "pre_fork", "pre_request", "when_ready"]

_watch = Watch(Options.from_environment())
if "gunicorn.app.base" in sys.modules:  # it is gunicorn that reads its configuration: the app isn't loaded yet
    share(_watch.board.store)


def when_ready(server: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Start listening (in the arbiter, once it has its own sockets)."""
    _watch.start(server)


def pre_fork(_server: Any, _worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Take back what belonged to workers that are gone: at once rather than within a second."""
    _watch.keep()


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Watch the worker from now on: its app is loaded."""
    if not _watch.board.enter():
        return
    _watch.leave_to_arbiter()
    DRAIN.board_draining = lambda: _watch.board.draining
    DRAIN.in_worker()
    if not _watch.board.begin_work(_capacity(worker)):
        worker.log.warning("health: worker %s isn't watched: there are too many", worker.pid)
    report_liveness()


def pre_request(worker: Any, _request: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Note that a request began."""
    if not _watch.board.entered:  # an own post_worker_init takes the place of ours
        post_worker_init(worker)
    _watch.board.note(1)


def post_request(_worker: Any, _request: Any, _environ: Any, _response: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Note that a request ended."""
    _watch.board.note(-1)


def child_exit(_server: Any, _worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Take back what belonged to a worker that is gone: at once rather than within a second."""
    _watch.keep()


def _capacity(worker: Any) -> int:  # noqa: ANN401 - gunicorn has no types
    """Return how many requests a worker handles at once."""
    kind = worker.cfg.worker_class_str
    if kind == "sync":
        return 1
    return int(worker.cfg.threads if "gthread" in kind or kind == "threads" else worker.cfg.worker_connections)
