"""What the arbiter of gunicorn does for health: keep the board, answer out of band, and drain before it stops."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_management_endpoints.outofband.board import Board, Work
from flask_management_endpoints.outofband.listener import Listener

LOOPS = ("gthread", "threads", "gevent", "eventlet", "tornado")
HOUSEKEEPING = 1.0
"""Seconds between two looks for workers that are gone."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment says."""

    host: str = "0.0.0.0"  # noqa: S104 - the kubelet comes from outside the pod
    port: int = 8099
    stuck_seconds: float = 60.0
    drain_seconds: float = 0.0

    @classmethod
    def from_environment(cls) -> "Options":
        """Return the options.

        ``Z_ENDPOINTS_PROBE_BIND`` (``host:port``, default ``0.0.0.0:8099``), ``Z_ENDPOINTS_STUCK_SECONDS`` (60),
        ``Z_ENDPOINTS_DRAIN_SECONDS`` (0).

        Raises
        ------
        ValueError
            When one of them makes no sense; the message names it.
        """
        default = cls()
        bind = os.environ.get("Z_ENDPOINTS_PROBE_BIND", f"{default.host}:{default.port}")
        host, _, port = bind.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise ValueError(f"Z_ENDPOINTS_PROBE_BIND is {bind!r}; use host:port, for example 0.0.0.0:8099")
        return cls(
            host.strip("[]") or default.host,
            int(port),
            _seconds("Z_ENDPOINTS_STUCK_SECONDS", default.stuck_seconds),
            _seconds("Z_ENDPOINTS_DRAIN_SECONDS", default.drain_seconds),
        )


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 86400:
        raise ValueError(f"{name} is {text!r}; use seconds, 0 or more")
    return seconds


class Watch:
    """Watches the workers of one arbiter."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.board = Board()
        self._workers: Mapping[int, Any] = {}
        self._listener: Listener | None = None
        self._log: Any = None
        self._told: frozenset[str] = frozenset()

    def start(self, server: Any) -> None:  # noqa: ANN401 - gunicorn has no types
        """Listen, and take over SIGTERM. Called once, in the arbiter."""
        self._workers, self._log = server.WORKERS, server.log
        threading.Thread(target=self._keep_house, name="health-board", daemon=True).start()
        try:
            is_successor = "GUNICORN_PID" in os.environ
            self._listener = Listener((self.options.host, self.options.port), self.verdict, share=is_successor)
        except OSError as error:
            server.log.error(  # noqa: TRY400 - its reason says all
                "health: can't listen on %s:%s: %s; liveness isn't answered out of band. Choose another port with "
                "Z_ENDPOINTS_PROBE_BIND",
                self.options.host,
                self.options.port,
                error.strerror,
            )
        else:
            self._listener.start()
            self._share_with_successor(server, self._listener)
            host, port = self._listener.address
            server.log.info("Health (out of band) at: http://%s:%s", f"[{host}]" if ":" in host else host, port)
        if self.options.drain_seconds:
            self._drain_before_stop(server)

    def keep(self) -> None:
        """Take back what belonged to workers that are gone."""
        self.board.keep(list(self._workers))

    def _keep_house(self) -> None:
        while True:
            time.sleep(HOUSEKEEPING)
            self.keep()

    @staticmethod
    def _share_with_successor(server: Any, listener: Listener) -> None:  # noqa: ANN401 - gunicorn has no types
        """Let the next arbiter (gunicorn's SIGUSR2) listen on the same port, and nobody before that."""
        reexec = server.reexec

        def share_and_reexec() -> None:
            listener.share()
            reexec()

        server.reexec = share_and_reexec

    def _drain_before_stop(self, server: Any) -> None:  # noqa: ANN401 - gunicorn has no types
        stop = server.handle_term
        seconds = self.options.drain_seconds

        def handle_term() -> None:
            if self.board.draining:
                stop()
                return
            server.log.info("Draining for %g s: readiness is 503, the port still serves", seconds)
            self.board.start_drain()
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
            timer.daemon = True
            timer.start()

        server.handle_term = handle_term

    def verdict(self) -> tuple[bool, Mapping[str, Any]]:
        """Return whether no worker is stuck, broken or fails its liveness checks, and the answer's body."""
        now, works = time.monotonic(), self.board.works()
        problems = {
            f"worker {pid} is stuck": f"worker {pid} has been stuck for {seconds:.0f} s"
            for pid, worker in list(self._workers.items())
            if (seconds := self._stuck_for(worker, works.get(pid), now))
        }
        for app, record in self.board.store.read().items():
            for word in ("broken", "failing"):
                problems |= {f"{app} {word}": f"{app}: {reason}" for reason in record.get(word, {}).values()}
        for problem in problems.keys() - self._told:
            self._log.error("health: %s: liveness is DOWN", problems[problem])
        if self._told and not problems:
            self._log.warning("health: liveness is UP again")
        self._told = frozenset(problems)
        return not problems, {"status": "DOWN" if problems else "UP"}

    def _stuck_for(self, worker: Any, work: Work | None, now: float) -> float:  # noqa: ANN401 - gunicorn has no types
        """Return the seconds for which a worker has been stuck, if that is too long, else 0.

        A worker that is still loading the app isn't watched: that is what startup probes are for.
        """
        if work is None or not work.capacity:
            return 0.0
        try:
            silent = now - worker.tmp.last_update() - _beats_every(worker)
        except (OSError, ValueError):  # the worker is just being reaped
            return 0.0
        longest = max(work.stuck_for(now), silent)
        return longest if longest > self.options.stuck_seconds else 0.0

    def leave_to_arbiter(self) -> None:
        """Let go, in a worker, of what belongs to the arbiter."""
        if self._listener is not None:
            self._listener.close()


def _beats_every(worker: Any) -> float:  # noqa: ANN401 - gunicorn has no types
    """Return the seconds between two heartbeats of an idle worker.

    One for those that have a loop; gunicorn's timeout for sync ones, which beat twice in it, and uvicorn's.
    """
    kind = str(worker.cfg.worker_class_str)
    return 1.0 if any(loop in kind for loop in LOOPS) else float(worker.timeout or 0.5)
