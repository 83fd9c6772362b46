"""Probes that the API server rejects, or that it accepts and users should not write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.commands import programs
from apphealth.lint.subject import RawContainer, RawProbe, Role, Subject
from apphealth.model import raw
from apphealth.model.probe import ProbeKind
from apphealth.plan import findings
from apphealth.plan.findings import Severity

_PROBES = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_COSTLY = re.compile(r"jcmd|jps|jstat|jstack|jmap|java|python[\d.]*|node|ruby|php|perl|dotnet")
"""Programs that start a virtual machine or an interpreter."""
_SEARCHING = frozenset({"find", "du", "lsof"})
"""Programs that read a whole tree of files."""
_LISTING = frozenset({"ps", "top", "netstat", "ss"})
"""Programs that read the whole table of processes or sockets."""


def _all(subject: Subject) -> Iterator[tuple[RawContainer, RawProbe]]:
    for container in subject.containers:
        for probe in container.probes.values():
            yield container, probe


def _handlers(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        found = probe.handlers
        if len(found) != 1:
            yield Hit(
                message=f"{probe.kind} has {'the handlers ' + ' and '.join(found) if found else 'no handler'}",
                fix="give it exactly one of httpGet, tcpSocket, grpc, exec",
                path=probe.at(*found[1:2]),
                container=container.name,
            )


def _init(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        if container.role in (Role.INIT, Role.EPHEMERAL):
            what = "an init container that ends" if container.role is Role.INIT else "an ephemeral container"
            yield Hit(
                message=f"{what} has a {probe.kind} probe: the API server rejects it",
                fix="take it away; a sidecar that keeps running needs restartPolicy: Always",
                path=probe.path,
                container=container.name,
            )


def _success(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        if probe.kind is not ProbeKind.READINESS and probe.probe.success_threshold != 1:
            yield Hit(
                message=f"{probe.kind} has successThreshold {probe.probe.success_threshold}: the API server takes 1"
                " only",
                fix="take successThreshold away",
                path=probe.at("successThreshold"),
                container=container.name,
            )


def _timeout(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        if probe.probe.timeout > probe.probe.period > 0:
            yield Hit(
                message=f"{probe.kind} waits {probe.probe.timeout} s for an answer, and asks every"
                f" {probe.probe.period} s",
                fix="set timeoutSeconds to at most periodSeconds",
                path=probe.at("timeoutSeconds"),
                container=container.name,
            )


def _host(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        for field in ("httpGet", "tcpSocket"):
            host = raw.mapping(probe.raw.get(field)).get("host")
            if isinstance(host, str) and host and not (subject.workload.host_network and host in _LOOPBACK):
                yield Hit(
                    message=f"{probe.kind} asks the host '{host[:80]}' instead of the pod",
                    fix="take host away; for a virtual host set the header Host in httpHeaders",
                    path=probe.at(field, "host"),
                    container=container.name,
                )


def _exec(subject: Subject) -> Iterator[Hit]:
    for container, probe in _all(subject):
        command = raw.texts(raw.mapping(probe.raw.get("exec")).get("command"))
        if command and (found := _cost(command)):
            program, what, severity = found
            yield Hit(
                message=f"{probe.kind} runs {program} ({what}) in the container every {probe.probe.period} s",
                fix="ask over HTTP, TCP or gRPC, or run one small program",
                path=probe.at("exec", "command"),
                container=container.name,
                severity=severity,
            )


def _cost(command: tuple[str, ...]) -> tuple[str, str, Severity] | None:
    """Return the costly program of a command, what it costs, and how much that matters."""
    started = sorted({program.name for program in programs(command)})
    for name in started:
        if _COSTLY.fullmatch(name):
            return name, "starts an interpreter or a JVM", Severity.WARNING
    for name in started:
        if name in _SEARCHING:
            return name, "reads a whole tree of files", Severity.WARNING
    for name in started:
        if name in _LISTING:
            return name, "reads the whole table of processes or sockets", Severity.INFO
    return None


CHECKS = (
    Check(
        kind=findings.HANDLER_COUNT,
        title="A probe has no handler, or several",
        why="The API server refuses the whole object.",
        remedy="Give each probe exactly one of httpGet, tcpSocket, grpc and exec.",
        sources=(_PROBES,),
        workload=_handlers,
    ),
    Check(
        kind=findings.PROBE_ON_INIT,
        title="An init or ephemeral container has a probe",
        why="The API server refuses probes there: an init container ends, and is waited for.",
        remedy="Take the probe away. An init container with restartPolicy: Always is a sidecar, and may have probes.",
        sources=(
            "https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#differences-from-regular-containers",
        ),
        workload=_init,
    ),
    Check(
        kind=findings.SUCCESS_THRESHOLD,
        title="Liveness or startup has a successThreshold other than 1",
        why="The API server refuses the whole object.",
        remedy="Take successThreshold away; only readiness may have another.",
        sources=(_PROBES,),
        workload=_success,
    ),
    Check(
        kind=findings.TIMEOUT_EXCEEDS_PERIOD,
        title="A probe waits longer for an answer than until the next one",
        why="Probes of one kind are asked one after the other, so that a slow answer stretches the period, and what"
        " was meant to fail after failureThreshold x periodSeconds takes longer.",
        remedy="Set timeoutSeconds to at most periodSeconds.",
        sources=(_PROBES,),
        workload=_timeout,
    ),
    Check(
        kind=findings.PROBE_HOST,
        title="A probe asks another host than its pod",
        why="With host set the kubelet asks that address: the node itself for localhost, another service for a name."
        " The pod's own state is never looked at.",
        remedy="Take host away. For a server with virtual hosts, set the header Host in httpHeaders. Pods on their"
        " node's network (hostNetwork) may ask 127.0.0.1, where they listen themselves.",
        sources=(
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        ),
        workload=_host,
    ),
    Check(
        kind=findings.EXEC_COSTLY,
        title="A probe runs a costly command",
        why="Every probe of type exec starts processes in the container, out of its CPU and memory limits, on every"
        " node,"
        " every few seconds. A JVM tool or an interpreter takes longer than most timeouts when the node is busy.",
        remedy="Ask over HTTP, TCP or gRPC, or run one small program. jcmd, java, python and find are warnings; ps"
        " and the like are for information. Only programs count, not words in their arguments.",
        sources=("https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#probe-check-methods",),
        workload=_exec,
    ),
)
