"""The result of planning: the decisions about one workload, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from apphealth.api.healthplan import HealthPlan, OriginalRecord, RolloutRecord, State, Value, VerificationState
from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.model.ownership import Path
from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.model.proof import Proof, Question
from apphealth.model.service import ServiceKey
from apphealth.model.withheld import EarlierProbe, Withheld
from apphealth.model.workload import WorkloadKey
from apphealth.plan.findings import Finding

if TYPE_CHECKING:
    from apphealth.plan.dependencies.cycles import Cycle
    from apphealth.plan.ownership.takeover import Edit
    from apphealth.plan.rules.settings import WorkloadSettings


class Action(StrEnum):
    """The decision about one probe. It names the goal, not the next step, so it doesn't change once that is reached."""

    APPLY = "Apply"
    """The container has this probe because a rule wants it."""
    KEEP = "Keep"
    """The probe of another owner stays."""
    CONTESTED = "Contested"
    """Its owner wrote a probe again that we had replaced; the owner's probe stays."""
    NONE = "None"
    """No probe of ours is wanted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """The decision about one probe of one container."""

    kind: ProbeKind
    action: Action
    reason: str
    probe: Probe | None = None
    """The probe that rules want, also if it is not written (Keep, mode Audit)."""
    provenance: tuple[Value, ...] = ()
    verification: VerificationState | None = None
    """Its verification state; None if no rule wants a probe here."""
    proof: Proof | None = None
    """The pods' answer to this probe; None if they were not asked."""
    withheld: Withheld | None = None
    """Why the probe that rules want is not written, although it could be; None: nothing speaks against it."""
    later: bool = False
    """It is written in a later pass (`spec.rollout.stages`)."""
    pending: bool = False
    """It is not on the workload yet, or with other values."""
    unproven: bool = False
    """Derived, and written to a file without proof because of `Options.unproven`."""


