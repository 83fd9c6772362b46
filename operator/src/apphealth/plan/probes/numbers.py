"""The numbers of probes: how often to probe, how long to wait for an answer, after how many failures to act.

The defaults are versioned, so that an upgrade of the operator never changes a probe. Numbers that a user wrote stay
as they are; derived numbers adapt to them and keep these invariants:

- the timeout is at most the period;
- liveness gives up no sooner than twice as late as readiness: a pod leaves rotation well before it is restarted;
- without a startup probe liveness waits `NO_STARTUP_DELAY` seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from apphealth.api.healthplan import Value
from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.plan.rules.settings import ContainerSettings, ProbeSettings, Sourced

NO_STARTUP_DELAY = 30
"""Seconds that liveness waits if there is no startup probe."""
STARTUP_SECONDS = 300
"""Seconds that an application may take to start, unless the rule says otherwise."""
RESTART_FACTOR = 2
"""Liveness gives up no sooner than this many times as late as readiness."""
START_FACTOR = 3
"""A derived startup probe allows this many times the slowest start seen."""
PATIENCE = 5
"""timeoutSeconds is raised to this many times the slowest answer of the pods."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The default numbers of one probe, in seconds and failures."""

    period: int
    timeout: int
    failure: int


DEFAULTS: dict[int, dict[ProbeKind, Defaults]] = {
    1: {
        ProbeKind.STARTUP: Defaults(period=2, timeout=2, failure=ceil(STARTUP_SECONDS / 2)),
        ProbeKind.READINESS: Defaults(period=5, timeout=3, failure=3),
        ProbeKind.LIVENESS: Defaults(period=10, timeout=5, failure=3),
    }
}
"""The defaults by `spec.defaultsVersion`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of one probe, each with its source."""

    delay: Sourced[int]
    period: Sourced[int]
    timeout: Sourced[int]
    success: Sourced[int]
    failure: Sourced[int]
    grace: Sourced[int] | None = None

    @property
    def gives_up_after(self) -> int:
        """Seconds of failures in a row after which the kubelet acts."""
        return self.period.value * self.failure.value

    def provenance(self) -> tuple[Value, ...]:
        """Return the source of each number, by the name of the probe's field."""
        found = (
            Value("initialDelaySeconds", str(self.delay.value), self.delay.source),
            Value("periodSeconds", str(self.period.value), self.period.source),
            Value("timeoutSeconds", str(self.timeout.value), self.timeout.source),
            Value("successThreshold", str(self.success.value), self.success.source),
            Value("failureThreshold", str(self.failure.value), self.failure.source),
        )
        if self.grace is None:
            return found
        return (*found, Value("terminationGracePeriodSeconds", str(self.grace.value), self.grace.source))


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of an application beyond the defaults. Users' settings win over it.

    Attributes
    ----------
    liveness_failures
        The preset's failureThreshold of liveness.
    slowest
        Seconds of the slowest answer to each probe on running pods.
    start
        Seconds of the slowest start seen; 0 if none is known to be slow.
    """

    liveness_failures: Sourced[int] | None = None
    slowest: tuple[tuple[ProbeKind, float], ...] = ()
    start: int = 0


NOTHING = Learned()


def fit_numbers(
    kinds: tuple[ProbeKind, ...],
    kept: Mapping[ProbeKind, Probe],
    settings: ContainerSettings,
    version: int,
    learned: Learned = NOTHING,
) -> dict[ProbeKind, Numbers]:
    """Choose the numbers of all probes of a container so that they fit each other.

    Parameters
    ----------
    kinds
        The probes that are planned.
    kept
        The probes of other owners that stay; ours have to fit them.
    settings
        The users' settings.
    version
        The version of the defaults.
    learned
        What is known of the application beyond the defaults.
    """
    numbers = {kind: choose_numbers(kind, settings.probes[kind], version) for kind in kinds}
    if (startup := numbers.get(ProbeKind.STARTUP)) is not None:
        numbers[ProbeKind.STARTUP] = _allow_start(startup, settings.startup, learned.start)
    by_users = settings.liveness
    if (liveness := numbers.get(ProbeKind.LIVENESS)) is not None:
        if learned.liveness_failures is not None and by_users.failure_threshold is None:
            liveness = replace(liveness, failure=learned.liveness_failures)
        has_startup = ProbeKind.STARTUP in kinds or ProbeKind.STARTUP in kept
        liveness = delay_liveness(liveness, by_users, has_startup=has_startup, start=learned.start)
        if (theirs := kept.get(ProbeKind.READINESS)) is not None:
            needed = RESTART_FACTOR * theirs.gives_up_after
            if liveness.gives_up_after < needed and by_users.failure_threshold is None:
                liveness = raise_failure(liveness, needed)
        elif (readiness := numbers.get(ProbeKind.READINESS)) is not None:
            liveness, numbers[ProbeKind.READINESS] = relate(liveness, readiness, settings)
        numbers[ProbeKind.LIVENESS] = liveness
    for kind, slowest in learned.slowest:
        if settings.probes[kind].timeout_seconds is None:
            numbers[kind] = _wait_for(numbers[kind], slowest)
    return numbers


def choose_numbers(kind: ProbeKind, settings: ProbeSettings, version: int) -> Numbers:
    """Choose the numbers of one probe by itself; `relate` then fits liveness and readiness together."""
    if settings == _UNSET:
        return _USUAL[version][kind]
    return _choose(kind, settings, version)


def _choose(kind: ProbeKind, settings: ProbeSettings, version: int) -> Numbers:
    defaults, source = DEFAULTS[version][kind], f"defaults v{version}"
    period = settings.period_seconds or Sourced(defaults.period, source)
    if (
        settings.period_seconds is None
        and settings.timeout_seconds is not None
        and settings.timeout_seconds.value > period.value
    ):
        period = Sourced(settings.timeout_seconds.value, f"timeoutSeconds of {settings.timeout_seconds.source}")
    timeout = settings.timeout_seconds or Sourced(defaults.timeout, source)
    if settings.timeout_seconds is None and timeout.value > period.value:
        timeout = Sourced(period.value, f"periodSeconds of {period.source}")
    failure = settings.failure_threshold or Sourced(defaults.failure, source)
    if kind is ProbeKind.STARTUP and settings.failure_threshold is None:
        allowed = settings.max_seconds or Sourced(STARTUP_SECONDS, source)
        failure = Sourced(ceil(allowed.value / period.value), f"maxSeconds {allowed.value} of {allowed.source}")
    return Numbers(
        delay=settings.initial_delay_seconds or Sourced(0, source),
        period=period,
        timeout=timeout,
        success=settings.success_threshold or Sourced(1, source),
        failure=failure,
        grace=settings.termination_grace_period_seconds,
    )


_UNSET = ProbeSettings()
_USUAL = {version: {kind: _choose(kind, _UNSET, version) for kind in ProbeKind} for version in DEFAULTS}
"""The numbers of a probe of which users set nothing."""


def _allow_start(startup: Numbers, by_users: ProbeSettings, start: int) -> Numbers:
    """Raise the failure threshold until the startup probe allows `START_FACTOR` times the slowest start seen."""
    needed = ceil(START_FACTOR * start / startup.period.value)
    if by_users.failure_threshold is not None or by_users.max_seconds is not None or needed <= startup.failure.value:
        return startup
    return replace(startup, failure=Sourced(needed, f"{START_FACTOR} x the slowest start of {start} s"))


def _wait_for(numbers: Numbers, slowest: float) -> Numbers:
    """Raise the timeout to `PATIENCE` times the slowest answer, at most to the period."""
    needed = min(ceil(PATIENCE * slowest), numbers.period.value)
    if needed <= numbers.timeout.value:
        return numbers
    return replace(numbers, timeout=Sourced(needed, f"{PATIENCE} x the slowest answer of {slowest:.2f} s"))


def delay_liveness(liveness: Numbers, settings: ProbeSettings, *, has_startup: bool, start: int = 0) -> Numbers:
    """Delay liveness if there is no startup probe, for as long as one would allow a slow start."""
    if has_startup or settings.initial_delay_seconds is not None:
        return liveness
    if (needed := START_FACTOR * start) > NO_STARTUP_DELAY:
        return replace(liveness, delay=Sourced(needed, f"{START_FACTOR} x the slowest start of {start} s"))
    return replace(liveness, delay=Sourced(NO_STARTUP_DELAY, "no startup probe holds liveness back"))


def relate(liveness: Numbers, readiness: Numbers, settings: ContainerSettings) -> tuple[Numbers, Numbers]:
    """Fit the derived numbers of both probes together, so that liveness gives up last."""
    needed = RESTART_FACTOR * readiness.gives_up_after
    if liveness.gives_up_after >= needed:
        return liveness, readiness
    if settings.liveness.failure_threshold is None:
        return raise_failure(liveness, needed), readiness
    if settings.liveness.period_seconds is None:
        return _raise_period(liveness, needed), readiness
    if settings.readiness.failure_threshold is None:
        return liveness, _lower_failure(readiness, liveness.gives_up_after)
    return liveness, readiness


def raise_failure(liveness: Numbers, needed: int) -> Numbers:
    """Raise the failure threshold until liveness gives up after at least `needed` seconds."""
    failure = max(liveness.failure.value, ceil(needed / liveness.period.value))
    return replace(liveness, failure=Sourced(failure, f"{RESTART_FACTOR} x what readiness waits"))


def _raise_period(liveness: Numbers, needed: int) -> Numbers:
    period = ceil(needed / liveness.failure.value)
    return replace(liveness, period=Sourced(period, f"{RESTART_FACTOR} x what readiness waits"))


def _lower_failure(readiness: Numbers, available: int) -> Numbers:
    failure = max(1, available // RESTART_FACTOR // readiness.period.value)
    if failure >= readiness.failure.value:
        return readiness
    return replace(readiness, failure=Sourced(failure, "half of what liveness waits"))


def apply_numbers(handler: Handler, numbers: Numbers) -> Probe:
    """Return the probe of a handler and its numbers."""
    return Probe(
        handler=handler,
        initial_delay=numbers.delay.value,
        period=numbers.period.value,
        timeout=numbers.timeout.value,
        success_threshold=numbers.success.value,
        failure_threshold=numbers.failure.value,
        grace_period=numbers.grace.value if numbers.grace else None,
    )
