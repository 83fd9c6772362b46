"""Threads for checks: few, daemonic, made when needed.

Not `concurrent.futures`: its threads are joined when the interpreter ends, so one hung check would keep a server from
ever stopping.
"""

import importlib
import queue
import threading
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TypeAlias

from flask_management_endpoints.execution.forking import reset_in_children

Task: TypeAlias = Callable[[], None]
IDLE_SECONDS = 10.0


class Pool:
    """At most ``limit`` threads; one that has nothing to do for 10 s ends. Tasks must not raise."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Start anew without threads.

        Looks ``threading`` and ``queue`` up late, so that gevent's versions are used where it patched.
        """
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task] | None = None
        self._threads = self._unfinished = 0

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return self._threads

    def submit(self, task: Task) -> None:
        """Run ``task`` in a thread: at once if one is free or may be made, else when one becomes free.

        Where threads never run (uwsgi without ``enable-threads``) it runs here and now.

        Raises
        ------
        RuntimeError
            When there is no thread at all and the system gives none.
        """
        if not threads_run():
            task()
            return
        with self._lock:
            if self._tasks is None:
                self._tasks = queue.SimpleQueue()
            tasks = self._tasks
            self._unfinished += 1
            needed = self._threads < min(self._unfinished, self._limit)
            self._threads += needed
        tasks.put(task)  # without the lock, which is the first thing that the thread it wakes wants
        if needed:
            self._start_thread()

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, args=(self._tasks,), name="health-check", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1
                if self._threads:
                    return
            raise

    def _work(self, tasks: "queue.SimpleQueue[Task]") -> None:
        while True:
            try:
                task = tasks.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._threads <= self._unfinished:
                        continue
                    self._threads -= 1
                    return
            task()
            del task
            with self._lock:
                self._unfinished -= 1


@cache
def uwsgi_module() -> ModuleType | None:
    """Return the module that exists only inside of a uwsgi process."""
    try:
        return importlib.import_module("uwsgi")
    except ImportError:
        return None


def threads_run() -> bool:
    """Return whether a thread made here would ever run. uwsgi keeps the GIL between requests unless told otherwise."""
    uwsgi = uwsgi_module()
    if uwsgi is None:
        return True
    options = uwsgi.opt
    return any(options.get(name) for name in ("enable-threads", "threads", "gevent"))