class Considered(NamedTuple):
    """A preset that was considered for a container and not chosen."""

    preset: str
    evidence: str
    why: str
    """The answers of the pods that refuted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """The decisions about one container."""

    name: str
    skipped: bool = False
    """It gets no probes; `reason` and `message` say why."""
    reason: str = ""
    """Why it was skipped, or why its preset was chosen: one word."""
    message: str = ""
    """The same as a sentence."""
    preset: str = ""
    preset_source: str = ""
    runs_library: bool = False
    """It runs flask_management_endpoints, and so reads the dependencies that are mounted."""
    probes: tuple[ProbePlan, ...] = ()
    considered: tuple[Considered, ...] = ()
    """The presets that were not chosen, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesPlan:
    """The decisions of the first pass: all about a workload's probes, and nothing about its dependencies.

    Attributes
    ----------
    settings
        The settings of the workload as a whole.
    edits
        The edits of the next pass, by container and kind.
    later
        The probes that are added in a later pass.
    after
        The kinds of the probes that earlier passes have added: their pods must be well before the next pass.
    originals
        The replaced probes that the HealthPlan must remember before the edits are written.
    disowned
        The fields that our entry in managedFields must give up.
    withheld
        The probes of ours that are not written, of those that the facts name: the others no longer apply.
    taken_out
        The edits that take out, or replace, a probe that does harm. They wait for nothing.
    questions
        The questions to running pods that are open.
    proofs
        The answers that the decisions rest on.
    readiness
        The handler of each container's readiness probe, by the container's name.
    lacks
        The containers that the workload doesn't have, of those that rules for many workloads list.
    """

    settings: WorkloadSettings
    containers: tuple[ContainerPlan, ...] = ()
    edits: Mapping[tuple[str, ProbeKind], Edit] = field(default_factory=dict)
    later: frozenset[tuple[str, ProbeKind]] = frozenset()
    after: tuple[ProbeKind, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    disowned: tuple[Path, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    taken_out: Mapping[tuple[str, ProbeKind], Edit] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    questions: tuple[Question, ...] = ()
    proofs: tuple[tuple[Question, Proof], ...] = ()
    readiness: tuple[tuple[str, Handler], ...] = ()
    lacks: tuple[tuple[RuleKey, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One Service that the workload needs."""

    service: ServiceKey
    url: str
    """The URL to check: a readiness URL, or `tcp://host:port`; empty if no port is known."""
    port: int
    required: bool
    confidence: float
    evidence: tuple[str, ...]
    """The places that name it, with credentials masked."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two rules of equal rank set one field to different values."""

    loser: RuleKey
    winner: RuleKey
    field: str


@dataclass(frozen=True, slots=True)
class Patch:
    """One strategic-merge PATCH of the workload, without its precondition."""

    manager: str
    """The field manager to send it as."""
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The probes that would be written if the rules in mode Audit were enforced too. The plan doesn't wait for it."""

    message: str
    containers: tuple[ContainerPlan, ...]
    questions: tuple[Question, ...] = ()
    """The questions to running pods that are open for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All decisions about one workload.

    Attributes
    ----------
    workload
        The workload.
    state, message
        The state of its HealthPlan, and a sentence about it.
    mode
        Enforce if a rule in that mode selects the workload, else Audit; None if no rule selects it.
    rules
        The rules that select it, the weakest first.
    containers
        The decisions about containers: in mode Enforce they are written, in mode Audit only shown.
    preview
        What the rules in mode Audit would add to those in mode Enforce; None unless rules in both modes select it.
    readiness
        The handler of each container's readiness probe, by the container's name. When it changes, the workloads that
        depend on this one are planned again.
    dependencies
        The Services that it needs.
    questions
        The questions to running pods that are open. While there are any, a plan in mode Enforce only takes withheld
        probes out, and a plan in mode Audit only removes our probes.
    proofs
        The answers that the decisions and the preview rest on.
    findings, conflicts
        What users should know; the fields that rules of equal rank set to different values.
    patches
        The patches to send now; empty once the goal is reached.
    after
        The kinds of the probes that earlier passes have added (`spec.rollout.stages`): the patches add more, and wait
        until the pods with those are well. Empty if this is the first pass.
    unfinished
        Another pass follows after the patches.
    urgent
        The patches end harm: they wait for no answer of pods and no budget.
    disowned
        The fields that our entry in managedFields must give up after the patches, as FieldsV1 paths.
    originals
        The replaced probes that the HealthPlan must remember before the patches are sent.
    withheld
        The probes of ours that are not written, and why. The HealthPlan must remember them before the patches are sent.
    retried
        The value of the workload's annotation `RETRY`: it has had its effect with this plan.
    failing
        An example of a pod that fails a probe of ours, as a sentence; empty if none is known.
    starts
        The seconds of the slowest start seen, by the container's name.
    earlier
        The probes of ours that the last write replaced.
    removed_at
        When another manager took a probe of ours out that was written again since; empty: never.
    rollout
        The rules in mode Enforce, with what they say of their rollout.
    delivery
        The text of `dependencies.json`; None if no container reads it.
    mentions
        The Services, existing or not, that this plan depends on: when one is created, changed or deleted, the
        workload is planned again.
    cycle
        The cycle of required dependencies that the workload is part of. When its edges change, all its workloads are
        planned again.
    record
        The HealthPlan to write; None if no rule selects the workload.
    lacks
        The containers that the workload doesn't have, of those that rules for many workloads list.
    """

    workload: WorkloadKey
    state: State
    message: str
    mode: Mode | None = None
    rules: tuple[RuleKey, ...] = ()
    containers: tuple[ContainerPlan, ...] = ()
    preview: Preview | None = None
    readiness: tuple[tuple[str, Handler], ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    questions: tuple[Question, ...] = ()
    proofs: tuple[tuple[Question, Proof], ...] = ()
    findings: tuple[Finding, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    patches: tuple[Patch, ...] = ()
    after: tuple[ProbeKind, ...] = ()
    unfinished: bool = False
    urgent: bool = False
    disowned: tuple[Path, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    retried: str = ""
    failing: str = ""
    starts: Mapping[str, int] = field(default_factory=dict)
    earlier: tuple[EarlierProbe, ...] = ()
    removed_at: str = ""
    rollout: tuple[RolloutRecord, ...] = ()
    delivery: str | None = None
    mentions: frozenset[ServiceKey] = frozenset()
    cycle: Cycle | None = None
    record: HealthPlan | None = None
    lacks: tuple[tuple[RuleKey, str], ...] = ()

    @property
    def selected(self) -> bool:
        """Whether any rule selects the workload."""
        return bool(self.rules)
