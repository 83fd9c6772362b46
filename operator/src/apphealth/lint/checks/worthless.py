"""Liveness probes that always succeed."""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.checks.slow import image_name
from apphealth.lint.subject import RawContainer, RawProbe, Subject
from apphealth.model.probe import Exec, HttpGet, ProbeKind, TcpSocket
from apphealth.plan import findings
from apphealth.plan.probes.ports import OTHER_PROTOCOLS

_STATIC = (".html", ".htm", ".txt", ".ico", ".css", ".js", ".png", ".svg", ".jpg", ".gif")
_NOTHING = frozenset({"true", ":", "echo", "exit 0", "/bin/true", "/usr/bin/true", "printf", "date", "hostname"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_SPEAK_NO_HTTP = (
    "postgres", "pgbouncer", "mysql", "mariadb", "percona", "redis", "valkey", "keydb", "mongo", "memcached",
    "rabbitmq", "nats", "kafka", "zookeeper", "etcd", "cassandra", "mosquitto", "spanner", "cockroach",
    "scylla",
)  # fmt: skip
"""Parts of the names of images whose port speaks no HTTP and accepts connections only while the server works."""
_OTHER_NAMES = OTHER_PROTOCOLS | {"cql", "ldaps", "smtps", "imaps"}
_OTHER_NUMBERS = frozenset({
    *(21, 22, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995),
    *(1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379, 6432, 8883, 9042, 9092, 11211, 27017, 61616),
})  # fmt: skip
"""Ports that IANA, or their only well-known server, gives to protocols other than HTTP."""
_FIX = "ask an endpoint that the application itself answers, or leave the liveness probe out"


def _succeeds(subject: Subject) -> Iterator[Hit]:
    for container in subject.probed:
        liveness = container.probes.get(ProbeKind.LIVENESS)
        if liveness is not None and (reason := _reason(liveness, container, subject)):
            yield Hit(message=f"liveness {reason}", fix=_FIX, path=liveness.path, container=container.name)


def _reason(liveness: RawProbe, container: RawContainer, subject: Subject) -> str:
    match liveness.probe.handler:
        case TcpSocket() if not _right(liveness, container, subject):
            return "only opens a connection: the kernel accepts it while the application hangs"
        case Exec(command=command) if command and _does_nothing(command):
            return f"runs '{' '.join(command)[:60]}', which succeeds whatever is wrong"
        case HttpGet(path=path) if path.partition("?")[0].lower().endswith(_STATIC):
            return f"asks for the file {path[:80]}, which is served while the application hangs"
    return ""


def _right(liveness: RawProbe, container: RawContainer, subject: Subject) -> bool:
    """Return whether a probe that opens a connection is the best that the container allows."""
    if _speaks_no_http(container, liveness) or subject.wants(container.name, liveness):
        return True
    return subject.derives_tcp(container.name)


def _speaks_no_http(container: RawContainer, liveness: RawProbe) -> bool:
    declared = container.port(liveness.port)
    number, port = (declared.number, declared.name) if declared is not None else (liveness.port, "")
    if number in _OTHER_NUMBERS or port.partition("-")[0] in _OTHER_NAMES:
        return True
    name = image_name(container.model.image) if container.model is not None else ""
    return any(part in name for part in _SPEAK_NO_HTTP)


def _does_nothing(command: tuple[str, ...]) -> bool:
    program = command[0].rpartition("/")[2]
    if program in _SHELLS:
        script = next((word for word in command[1:] if not word.startswith("-")), "").strip()
        return script in _NOTHING or script.partition(" ")[0] in ("true", ":") or _only_echoes(script)
    return command[0] in _NOTHING or program in _NOTHING


def _only_echoes(script: str) -> bool:
    return script.partition(" ")[0] in ("echo", "printf") and not any(mark in script for mark in ";&|$`\n")


CHECKS = (
    Check(
        kind=findings.LIVENESS_ALWAYS_SUCCEEDS,
        title="Liveness always succeeds",
        why="An open port, a file that is served from disk or a command that always succeeds says nothing of the"
        " application: it is asked all the time, and never restarts what hangs.",
        remedy="Ask an endpoint that the application itself answers, or leave liveness out. TCP is right for servers"
        " that speak no HTTP, such as databases and brokers: known images, and what a rule asks for or preset auto"
        " derives, are not reported.",
        sources=("https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes",),
        workload=_succeeds,
    ),
)
