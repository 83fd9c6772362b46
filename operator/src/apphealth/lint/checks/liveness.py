"""Liveness probes that restart too early, or that equal the readiness probe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from apphealth.lint.check import Check, Hit
from apphealth.lint.subject import RawContainer, RawProbe, Subject, pod_of
from apphealth.model.probe import Grpc, Handler, HttpGet, ProbeKind, TcpSocket
from apphealth.plan import findings

MIN_PATIENCE = 10
"""The least seconds of failures before a restart: less, and a garbage collection or a busy node causes one."""


def resolved(probe: RawProbe, container: RawContainer) -> Handler | None:
    """Return a probe's handler, with the number of its port if that is known."""
    handler = probe.probe.handler
    if isinstance(handler, HttpGet | TcpSocket | Grpc) and (port := container.port(handler.port)) is not None:
        return replace(handler, port=port.number)
    return handler


def _identical(subject: Subject) -> Iterator[Hit]:
    for container in subject.probed:
        liveness, readiness = (container.probes.get(kind) for kind in (ProbeKind.LIVENESS, ProbeKind.READINESS))
        if liveness is None or readiness is None:
            continue
        if not _same(liveness, readiness, container):
            continue
        last, first = liveness.probe.gives_up_after, readiness.probe.gives_up_after
        if last <= first:
            yield Hit(
                message=f"liveness asks just what readiness asks, and restarts after {last} s, no later than the"
                f" {first} s after which readiness takes it out of rotation",
                fix=f"ask another endpoint, or raise liveness' failureThreshold until it waits {2 * first} s",
                path=liveness.path,
                container=container.name,
            )


def _same(liveness: RawProbe, readiness: RawProbe, container: RawContainer) -> bool:
    """Return whether two probes ask the same."""
    handler = resolved(liveness, container)
    return handler is not None and handler == resolved(readiness, container)


def _aggressive(subject: Subject) -> Iterator[Hit]:
    for container in subject.probed:
        liveness = container.probes.get(ProbeKind.LIVENESS)
        if liveness is not None and (reasons := list(_reasons(liveness, container, subject))):
            yield Hit(
                message=f"liveness {'; '.join(reasons)}",
                fix=f"let it fail for {max(MIN_PATIENCE, 30)} s before it restarts: periodSeconds 10,"
                " failureThreshold 3, timeoutSeconds 5, and a startupProbe for the start",
                path=liveness.path,
                container=container.name,
            )


def _reasons(liveness: RawProbe, container: RawContainer, subject: Subject) -> Iterator[str]:
    probe = liveness.probe
    patience = probe.gives_up_after
    if patience < MIN_PATIENCE:
        yield f"gives up after {patience} s"
    if probe.failure_threshold == 1:
        yield "restarts at the first failure (failureThreshold 1)"
    if (readiness := container.probes.get(ProbeKind.READINESS)) is not None:
        start, first = readiness.probe.initial_delay, probe.initial_delay + patience
        covered = ProbeKind.STARTUP in container.probes or subject.gets(container.name, ProbeKind.STARTUP)
        if first < start and not covered:
            yield f"may restart it after {first} s, before the {start} s that readiness gives it to start"
        if patience < readiness.probe.gives_up_after and not _same(liveness, readiness, container):
            yield f"restarts after {patience} s, before readiness takes it out ({readiness.probe.gives_up_after} s)"
    pod_grace = pod_of(subject.raw).get("terminationGracePeriodSeconds")
    grace = pod_grace if probe.grace_period is None else probe.grace_period
    if grace == 0 and not isinstance(grace, bool):
        yield "kills without time to end (terminationGracePeriodSeconds 0)"


CHECKS = (
    Check(
        kind=findings.PROBES_IDENTICAL,
        title="Liveness asks what readiness asks, and gives up no later",
        why="When the application is overloaded or waits for something, readiness should take the pod out of"
        " rotation so that it can recover. With the same probe for liveness it is restarted at that very moment.",
        remedy="Give liveness an endpoint of its own, or let it give up well after readiness (twice as late is the"
        " rule of thumb). Compared are type, port (names resolved), path, scheme and headers, and failureThreshold x"
        " periodSeconds.",
        sources=(
            "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
            "https://github.com/zegl/kube-score/blob/master/README_PROBES.md",
        ),
        workload=_identical,
    ),
    Check(
        kind=findings.LIVENESS_AGGRESSIVE,
        title="Liveness restarts too soon",
        why="A restart throws away what the process was doing and sends its load to the others, which fail next. A"
        " pause of the garbage collector or a busy node is no reason for one.",
        remedy="Let liveness fail for some time before it restarts. Reported are: giving up in less than"
        f" {MIN_PATIENCE} s; failureThreshold 1; giving up before readiness does, or"
        " before the initialDelaySeconds of readiness are over with no startup probe; a grace period of 0.",
        sources=(
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        ),
        workload=_aggressive,
    ),
)
