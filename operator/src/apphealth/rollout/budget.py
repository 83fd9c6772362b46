"""What a rule allows: its `spec.rollout` with the defaults filled in, and what has come of the rule so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from apphealth.api.rule import RuleKind
from apphealth.api.spec import RolloutSettings, Window

T = TypeVar("T")

CONCURRENT: Mapping[RuleKind, int | str] = {RuleKind.APP_HEALTH: 10, RuleKind.CLUSTER_APP_HEALTH: "5%"}
"""The default of `maxConcurrent`: a team knows its ten workloads, a platform has hundreds of everybody's."""
CANARIES = 1
SOAK = 60.0
"""Seconds: a liveness probe with the default numbers has failed and restarted a container by then."""
FAILURES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings of a rollout, complete.

    Attributes
    ----------
    concurrent
        How many workloads change at once: a number, or a percentage such as `5%`.
    per_namespace
        How many of one namespace; None: as many as `concurrent` allows.
    canaries, soak, failures
        As `spec.rollout` has them; `soak` in seconds.
    passes
        In how many passes the probes of a workload are written.
    windows
        The times in which changes may begin; none: always.
    paused
        Whether nothing is changed.
    """

    concurrent: int | str
    per_namespace: int | None = None
    canaries: int = CANARIES
    soak: float = SOAK
    failures: int = FAILURES
    passes: int = 1
    windows: tuple[Window, ...] = ()
    paused: bool = False

    @property
    def unlimited(self) -> bool:
        """Whether every workload may change at any time, all at once."""
        free = self.concurrent == "100%" and self.per_namespace is None and not self.canaries
        return free and not self.windows and not self.paused


def limits_of(settings: RolloutSettings, kind: RuleKind) -> Limits:
    """Fill in the defaults of a rule's `spec.rollout`.

    Parameters
    ----------
    settings
        What the user wrote.
    kind
        The kind of the rule: the default of `maxConcurrent` depends on it.
    """
    return Limits(
        concurrent=_given(settings.max_concurrent, CONCURRENT[kind]),
        per_namespace=settings.max_per_namespace,
        canaries=_given(settings.canaries, CANARIES),
        soak=_given(settings.soak_seconds, SOAK),
        failures=_given(settings.max_failures, FAILURES),
        passes=len(settings.stages or ("all",)),
        windows=settings.windows,
        paused=bool(settings.paused),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a rule allows now.

    Attributes
    ----------
    rule
        Its name: `ClusterAppHealth/standard`.
    limits
        Its settings.
    selected
        How many workloads it selects: percentages are of these.
    failed
        How many workloads its probes have harmed.
    proven
        The families, each with its pass (`Candidate.group`), of which enough canaries were changed and are well.
    """

    rule: str
    limits: Limits
    selected: int = 0
    failed: int = 0
    proven: Collection[str] = ()

    @property
    def concurrent(self) -> int:
        """How many workloads may change at once: a percentage is rounded down, and at least 1."""
        given = self.limits.concurrent
        if isinstance(given, int):
            return given
        return max(1, self.selected * int(given.removesuffix("%")) // 100)

    @property
    def halted(self) -> bool:
        """Whether more workloads have failed than the rule bears."""
        return self.failed > self.limits.failures


def strictest(limits: Iterable[Limits]) -> Limits:
    """Return limits that obey all the given ones, for a rule of which workloads remember different settings.

    Parameters
    ----------
    limits
        At least one. Windows are those of the first that has any.
    """
    found = list(limits)
    of_namespaces = [one.per_namespace for one in found if one.per_namespace is not None]
    return Limits(
        concurrent=min((one.concurrent for one in found), key=_size),
        per_namespace=min(of_namespaces, default=None),
        canaries=max(one.canaries for one in found),
        soak=max(one.soak for one in found),
        failures=min(one.failures for one in found),
        windows=next((one.windows for one in found if one.windows), ()),
        paused=any(one.paused for one in found),
    )


def _size(concurrent: int | str) -> tuple[int, int]:
    """Order numbers and percentages: which of the two is less can't be said, so a number counts as less."""
    return (0, concurrent) if isinstance(concurrent, int) else (1, int(concurrent.removesuffix("%")))


def _given(value: T | None, default: T) -> T:
    return default if value is None else value
