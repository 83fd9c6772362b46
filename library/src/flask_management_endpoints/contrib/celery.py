"""A check for celery's workers (extra ``celery``)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery  # type: ignore[import-untyped]


def workers(celery: "Celery", *, at_least: int = 1, timeout: float = 1.0) -> Callable[[], tuple[bool, dict[str, Any]]]:
    """Return a check that is UP when ``at_least`` so many workers answer a ping within ``timeout`` seconds.

    It always waits for the whole ``timeout``, since nobody knows how many workers there are: run it in the background
    (``refresh_seconds=30``), and not for readiness: an app without workers can still take requests.
    """

    def check() -> tuple[bool, dict[str, Any]]:
        answers = celery.control.ping(timeout=timeout)
        return len(answers) >= at_least, {"workers": len(answers), "wanted": at_least}

    return check
