"""What planning gives: the decisions about one workload, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from apphealth.api.healthplan import HealthPlan, OriginalRecord, State, VerificationState
from apphealth.api.rule import RuleKey
from apphealth.api.spec import Mode
from apphealth.model.ownership import Path
from apphealth.model.probe import Handler, Probe, ProbeKind
from apphealth.model.proof import Proof, Question
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.findings import Finding

if TYPE_CHECKING:
    from apphealth.plan.dependencies.cycles import Cycle
    from apphealth.plan.ownership.takeover import Edit
    from apphealth.plan.rules.settings import WorkloadSettings


class Action(StrEnum):
    """What is decided about one probe. It describes the goal, not the way there, so that it is stable once reached."""

    APPLY = "Apply"
    """The container carries this probe because of us."""
    KEEP = "Keep"
    """Somebody else's probe stays."""
    CONTESTED = "Contested"
    """Somebody else took back a probe that we had replaced; it stays."""
    NONE = "None"
    """No probe of ours is wanted here."""


class Provenance(NamedTuple):
    """One effective value, and the layer or evidence that it came from."""

    field: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """The decision about one probe of one container."""

    kind: ProbeKind
    action: Action
    reason: str
    probe: Probe | None = None
    """What is wanted, also where it is not written (Keep, mode Audit)."""
    provenance: tuple[Provenance, ...] = ()
    verification: VerificationState | None = None
    """How it stands to the proof on running pods; None where nothing of ours is wanted."""
    proof: Proof | None = None
    """What the pods answered, where they were asked for this very probe."""
    unproven: bool = False
    """Derived, and in a file, where nothing can be proven: written because `Options.unproven` says so."""


class Considered(NamedTuple):
    """A preset that a container shows signs of, or that was looked for, and was not taken."""

    preset: str
    evidence: str
    why: str
    """Why it was not taken: what the pods answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """The decisions about one container."""

    name: str
    skipped: bool = False
    """It gets no probes; `reason` and `message` say why."""
    reason: str = ""
    """Why it was skipped, or why its preset was chosen: one word."""
    message: str = ""
    """The same for people."""
    preset: str = ""
    preset_source: str = ""
    runs_library: bool = False
    """It runs flask_management_endpoints, and so reads the dependencies that are mounted."""
    probes: tuple[ProbePlan, ...] = ()
    considered: tuple[Considered, ...] = ()
    """Presets that were not taken, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesPlan:
    """What the first pass decides: all about a workload's probes, and nothing of what it depends on.

    Attributes
    ----------
    settings
        What users said of the workload as a whole.
    edits
        What to do now about each probe, by container and kind.
    originals
        What the HealthPlan must remember before the edits are written.
    disowned
        Where our entry in managedFields has to give up its claims.
    questions
        What running pods have to be asked before more can be decided.
    proofs
        What they have answered, and counted.
    readiness
        The handler of each container's readiness probe, by the container's name.
    """

    settings: WorkloadSettings
    containers: tuple[ContainerPlan, ...] = ()
    edits: Mapping[tuple[str, ProbeKind], Edit] = field(default_factory=dict)
    originals: tuple[OriginalRecord, ...] = ()
    disowned: tuple[Path, ...] = ()
    findings: tuple[Finding, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    questions: tuple[Question, ...] = ()
    proofs: tuple[tuple[Question, Proof], ...] = ()
    readiness: tuple[tuple[str, Handler], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One Service that the workload needs."""

    service: ServiceKey
    url: str
    """What is asked: a readiness URL, or `tcp://host:port`; empty where no port is known."""
    port: int
    required: bool
    confidence: float
    evidence: tuple[str, ...]
    """Where it was found, credentials masked."""


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
    """What would be written if the rules in mode Audit were enforced too. It holds up nothing."""

    message: str
    containers: tuple[ContainerPlan, ...]
    questions: tuple[Question, ...] = ()
    """What the running pods have to be asked before it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is decided about one workload.

    Attributes
    ----------
    workload
        The workload.
    state, message
        What it comes to.
    mode
        Enforce where any rule in that mode selects the workload, else Audit; None where no rule does.
    rules
        The rules that select it, the weakest first.
    containers
        The decisions that are written, in mode Enforce; those that would be, in mode Audit.
    preview
        Beside rules in mode Enforce, what those in mode Audit would add to them.
    readiness
        How each container (by name) tells its readiness; when it changes, whoever depends on it is planned again.
    dependencies
        The Services that it needs.
    questions
        What the running pods have to be asked before this plan can go further. In mode Enforce it has no patches until
        then; in mode Audit its patches only take back what is ours.
    proofs
        What was asked before, and counted in this decision or in the preview.
    findings, conflicts
        What people should know; where rules of equal rank differ.
    patches
        What to send now to reach the goal; empty when it is reached.
    disowned
        Where our entry in managedFields has to give up its claims, after the patches: FieldsV1 paths.
    originals
        What the HealthPlan must remember before the patches are sent.
    delivery
        The text of `dependencies.json`; None where nothing is delivered.
    mentions
        Services, existing or not, whose coming, going or changing would change this plan.
    cycle
        The cycle of required dependencies that the workload is part of. When its edges change, all its workloads are
        planned again.
    record
        The HealthPlan to be kept; None where no rule selects the workload.
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
    disowned: tuple[Path, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    delivery: str | None = None
    mentions: frozenset[ServiceKey] = frozenset()
    cycle: Cycle | None = None
    record: HealthPlan | None = None

    @property
    def selected(self) -> bool:
        """Whether any rule selects the workload."""
        return bool(self.rules)
