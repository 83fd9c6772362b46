"""Checks that run in the background, every so many seconds, so that no probe ever waits for them."""

import threading
import time
import weakref
from collections.abc import Hashable

from flask_management_endpoints.execution.forking import reset_in_children
from flask_management_endpoints.execution.pool import threads_run
from flask_management_endpoints.execution.runner import Job, Runner


class Refresher:
    """One thread that launches the jobs that are due.

    It starts with the first such job: in a worker, not in the process that forks it.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._jobs: dict[Hashable, tuple[Job, float]] = {}
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Start anew, without a thread, and without answers: nobody has renewed those of the parent since."""
        self._lock = threading.Lock()
        self._runner.forget(self._jobs)
        self._jobs = {}
        self._thread: threading.Thread | None = None

    def watch(self, job: Job) -> None:
        """Have ``job`` run every ``policy.refresh_seconds`` from now on; a job without them is left alone."""
        interval = job.policy.refresh_seconds
        if interval is None or job.key in self._jobs or not threads_run():
            return
        with self._lock:
            self._jobs[job.key] = (job, time.monotonic() + interval)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_launch_while_wanted, args=(weakref.ref(self),), name="health-refresh", daemon=True
                )
                self._thread.start()

    def launch_due(self) -> float:
        """Launch what is due; return the seconds until the next is."""
        now = time.monotonic()
        for key, (job, due) in list(self._jobs.items()):
            if due <= now:
                self._jobs[key] = (job, now + (job.policy.refresh_seconds or 1.0))
                self._runner.launch(job)
        soonest = min((due for _, due in self._jobs.values()), default=now + 1.0)
        return min(1.0, max(0.01, soonest - time.monotonic()))


def _launch_while_wanted(reference: "weakref.ref[Refresher]") -> None:
    """Launch what is due until nobody has the refresher any more: an app that is thrown away ends its thread."""
    while (refresher := reference()) is not None:
        pause = refresher.launch_due()
        del refresher
        time.sleep(pause)
