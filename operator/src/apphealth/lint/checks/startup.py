"""A delay of liveness in place of a startup probe."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.checks.missing import MAX_DELAY
from apphealth.lint.checks.slow import slow_start
from apphealth.lint.subject import RawContainer, RawProbe, Subject
from apphealth.model.probe import ProbeKind, TcpSocket
from apphealth.plan import findings
from apphealth.plan.probes.numbers import NO_STARTUP_DELAY

_FIX = (
    "give it a startupProbe at the same endpoint with failureThreshold x periodSeconds for the slowest start,"
    " and take initialDelaySeconds away"
)


def _delay(subject: Subject) -> Iterator[Hit]:
    for container in subject.probed:
        liveness = container.probes.get(ProbeKind.LIVENESS)
        if liveness is None or ProbeKind.STARTUP in container.probes:
            continue
        if subject.gets(container.name, ProbeKind.STARTUP):
            continue
        delay = liveness.probe.initial_delay
        if delay > MAX_DELAY and not _right(liveness, container, subject):
            yield Hit(
                message=f"liveness waits {delay} s after every start instead of as long as the start takes",
                fix=_FIX,
                path=liveness.at("initialDelaySeconds"),
                container=container.name,
            )
        elif delay == 0 and not _readiness_waits(container) and (evidence := slow_start(container)):
            yield Hit(
                message=f"{evidence} starts slowly, and liveness begins at once",
                fix=_FIX,
                path=liveness.path,
                container=container.name,
            )


def _readiness_waits(container: RawContainer) -> bool:
    """Return whether readiness tells a slow start, so that another check has reported it."""
    readiness = container.probes.get(ProbeKind.READINESS)
    return readiness is not None and readiness.probe.initial_delay > MAX_DELAY


def _right(liveness: RawProbe, container: RawContainer, subject: Subject) -> bool:
    """Return whether the plan itself would write this delay, because no startup probe is wanted."""
    if liveness.probe.initial_delay > NO_STARTUP_DELAY:
        return False
    return isinstance(liveness.probe.handler, TcpSocket) or subject.wants(container.name, liveness)


CHECKS = (
    Check(
        kind=findings.STARTUP_DELAY,
        title="A fixed delay is used in place of a startup probe",
        why="A delay is a guess: a start that takes longer is killed by liveness, and after one that took less a"
        " process that hangs is left alone for the rest of it, at every restart.",
        remedy="Add a startupProbe at the endpoint of liveness and take the delay away. Reported are delays of liveness"
        f" over {MAX_DELAY} s, and what is known to start slowly (a JVM) with neither delay nor startup probe. Up to "
        f"{NO_STARTUP_DELAY} s pass for a probe over TCP, and where a rule among the input asks for it: so AppHealth"
        " itself writes it.",
        sources=(
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        ),
        workload=_delay,
    ),
)
