"""Pods as the operator sees them: those that it can ask, and the state of those that a workload's template made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apphealth.model.probe import Probe, ProbeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A running pod that is asked about one of its containers.

    Attributes
    ----------
    name, uid
        Its name, and its uid in the cluster.
    ip
        Its IP address, where it is asked.
    age
        The seconds since the question's container started.
    node
        The name of its node.
    start
        The seconds from the start of that container until the pod was ready; 0 if that isn't known.
    """

    name: str
    uid: str
    ip: str
    age: float
    node: str = ""
    start: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """One container of a pod that may carry probes.

    Attributes
    ----------
    name
        Its name.
    probes
        The probes that the pod was made with.
    running
        The seconds since it started last; 0 if it doesn't run.
    restarts
        How often it was restarted.
    lasted
        The seconds that it ran before its last restart; 0 if it was not restarted, or that isn't known.
    start
        The seconds from its start until the pod was ready; 0 if that isn't known.
    """

    name: str
    probes: Mapping[ProbeKind, Probe] = field(default_factory=dict)
    running: float = 0.0
    restarts: int = 0
    lasted: float = 0.0
    start: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodState:
    """A pod of a workload's newest template that is not on its way out.

    Attributes
    ----------
    name, uid, ip
        Its name, its uid, and its address; empty if it has none that can be asked.
    age
        The seconds since it was created.
    ready
        Whether it gets requests.
    containers
        Those that may carry probes.
    """

    name: str
    uid: str = ""
    ip: str = ""
    age: float = 0.0
    ready: bool = False
    containers: tuple[ContainerState, ...] = ()

    def container(self, name: str) -> ContainerState | None:
        """Return a container by name, or None if the pod has none of that name."""
        return next((one for one in self.containers if one.name == name), None)


@dataclass(frozen=True, slots=True)
class KubeletNote:
    """What the kubelet says about a container, as an Event: `Unhealthy`, `Killing`, and others."""

    container: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a pod replied to the question of one of its probes.

    Attributes
    ----------
    detail
        What came back, in a few words.
    passed
        The probe succeeds.
    gone
        The application answers, and has no such endpoint: it is gone or elsewhere.
    refused
        Nothing listens on the port.
    """

    detail: str
    passed: bool = False
    gone: bool = False
    refused: bool = False
