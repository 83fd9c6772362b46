"""The operator's log: lines for people or for programs, rate-limited, and no tracebacks except for bugs."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from apphealth.controller.journal import LOGGER as WRITES

BURST = 10
"""Lines of one kind let through in a `WINDOW`."""
WINDOW = 30.0
"""Seconds."""
LIBRARIES = ("kopf", "aiohttp", "asyncio")
"""Loggers that are silent unless a level is set for them, or all is logged."""
FIELDS = ("kind", "namespace", "workload", "version", "server", "scope", "lease")
"""Attributes of a record that become fields of a line of JSON."""


class Flood(logging.Filter):
    """Drops log lines of one kind (from one place in the code) when there are too many, and counts them.

    The lines about writes are never dropped: they are the record of what has restarted pods.

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
        if record.name == WRITES:
            return True
        place, now = (record.pathname, record.lineno), self._clock()
        since, count = self._windows.get(place, (now, 0))
        if now - since >= WINDOW:
            if count > BURST:
                record.msg = f"{record.msg} ({count - BURST} more like this before)"
            since, count = now, 0
        self._windows[place] = (since, count + 1)
        return count < BURST


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, message, and fields that say what it is about."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: str(getattr(record, name)) for name in FIELDS if getattr(record, name, "") != ""}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def set_up_logging(*, level: str = "info", levels: Mapping[str, str] | None = None, style: str = "text") -> None:
    """Log to standard error.

    Parameters
    ----------
    level
        `debug`, `info`, `warning` or `error`, for everything. With `debug`, the logs of kopf and aiohttp come too.
    levels
        The levels of single loggers, by name: `apphealth.controller.prover`, `kopf`.
    style
        `text` or `json`.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    handler.setFormatter(JsonLines() if style == "json" else text)
    if level != "debug":
        handler.addFilter(Flood())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in LIBRARIES:
        # kopf logs every failed attempt of every watch with a traceback; the operator logs what people need to know.
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL + 1)
    for name, chosen in (levels or {}).items():
        logging.getLogger(name).setLevel(chosen.upper())
