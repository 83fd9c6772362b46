"""For ``gunicorn.conf.py``: liveness that answers when every worker is stuck, and a drain before the end.

::

    from flask_management_endpoints.gunicorn import *

That gives the configuration the server hooks below. An own hook of the same name takes our place: call ours from it.
Options come from the environment: ``Z_ENDPOINTS_PROBE_BIND`` (``0.0.0.0:8099``), ``Z_ENDPOINTS_STUCK_SECONDS`` (60),
``Z_ENDPOINTS_DRAIN_SECONDS`` (0).
"""

from typing import Any

from flask_management_endpoints.drain import DRAIN
from flask_management_endpoints.outofband.arbiter import Options, Watch

__all__ = ["child_exit", "post_request", "post_worker_init", "pre_fork", "pre_request", "when_ready"]

_watch = Watch(Options.from_environment())


def when_ready(server: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Start listening (in the arbiter, once it has its own sockets)."""
    _watch.start(server)


def pre_fork(_server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Give the worker that is about to be made its place on the board."""
    worker.health_slot = _watch.board.allot()


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Watch the worker from now on: its app is loaded."""
    _watch.leave_to_arbiter()
    DRAIN.board_draining = lambda: _watch.board.draining
    if worker.health_slot is not None:
        _watch.board.begin_work(worker.health_slot, _capacity(worker))


def pre_request(worker: Any, _request: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Note that a request began."""
    if worker.health_slot is not None:
        _watch.board.note(worker.health_slot, 1)


def post_request(worker: Any, _request: Any, _environ: Any, _response: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Note that a request ended."""
    if worker.health_slot is not None:
        _watch.board.note(worker.health_slot, -1)


def child_exit(_server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn has no types
    """Take the place of a worker that is gone back (in the arbiter)."""
    if worker.health_slot is not None:
        _watch.board.release(worker.health_slot)


def _capacity(worker: Any) -> int:  # noqa: ANN401 - gunicorn has no types
    """Return how many requests a worker handles at once."""
    kind = worker.cfg.worker_class_str
    if kind == "sync":
        return 1
    return int(worker.cfg.threads if "gthread" in kind or kind == "threads" else worker.cfg.worker_connections)
