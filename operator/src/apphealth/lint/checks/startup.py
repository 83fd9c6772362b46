"""A delay where a startup probe belongs."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.checks.missing import MAX_DELAY
from apphealth.lint.checks.slow import slow_start
from apphealth.lint.subject import Subject
from apphealth.model.probe import ProbeKind
from apphealth.plan.finding import Severity

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
        if delay > MAX_DELAY:
            yield Hit(
                message=f"liveness waits {delay} s after every start instead of as long as the start takes",
                fix=_FIX,
                path=liveness.at("initialDelaySeconds"),
                container=container.name,
            )
        elif delay == 0 and (evidence := slow_start(container)):
            yield Hit(
                message=f"{evidence} starts slowly, and liveness begins at once",
                fix=_FIX,
                path=liveness.path,
                container=container.name,
            )


CHECKS = (
    Check(
        id="startup-delay",
        severity=Severity.WARNING,
        title="A fixed delay stands where a startup probe belongs",
        why="A delay is a guess: a start that takes longer is killed by liveness, and after one that took less a"
        " process"
        " that hangs is left alone for the rest of it, at every restart.",
        remedy="Add a startupProbe at the endpoint of liveness and take the delay away. Reported are delays of liveness"
        f" over {MAX_DELAY} s, and what is known to start slowly (a JVM) with neither delay nor startup probe.",
        sources=(
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        ),
        workload=_delay,
    ),
)
