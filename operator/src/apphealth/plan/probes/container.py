"""What the probes of one container are planned from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from apphealth.api.rule import Rule
from apphealth.api.spec import Verification
from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.model.proof import Accept, Proof, Question
from apphealth.model.service import Service
from apphealth.model.survey import Survey
from apphealth.model.withheld import Withheld
from apphealth.model.workload import Container, ContainerRole, Workload
from apphealth.plan.facts import Facts, Options
from apphealth.plan.ownership.managed_fields import abandoned
from apphealth.plan.ownership.takeover import may_be_replaced
from apphealth.plan.probes.eligibility import INJECTED, alone
from apphealth.plan.rules.annotations import Annotations
from apphealth.plan.rules.settings import ContainerSettings, WorkloadSettings

MAX_OTHERS = 4
"""Most ports of a pod's other containers that a container's answers are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFacts:
    """A workload, and what the probes of all its containers are planned from.

    Attributes
    ----------
    workload
        As it is now; the probes that we wrote are recognised as ours.
    rules
        The rules that count, the weakest first.
    settings
        The settings of the workload as a whole.
    annotations
        The settings in the annotations of the pod template.
    withheld
        The probes that are not to be written to this pod template, by container and kind.
    gathered
        What the cluster says; `neighbours` is not read.
    options
        How to plan.
    """

    workload: Workload
    rules: Sequence[Rule]
    settings: WorkloadSettings
    annotations: Annotations
    withheld: Mapping[tuple[str, ProbeKind], Withheld]
    gathered: Facts
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """Whether running pods can be asked, and what is written if they can't.

    Attributes
    ----------
    required
        `verification: Required`: a probe is tried on pods before it is written.
    ready
        At least one pod can be asked now.
    on_host
        The pods share their node's network, and are never asked.
    files
        The workload is a manifest, so there are no pods to ask.
    unproven
        In manifests, derived probes that are certain are written without proof (`render --unproven`).
    """

    required: bool = True
    ready: bool = False
    on_host: bool = False
    files: bool = False
    unproven: bool = False

    @property
    def may_ask(self) -> bool:
        """Whether probes are tried on pods, now or once there are any."""
        return self.required and not self.files


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """A container, and the facts that its probes are planned from.

    Attributes
    ----------
    template
        The namespace and the digest of the pod template, for whose pods a proof holds.
    services
        The Services that select the pods.
    alone
        It is the only container of its pod.
    others
        The ports of the pod's other containers.
    ordered
        The next pod of the workload starts only once this one is ready.
    writable
        The kinds of probe that we may write: a rule wants them, and no probe of another owner stays.
    theirs
        The probes of other owners. Ours have to fit those that stay.
    ours
        The probes that we wrote.
    replaces
        Whether our probes replace those of other owners.
    start
        The seconds of the slowest start seen; 0 if none is known to be slow.
    answers
        The answers of pods of this template, by the question's id.
    """

    container: Container
    template: str
    settings: ContainerSettings
    services: tuple[Service, ...]
    alone: bool
    ordered: bool
    defaults_version: int
    allow_exec: bool
    writable: frozenset[ProbeKind]
    theirs: Mapping[ProbeKind, Probe]
    ours: Mapping[ProbeKind, Probe]
    replaces: bool
    pods: Pods
    answers: Mapping[str, Proof]
    start: int = 0
    others: tuple[int, ...] = ()

    @property
    def prefix(self) -> str:
        """The path prefix that users set, without a slash at its end; empty if they set none."""
        said = self.settings.path_prefix
        text = said.value.strip("/") if said is not None else ""
        return f"/{text}" if text else ""

    def question(self, handler: Handler | Survey, timeout: int, accept: Accept) -> Question:
        """Return the question to the pods of this container; the handler's port must be a number."""
        return Question(
            container=self.container.name,
            image=self.container.image,
            template=self.template,
            handler=handler,
            timeout=timeout,
            accept=accept,
        )


def container_facts(
    container: Container, settings: ContainerSettings, ours: Collection[ProbeKind], facts: WorkloadFacts
) -> ContainerFacts:
    """Return the facts about one container.

    Parameters
    ----------
    container
        The container.
    settings
        Its settings.
    ours
        The kinds of probe that it has, and that we wrote.
    facts
        Its workload.
    """
    workload, options, live = facts.workload, facts.options, container.probes
    replaces, required = facts.settings.replaces, facts.settings.verification is Verification.REQUIRED
    return ContainerFacts(
        container=container,
        template=workload.template_key,
        settings=settings,
        services=facts.gathered.services,
        alone=container.role is ContainerRole.MAIN and alone(workload),
        ordered=workload.ordered,
        defaults_version=facts.settings.defaults_version,
        allow_exec=options.allow_exec,
        writable=frozenset(
            kind
            for kind in settings.wanted_kinds
            if kind not in live
            or live[kind].owner.ours
            or (replaces and may_be_replaced(live[kind], allow_exec=options.allow_exec))
            or abandoned(live[kind])
        ),
        theirs={kind: probe.probe for kind, probe in live.items() if not probe.owner.ours},
        # A probe that is to be taken out proves nothing about the candidate that it belongs to.
        ours={
            kind: live[kind].probe
            for kind in ours
            if (entry := facts.withheld.get((container.name, kind))) is None or not entry.is_about(live[kind].probe)
        },
        replaces=replaces,
        pods=Pods(
            required=required,
            ready=workload.ready and not workload.host_network and not options.files,
            on_host=workload.host_network,
            files=options.files,
            unproven=options.files and options.unproven,
        ),
        start=0 if options.files else facts.gathered.starts.get(container.name, 0),
        answers=facts.gathered.answers if required and not options.files else {},
        others=tuple(
            port.number
            for other in workload.containers
            if other.name != container.name and other.name not in INJECTED
            for port in other.ports
            if port.protocol == "TCP"
        )[:MAX_OTHERS],
    )
