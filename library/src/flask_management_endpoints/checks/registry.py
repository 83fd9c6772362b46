"""The checks of one `ManagementEndpoints` object, and the decorator that adds them."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from flask_management_endpoints.checks.definition import (
    ALWAYS,
    PROBES,
    Check,
    CheckFunction,
    InvalidCheckError,
    Policy,
    define,
)
from flask_management_endpoints.config.problems import Problem, misspelt_probe

logger = logging.getLogger("flask_management_endpoints")
F = TypeVar("F", bound=CheckFunction)


class Registry:
    """Checks by name, in the order they were registered."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._settled: set[str] = set()
        self._groups: set[str] = set()
        self._others: list[Registry] = []
        self._listeners: list[Callable[..., object]] = []
        self._changes = 0

    @property
    def changes(self) -> int:
        """How often any check has come, gone or been replaced: while it is the same, so are the checks."""
        changes = self._changes
        for other in self._others:
            changes += other.changes
        return changes

    def __iter__(self) -> Iterator[Check]:
        return chain(tuple(self._checks.values()), *self._others)

    def include(self, other: "Registry") -> None:
        """Count the checks of ``other`` as well, now and later: two `ManagementEndpoints` may serve one app."""
        if other is not self and other not in self._others:
            self._others.append(other)
            self._changes += 1

    def has_group(self, group: str) -> bool:
        """Return whether any check belongs to ``group``."""
        if group in self._groups:
            return True
        for other in self._others:  # noqa: SIM110 - every liveness probe asks, and any() makes a generator each time
            if other.has_group(group):
                return True
        return False

    def listen(self, listener: Callable[..., object]) -> None:
        """Have ``listener`` called at each change of a status."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def listeners(self) -> Iterator[Callable[..., object]]:
        """Return everybody who is to be told of a change."""
        return chain(tuple(self._listeners), *(other.listeners() for other in self._others))

    def remove(self, name: str) -> None:
        """Take a check away.

        Raises
        ------
        KeyError
            When there is none of that name.
        """
        del self._checks[name]
        self._changes += 1
        self._groups = {group for check in self._checks.values() for group in check.groups}

    @contextmanager
    def replaced(self, name: str, function: CheckFunction) -> Iterator[None]:
        """Have ``function`` stand for the check ``name``, and nothing of its past count, for as long as this lasts.

        Raises
        ------
        KeyError
            When there is none of that name.
        """
        home = next((one for one in (self, *self._others) if name in one._checks), self)  # noqa: SLF001 - its own kind
        before = home._checks[name]  # noqa: SLF001
        home._put(replace(before, function=function, policy=ALWAYS))  # noqa: SLF001
        try:
            yield
        finally:
            home._put(before)  # noqa: SLF001

    def _put(self, check: Check) -> None:
        self._checks[check.name] = check
        self._changes += 1

    def settle(self) -> None:
        """Note that a factory begins anew: what it registers from now on may replace what it registered before."""
        self._settled = set(self._checks)

    def add(self, check: Check) -> None:
        """Add ``check``.

        Raises
        ------
        InvalidCheckError
            When another check has its name: in ``/health`` one would hide the other. The same function of a factory
            that runs again replaces its former self.
        """
        known = self._checks.get(check.name)
        again = check.name in self._settled and known is not None and _origin(known) == _origin(check)
        if known is not None and not again:
            raise InvalidCheckError(f"check {check.name!r} is registered already; give one of the two another name")
        self._settled.discard(check.name)
        self._put(check)
        self._groups |= check.groups
        for problem in misspelt_groups(check):
            logger.warning("configuration: %s", problem)

    def decorator(
        self,
        name: str | None,
        *,
        groups: str | Iterable[str],
        required: bool,
        timeout: float | None,
        policy: Policy,
    ) -> Callable[[F], F]:
        """Return a decorator that registers a function and hands it back unchanged."""

        def register(function: F) -> F:
            title = name or getattr(function, "__name__", "")
            self.add(define(str(title), function, groups=groups, required=required, timeout=timeout, policy=policy))
            return function

        return register


def misspelt_groups(check: Check) -> Iterator[Problem]:
    """Yield the groups of ``check`` that are almost the name of a probe."""
    for group in sorted(check.groups):
        yield from misspelt_probe(f"check {check.name!r}: groups", group, PROBES)


def _origin(check: Check) -> tuple[object, ...]:
    """Return where a check's function was written."""
    function = check.function
    return tuple(getattr(function, name, type(function)) for name in ("__module__", "__qualname__"))
