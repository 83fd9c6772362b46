"""The settings, read again only when something that they are read from has changed.

Reading takes 50 to 100 µs, which is several times what a probe costs besides; a look at whether anything has changed
takes about two. ``os.environ`` itself takes 15 µs to say that twelve variables aren't there, so the look is at the
dictionary below it.
"""

import os
from collections.abc import Mapping
from typing import Any

from flask_management_endpoints.config.options import OPTIONS
from flask_management_endpoints.config.problems import Problem
from flask_management_endpoints.config.settings import KEY, TIMEOUT_KEY, Settings, read
from flask_management_endpoints.raw import Raw

MAX_DEPTH = 6
_CONFIG_KEYS = (TIMEOUT_KEY, *(option.flat_key for option in OPTIONS.values()))
_ENVIRONMENT: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
_VARIABLES: tuple[Any, ...] = tuple(
    option.flat_key if _ENVIRONMENT is os.environ else os.environ.encodekey(option.flat_key)
    for option in OPTIONS.values()
)


class Memo:
    """The settings of one app, as they were last read."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._seen: tuple[Raw, ...] = ()
        self._settings, self._problems = read(config)

    def settings(self) -> tuple[Settings, list[Problem]]:
        """Return the settings of this moment, and what is wrong with them."""
        now = (
            self._config.get(KEY),
            *map(self._config.get, _CONFIG_KEYS),
            *map(_ENVIRONMENT.get, _VARIABLES),
        )
        if not _same(now, self._seen):
            self._settings, self._problems = read(self._config)
            self._seen = (_copied(now[0], MAX_DEPTH), *now[1:])
        return self._settings, self._problems


def _same(now: Raw, seen: Raw) -> bool:
    try:
        return bool(now == seen)
    except Exception:  # noqa: BLE001 - __eq__ is foreign code: numpy arrays, cyclic dictionaries
        return False


def _copied(value: Raw, depth: int) -> Raw:
    """Return ``value`` with copies of the containers in it, so that a change in place shows.

    What can't be copied that way, or is too deep, equals nothing: settings with such a thing are read each time.
    """
    if isinstance(value, dict | list | tuple | set | frozenset):
        if not depth or type(value) not in (dict, list, tuple, set, frozenset):
            return object()
        if isinstance(value, dict):
            return {key: _copied(item, depth - 1) for key, item in value.items()}
        return (
            type(value)(value)
            if isinstance(value, set | frozenset)
            else type(value)(_copied(item, depth - 1) for item in value)
        )
    return object() if isinstance(value, Mapping) else value
