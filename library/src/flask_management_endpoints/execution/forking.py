"""What must be made anew in a forked child: its parent's threads, locks and sockets don't exist there."""

import os
import weakref
from typing import Protocol


class Resettable(Protocol):
    """Something that holds threads, locks or sockets."""

    def reset_after_fork(self) -> None:
        """Forget the parent's threads, locks and sockets."""


_known: "weakref.WeakSet[Resettable]" = weakref.WeakSet()


def reset_in_children(thing: Resettable) -> None:
    """Have ``thing.reset_after_fork()`` called in every child of this process.

    Gunicorn --preload, uwsgi, a check that forks.
    """
    _known.add(thing)


def notice_fork() -> None:
    """Reset everything if this process is a child that nobody told so: uwsgi forks without Python's own hooks."""
    if os.getpid() != _pid:
        _reset_all()


def _reset_all() -> None:
    global _pid  # noqa: PLW0603 - the process id is the process's own state
    _pid = os.getpid()
    for thing in list(_known):
        thing.reset_after_fork()


_pid = os.getpid()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
