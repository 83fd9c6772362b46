"""What a plan is made from: facts about one workload and its neighbours, and options. Frozen values, no look-ups.

`apphealth.store` gathers them, for the operator and for the command line. Equal facts give equal plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from apphealth.api.healthplan import OriginalRecord
from apphealth.api.rule import Rule
from apphealth.model.probe import Handler
from apphealth.model.proof import Proof
from apphealth.model.service import Namespace, Service, ServiceKey
from apphealth.model.withheld import EarlierProbe, Withheld
from apphealth.model.workload import DOMAIN, Workload, WorkloadKey, WrittenProbe
from apphealth.plan.dependencies.evidence.mention import Mention

CLUSTER_DOMAIN = "cluster.local"
"""The default domain of a cluster (the kubelet's `clusterDomain`)."""
EMPTY: Mapping[Any, Any] = MappingProxyType({})

SHARE_HEALTH_PATHS = f"{DOMAIN}share-health-paths"
"""Annotation of a namespace: "true" shares the paths of its health endpoints with workloads of other namespaces."""
MAX_BACKENDS = 32
"""Most workloads behind one Service whose readiness is read."""
Readiness = tuple[tuple[str, Handler], ...]
"""The handler of each container's readiness probe, by the container's name."""
Requirements = Mapping[WorkloadKey, Mapping[ServiceKey, tuple[WorkloadKey, ...]]]
"""From each workload to the Services that it requires, with the workloads behind each."""


def _nothing() -> Mapping[Any, Any]:
    """Return `EMPTY`, which Python 3.11 takes for a mutable default."""
    return EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to plan, as the operator's or the command line's options set it.

    Attributes
    ----------
    allow_exec
        Probes may run commands in containers (the operator's `--allow-exec`). Default: no.
    files
        The workloads are manifests: there are no pods to ask. Default: a cluster.
    unproven
        In manifests, write derived probes without proof (`render --unproven`). Default: no.
    cluster_domain
        The end of Services' full names, without dots around it. Default: `cluster.local`.
    """

    allow_exec: bool = False
    files: bool = False
    unproven: bool = False
    cluster_domain: str = CLUSTER_DOMAIN

    def __post_init__(self) -> None:
        """Bring the domain into the form that names are compared in."""
        object.__setattr__(self, "cluster_domain", self.cluster_domain.strip(".").lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A workload behind a Service that another workload depends on."""

    workload: Workload
    readiness: Readiness = ()
    """The result of the first pass of planning it (`plan_probes`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A Service that the workload's configuration or its rules name, and that exists.

    Attributes
    ----------
    service
        The Service.
    backends
        The workloads behind it, by kind and name: the first `MAX_BACKENDS`.
    shares_paths
        Its namespace shares the paths of its probes with other namespaces (`SHARE_HEALTH_PATHS`).
    """

    service: Service
    backends: tuple[Backend, ...] = ()
    shares_paths: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What a workload may depend on.

    Attributes
    ----------
    mentions
        The places in its configuration that name Services, existing or not. Empty if no rule enables discovery.
    services
        The Services that exist among those named by `mentions`, rules and annotations.
    requirements
        The required edges that can be reached from this workload. Empty if it requires nothing, or if no Service
        selects it, because then no workload can require it.
    """

    mentions: tuple[Mention, ...] = ()
    services: Mapping[ServiceKey, Neighbour] = field(default_factory=_nothing)
    requirements: Requirements = field(default_factory=_nothing)


NO_NEIGHBOURS = Neighbours()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about one workload, from the cluster or from a set of manifests.

    Attributes
    ----------
    namespace
        The workload's namespace.
    rules
        The rules that may reach that namespace: its AppHealths, and every ClusterAppHealth.
    services
        The Services whose selector matches the workload's pods, by name.
    originals
        The probes of other owners that we have replaced, as the HealthPlan remembers them.
    written
        The probes that we have written, as the HealthPlan remembers them: they are ours, also if managedFields doesn't
        name us.
    withheld
        The probes of ours that are not written, and why. The plan drops those that no longer apply (`Plan.withheld`).
    retried
        The value of the annotation `RETRY` that has had its effect.
    failing
        An example of a pod that fails a probe of ours, as a sentence; empty if none is known.
    starts
        The seconds of the slowest start seen, by the container's name.
    earlier
        The probes of ours that the last write replaced: the HealthPlan remembers them.
    removed_at
        When another manager took a probe of ours out that was written again since; empty: never.
    answers
        The answers of pods of this namespace and template, by the question's id.
    neighbours
        What it may depend on. The first pass (`plan_probes`) doesn't read it.
    """

    namespace: Namespace
    rules: tuple[Rule, ...] = ()
    services: tuple[Service, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    written: tuple[WrittenProbe, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    retried: str = ""
    failing: str = ""
    starts: Mapping[str, int] = field(default_factory=_nothing)
    earlier: tuple[EarlierProbe, ...] = ()
    removed_at: str = ""
    answers: Mapping[str, Proof] = field(default_factory=_nothing)
    neighbours: Neighbours = NO_NEIGHBOURS
