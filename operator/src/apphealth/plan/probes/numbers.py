"""How often to ask, how long to wait, when to give up.

The defaults are versioned, so that an upgrade of the operator never changes a probe. Numbers that a user wrote stay
as they are; derived ones adapt to them, so that what is derived keeps these invariants:

- timeout is at most the period;
- liveness gives up no sooner than twice readiness: a pod leaves rotation well before it is restarted;
- without a startup probe liveness waits `NO_STARTUP_DELAY` seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.plan.memo import Memo
from apphealth.plan.result import Provenance
from apphealth.plan.rules.merging import Settings, Sourced

NO_STARTUP_DELAY = 30
"""Seconds that liveness waits where no startup probe holds it back."""
STARTUP_SECONDS = 300
"""Seconds that an application may take to start, unless the rule says otherwise."""
RESTART_FACTOR = 2
"""Liveness gives up no sooner than this many times readiness does."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The numbers of one probe where nobody gave any, in seconds and failures."""

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
"""By `spec.defaultsVersion`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of one probe, each with where it came from."""

    delay: Sourced
    period: Sourced
    timeout: Sourced
    success: Sourced
    failure: Sourced
    grace: Sourced | None = None
    provenance: tuple[Provenance, ...] = ()
    """Where each number came from."""

    @property
    def gives_up_after(self) -> int:
        """Seconds of failures in a row after which the kubelet acts."""
        return int(self.period.value * self.failure.value)

    def explained(self) -> Numbers:
        """Return the numbers with their provenance."""
        named = {
            "initialDelaySeconds": self.delay,
            "periodSeconds": self.period,
            "timeoutSeconds": self.timeout,
            "successThreshold": self.success,
            "failureThreshold": self.failure,
            "terminationGracePeriodSeconds": self.grace,
        }
        told = tuple(Provenance(name, str(item.value), item.source) for name, item in named.items() if item)
        return replace(self, provenance=told)


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of an application beyond the defaults, weaker than anything that users say.

    Attributes
    ----------
    liveness_failures
        The preset's failureThreshold of liveness.
    slowest
        Seconds of the slowest answer of each probe on running pods.
    """

    liveness_failures: Sourced | None = None
    slowest: tuple[tuple[ProbeKind, float], ...] = ()


NOTHING = Learned()
PATIENCE = 5
"""timeoutSeconds is raised to this many times the slowest answer that was seen."""
_FITTED: Memo[dict[ProbeKind, Numbers]] = Memo()


def fit_numbers(
    kinds: tuple[ProbeKind, ...],
    kept: Mapping[ProbeKind, Probe],
    settings: Settings,
    version: int,
    learned: Learned = NOTHING,
) -> Mapping[ProbeKind, Numbers]:
    """Choose the numbers of all probes of a container so that they fit each other.

    Parameters
    ----------
    kinds
        The probes that are wanted.
    kept
        Probes of somebody else's that stay, which ours have to fit.
    settings
        What users said.
    version
        The version of the defaults.
    learned
        What is known of the application beyond them.
    """
    key = (kinds, tuple(kept.items()), version, learned)
    return _FITTED.get((settings,), key, lambda: _fit(kinds, kept, settings, version, learned))


def _fit(
    kinds: tuple[ProbeKind, ...],
    kept: Mapping[ProbeKind, Probe],
    settings: Settings,
    version: int,
    learned: Learned,
) -> dict[ProbeKind, Numbers]:
    numbers = {kind: choose_numbers(kind, settings, version) for kind in kinds}
    failures = learned.liveness_failures
    if failures is not None and ProbeKind.LIVENESS in numbers and settings.get("liveness.failure_threshold") is None:
        numbers[ProbeKind.LIVENESS] = replace(numbers[ProbeKind.LIVENESS], failure=failures)
    if (liveness := numbers.get(ProbeKind.LIVENESS)) is not None:
        has_startup = ProbeKind.STARTUP in kinds or ProbeKind.STARTUP in kept
        liveness = delay_liveness(liveness, settings, has_startup=has_startup)
        if (theirs := kept.get(ProbeKind.READINESS)) is not None:
            needed = RESTART_FACTOR * theirs.gives_up_after
            if liveness.gives_up_after < needed and settings.get("liveness.failure_threshold") is None:
                liveness = raise_failure(liveness, needed)
        elif (readiness := numbers.get(ProbeKind.READINESS)) is not None:
            liveness, numbers[ProbeKind.READINESS] = relate(liveness, readiness, settings)
        numbers[ProbeKind.LIVENESS] = liveness
    for kind, slowest in learned.slowest:
        if settings.get(f"{kind}.timeout_seconds") is None:
            numbers[kind] = _wait_for(numbers[kind], slowest)
    return {kind: chosen.explained() for kind, chosen in numbers.items()}


def choose_numbers(kind: ProbeKind, settings: Settings, version: int) -> Numbers:
    """Choose the numbers of one probe by itself; `relate` then fits liveness and readiness together."""
    defaults, source = DEFAULTS[version][kind], f"defaults v{version}"

    def said(name: str) -> Sourced | None:
        return settings.sourced(f"{kind}.{name}")

    user_period, user_timeout = said("period_seconds"), said("timeout_seconds")
    period = user_period or Sourced(defaults.period, source)
    if user_period is None and user_timeout is not None and user_timeout.value > defaults.period:
        period = Sourced(user_timeout.value, f"timeoutSeconds of {user_timeout.source}")
    timeout = user_timeout or Sourced(defaults.timeout, source)
    if user_timeout is None and timeout.value > period.value:
        timeout = Sourced(period.value, f"periodSeconds of {period.source}")
    failure = said("failure_threshold") or Sourced(defaults.failure, source)
    if kind is ProbeKind.STARTUP and said("failure_threshold") is None:
        allowed = said("max_seconds") or Sourced(STARTUP_SECONDS, source)
        failure = Sourced(ceil(allowed.value / period.value), f"maxSeconds {allowed.value} of {allowed.source}")
    return Numbers(
        delay=said("initial_delay_seconds") or Sourced(0, source),
        period=period,
        timeout=timeout,
        success=said("success_threshold") or Sourced(1, source),
        failure=failure,
        grace=said("termination_grace_period_seconds"),
    )


def _wait_for(numbers: Numbers, slowest: float) -> Numbers:
    """Raise the timeout to several times the slowest answer, as far as the period goes."""
    needed = min(ceil(PATIENCE * slowest), numbers.period.value)
    if needed <= numbers.timeout.value:
        return numbers
    return replace(numbers, timeout=Sourced(needed, f"{PATIENCE} x the slowest answer of {slowest:.2f} s"))


def delay_liveness(liveness: Numbers, settings: Settings, *, has_startup: bool) -> Numbers:
    """Hold liveness back where no startup probe does."""
    if has_startup or settings.get("liveness.initial_delay_seconds") is not None:
        return liveness
    return replace(liveness, delay=Sourced(NO_STARTUP_DELAY, "no startup probe holds liveness back"))


def relate(liveness: Numbers, readiness: Numbers, settings: Settings) -> tuple[Numbers, Numbers]:
    """Fit the derived ones of both probes' numbers together, so that liveness gives up last."""
    needed = RESTART_FACTOR * readiness.gives_up_after
    if liveness.gives_up_after >= needed:
        return liveness, readiness
    if settings.get("liveness.failure_threshold") is None:
        return raise_failure(liveness, needed), readiness
    if settings.get("liveness.period_seconds") is None:
        return _raise_period(liveness, needed), readiness
    if settings.get("readiness.failure_threshold") is None:
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
    """Make a probe of a handler and its numbers."""
    return Probe(
        handler=handler,
        initial_delay=numbers.delay.value,
        period=numbers.period.value,
        timeout=numbers.timeout.value,
        success_threshold=numbers.success.value,
        failure_threshold=numbers.failure.value,
        grace_period=numbers.grace.value if numbers.grace else None,
    )
