"""The input of planning the probes of one container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.model.proof import Accept, Proof, Question
from apphealth.model.service import Service
from apphealth.model.survey import Survey
from apphealth.model.workload import Container
from apphealth.plan.rules.settings import ContainerSettings


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
