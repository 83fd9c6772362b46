"""Missing probes."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.checks.slow import slow_start
from apphealth.lint.commands import programs
from apphealth.lint.subject import RawContainer, Subject
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import Container
from apphealth.plan import findings
from apphealth.plan.probes.presets import databases
from apphealth.plan.probes.presets.clues import clues_of

_WAITING = frozenset({"sleep", "tail", "pause"})
_TRIFLES = frozenset({"echo", "true", ":", "trap", "wait", "exit", "date"})
MAX_DELAY = 15
"""The most `initialDelaySeconds` that are no sign of a slow start."""


def _lacking(subject: Subject, kind: ProbeKind) -> Iterator[RawContainer]:
    """Yield the containers that do something, have no probe of a kind, and get none by a rule of the input."""
    for container in subject.probed:
        if container.raw.get(kind.field) is None and not subject.gets(container.name, kind) and not _idle(container):
            yield container


def _idle(container: RawContainer) -> bool:
    """Return whether a container only waits: its command starts nothing but `sleep` and the like."""
    model = container.model
    if model is None or (not model.command and not model.args):
        return False
    started = {program.name for program in programs((*model.command, *model.args))}
    return not started.isdisjoint(_WAITING) and started <= _WAITING | _TRIFLES


def _readiness(subject: Subject) -> Iterator[Hit]:
    for container in _lacking(subject, ProbeKind.READINESS):
        if container.name in subject.served:
            names = ", ".join(service.name for service in subject.services[:3])
            yield Hit(
                message=f"the Service {names} sends requests to it, and it has no readiness probe",
                fix="add a readinessProbe that asks whether it can serve; once a rule or the annotation"
                " apphealth.dev/preset says what it runs, apphealth lint --fix writes one",
                path=container.path,
                container=container.name,
            )


def _liveness(subject: Subject) -> Iterator[Hit]:
    for container in _lacking(subject, ProbeKind.LIVENESS):
        if container.model is not None and _is_database(container.model):
            continue  # a hanging database can't be told from one that recovers
        declared = any(port.protocol == "TCP" for port in container.model.ports) if container.model else False
        if declared or container.name in subject.served:
            yield Hit(
                message="it has no liveness probe: a process that hangs stays as it is",
                fix="add a livenessProbe at an endpoint that looks at the process alone, if it can hang",
                path=container.path,
                container=container.name,
            )


def _is_database(container: Container) -> bool:
    clues = clues_of(container, ())
    return any(preset.evidence(clues) for preset in databases.PRESETS)


def _startup(subject: Subject) -> Iterator[Hit]:
    for container in _lacking(subject, ProbeKind.STARTUP):
        liveness, readiness = (container.probes.get(kind) for kind in (ProbeKind.LIVENESS, ProbeKind.READINESS))
        if liveness is None or not _begins_soon(liveness.probe.initial_delay):
            continue
        told = readiness.probe.initial_delay if readiness is not None else 0
        if told > MAX_DELAY and liveness.probe.initial_delay + liveness.probe.gives_up_after >= told:
            sign = f"its readiness probe waits {told} s for the start"
        elif liveness.probe.initial_delay and (evidence := slow_start(container)):
            sign = f"{evidence} starts slowly"
        else:
            continue
        yield Hit(
            message=f"{sign}, and no startup probe holds liveness back",
            fix="add a startupProbe at the endpoint of liveness, with failureThreshold x periodSeconds for the slowest"
            " start, and take initialDelaySeconds away",
            path=container.path,
            container=container.name,
        )


def _begins_soon(delay: int) -> bool:
    return delay <= MAX_DELAY


READINESS = Check(
    kind=findings.READINESS_MISSING,
    title="A container behind a Service has no readiness probe",
    why="Without a readiness probe a pod counts as ready as soon as its process runs. The Service sends it requests"
    " while it is still starting, in every rollout and after every restart, and goes on while it cannot serve.",
    remedy="Add a readinessProbe at an endpoint that answers 200 once requests can be served. Only containers that a"
    " Service leads to are looked at, and a probe that a rule among the input gives counts. Not looked at are Services"
    " that lead to metrics alone or publish addresses of pods that are not ready, and containers that only sleep.",
    sources=("https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#types-of-probe",),
    workload=_readiness,
)
LIVENESS = Check(
    kind=findings.LIVENESS_MISSING,
    title="A container that serves a port has no liveness probe",
    why="Kubernetes restarts a process that ends, not one that hangs. It is for information only: an application that"
    " ends when it is broken needs no liveness probe, and one that guesses kills healthy pods.",
    remedy="Add a livenessProbe at an endpoint that looks at the process alone and at no other service; or say that"
    " none"
    ' is wanted: apphealth.dev/ignore-liveness-missing: "it ends when it is broken".',
    sources=("https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#types-of-probe",),
    workload=_liveness,
)
STARTUP = Check(
    kind=findings.STARTUP_MISSING,
    title="A slow start is not covered by a startup probe",
    why="Liveness that counts while the application is still starting restarts it before it is up, most of all when"
    " the node is busy and everything starts at once.",
    remedy="Add a startupProbe: while it runs, neither liveness nor readiness is asked. Looked at are containers"
    f" with a liveness probe whose readiness waits more than {MAX_DELAY} s, or that run what is known to start slowly"
    f" (a JVM) with a delay of up to {MAX_DELAY} s.",
    sources=("https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",),
    workload=_startup,
)
CHECKS = (READINESS, LIVENESS, STARTUP)
