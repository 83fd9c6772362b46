"""Judge whether probes of ours do harm to the pods that carry them. Pure.

After a write of ours, and after each new template under probes of ours, the newest pods are looked at until the rollout
is complete (`controller/watcher.py`). What speaks against a probe:

=============  ====================================================================  ==========================
 reason         what is seen on a pod that carries the probe                          what is taken out
=============  ====================================================================  ==========================
 RolledBack     the kubelet restarted the container because liveness failed           liveness
 RolledBack     the kubelet restarted it because startup failed                       startup and liveness
 Refuted        it isn't ready, and the application has no such endpoint              each probe that asks there
 Refuted        nothing listens on the port, which the template no longer declares    each probe that asks there
 RolledBack     the Deployment has exceeded its deadline, and a probe fails           each probe that fails
=============  ====================================================================  ==========================

Everything else is left alone: a container that ends by itself, an image that can't be pulled, an application that says
it isn't ready (503). So is a restart by liveness while at least as many pods have passed the same probe for long
enough: liveness does what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apphealth.model.pod import ContainerState, KubeletNote, PodState, Reply
from apphealth.model.probe import Probe, ProbeKind, describe_handler
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import Container, Workload

Target = tuple[str, ProbeKind]
"""A container's name, and which of its probes."""

YOUNG = 3600.0
"""Seconds after its creation in which a pod's restarts speak against a probe; later, liveness does what it is for."""
LISTENING = 8.0
"""Seconds that a container must have run before its answers count: some serve 404 while they start.

One that is known to start more slowly gets that time, up to `START_ALLOWANCE`."""
CERTAIN = 4.0
"""Seconds for which an endpoint must have been gone, without any other answer."""
START_ALLOWANCE = 300.0
"""Seconds after which a container on whose port nothing listens no longer counts as starting."""
FAILING = 20.0
"""Seconds that a container may run and fail a probe until that is said of the workload."""
TERMINATION = 30.0
"""Seconds that a container may take to end: the default of terminationGracePeriodSeconds."""
SLOW_ROLLOUT = 600.0
"""Seconds after a write within which its rollout should be complete; the default of progressDeadlineSeconds."""
MAX_EVIDENCE = 400
"""Longest evidence, in characters."""
_STATUS = re.compile(r"statuscode: (\d{3})")
_PATIENT = frozenset({408, 425, 429})
"""Statuses below 500 that an endpoint that is there may give."""


