"""Log lines for people: one line each, rate-limited, and no tracebacks except for bugs."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

BURST = 10
"""Lines of one kind let through in a `WINDOW`."""
WINDOW = 30.0
"""Seconds."""


class Flood(logging.Filter):
    """Drops log lines of one kind (from one place in the code) when there are too many, and counts them.

    Parameters
    ----------
    clock
        Seconds, rising.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a line; the first line of a new window carries the number of dropped lines."""
        place, now = (record.pathname, record.lineno), self._clock()
        since, count = self._windows.get(place, (now, 0))
        if now - since >= WINDOW:
            if count > BURST:
                record.msg = f"{record.msg} ({count - BURST} more like this before)"
            since, count = now, 0
        self._windows[place] = (since, count + 1)
        return count < BURST


def set_up_logging(*, verbose: bool) -> None:
    """Log to standard error; with `verbose`, the logs of kopf and aiohttp too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    if not verbose:
        handler.addFilter(Flood())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for name in ("kopf", "aiohttp", "asyncio"):
        # kopf logs every failed attempt of every watch with a traceback; the operator logs what people need to know.
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.CRITICAL + 1)