def is_gone(status: int) -> bool:
    """Return whether an HTTP status says that there is no such endpoint for a probe."""
    return 400 <= status < 500 and status not in _PATIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One pod, as it was just seen.

    Attributes
    ----------
    pod
        The pod.
    notes
        The kubelet's Events about it.
    replies
        What it replied to the questions of our probes.
    starts
        By container: the seconds that the slowest start of its earlier pods took, where that is known.
    """

    pod: PodState
    notes: tuple[KubeletNote, ...] = ()
    replies: Mapping[Target, Reply] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)


def carries(pod: PodState, target: Target, probe: Probe) -> bool:
    """Return whether a pod was made with a probe: those from before a change are no witnesses.

    Parameters
    ----------
    pod
        The pod.
    target
        The container's name, and which of its probes.
    probe
        The probe that it has since the change.
    """
    container = pod.container(target[0])
    return container is not None and container.probes.get(target[1]) == probe


def gone(workload: Workload, suspects: Mapping[Target, Probe], seen: Iterable[Sighting]) -> frozenset[Target]:
    """Return the probes whose endpoint the pods say is gone, and none says is there.

    Parameters
    ----------
    workload
        As it is now.
    suspects
        The probes of ours on it.
    seen
        The pods.
    """
    said: set[Target] = set()
    there: set[Target] = set()
    for one in seen:
        for target, probe in suspects.items():
            if not carries(one.pod, target, probe):
                continue
            if _says_gone(workload, target, probe, one):
                said.add(target)
            elif (reply := one.replies.get(target)) is not None and reply.passed:
                there.add(target)
    return frozenset(said - there)


def judge(
    workload: Workload,
    suspects: Mapping[Target, Probe],
    seen: Sequence[Sighting],
    gone_for: Mapping[Target, float],
    before: Mapping[Target, Probe],
    newest: Sequence[PodState] = (),
) -> tuple[Withheld, ...]:
    """Return the probes that are to be taken back, with the evidence; none if nothing speaks against them (yet).

    Parameters
    ----------
    workload
        As it is now.
    suspects
        The probes of ours on it.
    seen
        Its newest pods that are in trouble.
    gone_for
        For how many seconds each endpoint has been gone.
    before
        The probes of ours that were there before the last write: they come back.
    newest
        All newest pods: those in no trouble speak for liveness.
    """
    found: dict[Target, Withheld] = {}
    for reason, exact, blamed in (
        (WithheldReason.ROLLED_BACK, True, _killed(suspects, seen, newest)),
        (WithheldReason.REFUTED, False, _refuted(workload, suspects, seen, gone_for)),
        (WithheldReason.ROLLED_BACK, True, _stalled(workload, suspects, seen)),
    ):
        for (name, kind), evidence in blamed.items():
            earlier = before.get((name, kind))
            found.setdefault(
                (name, kind),
                Withheld(
                    container=name,
                    kind=kind,
                    probe=suspects[name, kind],
                    reason=reason,
                    evidence=(evidence + stuck(workload, (one.pod for one in seen)))[:MAX_EVIDENCE],
                    template=workload.template,
                    exact=exact,
                    instead=earlier if earlier is not None and earlier != suspects[name, kind] else None,
                ),
            )
    return tuple(found.values())


def failing(suspects: Mapping[Target, Probe], seen: Iterable[Sighting]) -> str:
    """Return an example of a pod that fails a probe of ours, as a sentence; empty if there is none.

    Parameters
    ----------
    suspects
        The probes of ours on the workload.
    seen
        Its pods.
    """
    for one in seen:
        for (name, kind), probe in suspects.items():
            container = one.pod.container(name)
            if container is None or one.pod.ready or not carries(one.pod, (name, kind), probe):
                continue
            words = _words((name, kind), one)
            if words and container.running >= FAILING:
                return f"{one.pod.name} fails the {kind} probe of {name}: {words}"[:MAX_EVIDENCE]
    return ""


def hangs(workload: Workload, now: datetime) -> str:
    """Return, as a sentence, that the rollout of our last write doesn't come to its end; empty if that isn't so.

    Parameters
    ----------
    workload
        As it is now.
    now
        The time.
    """
    if workload.settled or workload.written_at is None:
        return ""
    since = (now - workload.written_at).total_seconds()
    if workload.progress.stalled or SLOW_ROLLOUT < since < YOUNG:
        return "the rollout since AppHealth's last write doesn't complete"
    return ""


def _killed(
    suspects: Mapping[Target, Probe], seen: Sequence[Sighting], newest: Sequence[PodState]
) -> dict[Target, str]:
    """Return the probes by which the kubelet restarted containers of young pods."""
    found: dict[Target, str] = {}
    for kind in (ProbeKind.STARTUP, ProbeKind.LIVENESS):
        for name in {name for name, of in suspects if of is kind}:
            hit = [one for one in seen if _was_killed(one, (name, kind), suspects[name, kind])]
            if hit and not (kind is ProbeKind.LIVENESS and _passes_elsewhere((name, kind), suspects, newest)):
                words = next(
                    (said for one in hit if (said := _unhealthy(one, (name, kind)))), "no reason in its Events"
                )
                evidence = f"the kubelet restarted {name} in {_pods(hit, seen)} because {kind} failed: {words}"
                found.setdefault((name, kind), evidence)
                if (name, ProbeKind.LIVENESS) in suspects:  # without startup it would restart them sooner still
                    found.setdefault((name, ProbeKind.LIVENESS), evidence)
    return found


def _was_killed(one: Sighting, target: Target, probe: Probe) -> bool:
    name, kind = target
    container = one.pod.container(name)
    if container is None or one.pod.age > YOUNG or not carries(one.pod, target, probe):
        return False
    if kind is ProbeKind.LIVENESS and _had_passed(one, container, probe):
        return False
    return any(
        note.reason == "Killing" and note.container == name and f"failed {kind} probe" in note.text
        for note in one.notes
    )


def _had_passed(one: Sighting, container: ContainerState, probe: Probe) -> bool:
    """Return whether liveness passed for a good while before the only restart: then it did what it is for."""
    lived = container.lasted if container.restarts else container.running
    first = _first_restart(probe, one.starts.get(container.name, 0))
    return container.restarts <= 1 and lived > 2 * first + TERMINATION


def _first_restart(probe: Probe, start: float) -> float:
    """Return the seconds for which the kubelet lets a container run that starts in some time, and never passes."""
    return max(probe.initial_delay, start) + probe.gives_up_after


def _passes_elsewhere(target: Target, suspects: Mapping[Target, Probe], newest: Sequence[PodState]) -> bool:
    """Return whether at least as many pods have passed a liveness probe as were restarted: it isn't the probe then."""
    probe = suspects[target]
    passed = restarted = 0
    for pod in newest:
        container = pod.container(target[0])
        if container is None or not carries(pod, target, probe):
            continue
        if container.restarts:
            restarted += 1
        elif pod.ready:
            passed += container.running > _first_restart(probe, container.start)
    return passed >= max(restarted, 1)


def _refuted(
    workload: Workload, suspects: Mapping[Target, Probe], seen: Sequence[Sighting], gone_for: Mapping[Target, float]
) -> dict[Target, str]:
    """Return the probes whose endpoint has been gone for long enough."""
    found: dict[Target, str] = {}
    for target in gone(workload, suspects, seen):
        probe = suspects[target]
        if gone_for.get(target, 0.0) < CERTAIN:
            continue
        hit = [one for one in seen if not one.pod.ready and _says_gone(workload, target, probe, one)]
        if hit:
            asked = describe_handler(probe.handler).strip()
            found[target] = f"{asked}: {_words(target, hit[0])} from {_pods(hit, seen)} of the newest template"
    return found


def _says_gone(workload: Workload, target: Target, probe: Probe, one: Sighting) -> bool:
    container = one.pod.container(target[0])
    starting = min(max(LISTENING, one.starts.get(target[0], 0)), START_ALLOWANCE)
    if container is None or container.running < starting:
        return False
    reply = one.replies.get(target)
    if reply is None:
        statuses = (_STATUS.search(note.text) for note in _notes(one, target))
        return any(found is not None and is_gone(int(found[1])) for found in statuses)
    if reply.refused:
        return container.running >= START_ALLOWANCE or not _declared(workload, target[0], probe)
    return reply.gone


def _declared(workload: Workload, name: str, probe: Probe) -> bool:
    """Return whether the template may still mean the probe's port: it declares it, or no port at all."""
    container = next((one for one in workload.containers if one.name == name), None)
    port = getattr(probe.handler, "port", None)
    if container is None or not container.ports or port is None:
        return True
    return any(port in (declared.number, declared.name) for declared in container.ports)


def _stalled(workload: Workload, suspects: Mapping[Target, Probe], seen: Sequence[Sighting]) -> dict[Target, str]:
    """Return the probes that fail on pods of a rollout whose deadline is over, unless the application says why."""
    if not workload.progress.stalled:
        return {}
    found: dict[Target, str] = {}
    for target, probe in suspects.items():
        hit = [
            one for one in seen if not one.pod.ready and carries(one.pod, target, probe) and _fails_for_us(one, target)
        ]
        if hit:
            found[target] = f"the rollout exceeded its deadline, and {_words(target, hit[0])} from {_pods(hit, seen)}"
    return found


def _fails_for_us(one: Sighting, target: Target) -> bool:
    """Return whether a probe fails although the container runs, and it isn't the application that says so."""
    container = one.pod.container(target[0])
    reply = one.replies.get(target)
    if container is None or container.running < LISTENING:
        return False
    if reply is not None:
        return reply.gone or reply.refused
    return bool(_unhealthy(one, target)) and "statuscode: 5" not in _unhealthy(one, target)


def _words(target: Target, one: Sighting) -> str:
    """Return how a pod fails a probe; empty if it doesn't, or nothing is known."""
    reply = one.replies.get(target)
    if reply is not None:
        return "" if reply.passed else reply.detail
    return _unhealthy(one, target)


def _unhealthy(one: Sighting, target: Target) -> str:
    return next((note.text for note in _notes(one, target)), "")


def _notes(one: Sighting, target: Target) -> Iterator[KubeletNote]:
    """Yield the kubelet's words about the failures of a probe, the latest first."""
    name, kind = target
    begin = f"{kind.capitalize()} probe "
    for note in one.notes:
        if note.reason == "Unhealthy" and note.container == name and note.text.startswith(begin):
            yield note


def _pods(hit: Sequence[Sighting], seen: Sequence[Sighting]) -> str:
    names = hit[0].pod.name
    return f"{names} and {len(hit) - 1} more of {len(seen)} pods" if len(hit) > 1 else names


def stuck(workload: Workload, pods: Iterable[PodState]) -> str:
    """Return what users have to do for pods that Kubernetes doesn't replace; empty if there are none.

    Parameters
    ----------
    workload
        As it is now.
    pods
        Its newest pods.
    """
    names = " ".join(pod.name for pod in pods if not pod.ready)
    if not workload.ordered or not names:
        return ""
    command = f"kubectl -n {workload.namespace} delete pod {names}"
    return f"; Kubernetes doesn't replace such a pod of this StatefulSet: {command}"


def named_port_is_gone(container: Container, probe: Probe) -> bool:
    """Return whether a probe names a port that its container doesn't have: the kubelet can't carry it out.

    Parameters
    ----------
    container
        The container.
    probe
        One of its probes.
    """
    port = getattr(probe.handler, "port", None)
    return isinstance(port, str) and all(port != declared.name for declared in container.ports)


def number_of(container: Container, probe: Probe) -> int | None:
    """Return the number of the port that a probe asks; None if it asks none, or one that its container doesn't have.

    Parameters
    ----------
    container
        The container.
    probe
        One of its probes.
    """
    port = getattr(probe.handler, "port", None)
    if isinstance(port, int):
        return port
    return next((declared.number for declared in container.ports if declared.name == port), None)
