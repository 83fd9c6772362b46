"""HealthPlan: the decisions about one workload, their reasons, and what was written.

Only the operator writes it; users read it (`kubectl get healthplans -A`). It holds no counter, and no time but that of
a removal of our probes, so it changes only when a decision changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec


class State(StrEnum):
    """The state of a plan."""

    PREVIEW = "Preview"
    """The plan is not written, because the rules are in mode Audit."""
    AWAITING_PODS = "AwaitingPods"
    """Derived probes wait for the answer of a running pod."""
    REFUTED = "Refuted"
    """Running pods failed the probe; it was not written, or taken out again."""
    APPLIED = "Applied"
    """The workload carries the planned probes."""
    PARTIAL = "Partial"
    """The workload carries some of the planned probes; a finding says why it doesn't carry the others."""
    KEPT = "Kept"
    """Every planned probe has another owner, and stays as it is."""
    CONTESTED = "Contested"
    """The owner of a replaced probe wrote it again, or another manager keeps taking ours out; it wins."""
    WAITING = "Waiting"
    """The planned probes are not written yet: the rollout of the rule, or the brake, holds the workload back."""
    REJECTED = "Rejected"
    """The API server rejected the patch; a finding quotes its answer."""
    ROLLED_BACK = "RolledBack"
    """The probes were written, did harm, and were removed again."""
    SKIPPED = "Skipped"
    """There is nothing to write; a finding gives the reason."""


class VerificationState(StrEnum):
    """Whether running pods have passed a planned probe."""

    VERIFIED = "Verified"
    """Running pods passed the probe."""
    REFUTED = "Refuted"
    """Running pods failed the probe; it is not written."""
    UNVERIFIED = "Unverified"
    """Not tried on the pods of this template: no pod could be asked, or the probe was there before."""
    AWAITING_PODS = "AwaitingPods"
    """The probe was derived, and is not written before running pods have passed it."""


WORST = (
    VerificationState.REFUTED,
    VerificationState.AWAITING_PODS,
    VerificationState.UNVERIFIED,
    VerificationState.VERIFIED,
)
"""The verification states, the worst first."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of every part of a HealthPlan: immutable, camelCase on the wire."""


class WorkloadReference(_Part, frozen=True, kw_only=True):
    """The workload that a plan is for."""

    api_version: str
    kind: str
    name: str


class HealthPlanSpec(_Part, frozen=True, kw_only=True):
    """The spec of a HealthPlan: its workload."""

    workload: WorkloadReference


class Value(_Part, frozen=True):
    """One effective value of a probe, and the layer or evidence that it came from."""

    field: str
    value: str
    source: str


class ProbeRecord(_Part, frozen=True, kw_only=True):
    """The decision about one probe of one container."""

    type: str
    """`liveness`, `readiness` or `startup`."""
    action: str
    """`Apply`, `Keep`, `Contested` or `None`: the goal, which doesn't change once it is reached."""
    reason: str
    """The reason as a sentence."""
    verification: VerificationState | None = None
    """Its verification state; None if no rule wants a probe here."""
    probe: dict[str, Any] | None = None
    """The planned probe as Kubernetes spells it."""
    pending: bool = False
    """Not on the workload yet: the rule has passes (`rollout.stages`), and it waits for its own."""
    values: tuple[Value, ...] = ()


class ContainerRecord(_Part, frozen=True, kw_only=True):
    """The decisions about one container."""

    name: str
    preset: str = ""
    preset_source: str = ""
    reason: str = ""
    """Why it gets no probes, in one word; empty if it may get them."""
    message: str = ""
    """The same as a sentence."""
    probes: tuple[ProbeRecord, ...] = ()


class DependencyRecord(_Part, frozen=True, kw_only=True):
    """One Service that the workload needs."""

    name: str
    namespace: str
    url: str
    required: bool
    confidence: float
    evidence: tuple[str, ...] = ()


class FindingRecord(_Part, frozen=True, kw_only=True):
    """One finding, without the fields that only the command line shows."""

    id: str
    severity: str
    message: str
    fix: str = ""
    container: str = ""


class OriginalRecord(_Part, frozen=True, kw_only=True):
    """A replaced probe of another owner, kept so that it can be restored."""

    container: str
    type: str
    original: dict[str, Any]
    """The replaced probe."""
    written: tuple[dict[str, Any], ...] = ()
    """The probes that we put in its place: the latest last, and the one before it until the latest has arrived."""
    replaced: bool = False
    """Whether our probe was seen in its place: until then, an original that is there was not taken back."""
    contested: bool = False
    """Whether its owner wrote it again: then it is not replaced again."""


class WithheldRecord(_Part, frozen=True, kw_only=True):
    """A probe of ours that is not written, and why: the operator's memory."""

    container: str
    type: str
    reason: str
    """`RolledBack`, `Refuted` or `Contested`."""
    evidence: str
    """What was seen, as a sentence."""
    probe: dict[str, Any]
    """The probe that is not written."""
    exact: bool = False
    """Whether its numbers did the harm: the same handler with others may be written."""
    template: str = ""
    """The digest of the pod template that it is withheld from; empty: from any."""
    instead: dict[str, Any] | None = None
    """The probe of ours that was there before, and comes back."""


class EarlierRecord(_Part, frozen=True, kw_only=True):
    """A probe of ours that the last write replaced: it comes back if the new one does harm."""

    container: str
    type: str
    probe: dict[str, Any]
    template: str
    """The digest of the pod template that carried it."""


class StartRecord(_Part, frozen=True, kw_only=True):
    """The slowest start of a container that was seen."""

    container: str
    seconds: int


class WindowRecord(_Part, frozen=True, kw_only=True):
    """A time in which changes may begin, as the rule has it."""

    schedule: str
    duration: str
    time_zone: str = ""


class RolloutRecord(_Part, frozen=True, kw_only=True):
    """The settings by which a workload is put back when the rule is gone."""

    rule: str
    """The rule in mode Enforce whose rollout the workload is part of."""
    max_concurrent: str = ""
    """Empty: the default."""
    max_per_namespace: int = 0
    """0: no limit."""
    soak_seconds: int = 60
    windows: tuple[WindowRecord, ...] = ()


class EndpointRecord(_Part, frozen=True, kw_only=True):
    """One endpoint that the library's index names."""

    type: str
    """`liveness`, `readiness` or `startup`."""
    path: str


class ServedRecord(_Part, frozen=True, kw_only=True):
    """An open port, or an endpoint, that a survey of a container found."""

    port: int
    speaks: str
    """`http`, `https`, `grpc` or `tcp`."""
    path: str = ""
    """The endpoint's path; empty for the port itself."""
    proxied: bool = False
    """Whether a proxy or another container gave the answer."""


class ProofRecord(_Part, frozen=True, kw_only=True):
    """The pods' answer to one question, kept so that a restarted operator need not ask again."""

    id: str
    """Names the question: the same for the same container, settings and handler."""
    asked: str
    """The question in short: `GET http :8080/readyz`."""
    verdict: str
    """`Verified`, `Refuted` or `Unreachable`."""
    answer: str = ""
    """The pods' answer, in short."""
    slowest_milliseconds: int = 0
    endpoints: tuple[EndpointRecord, ...] = ()
    served: tuple[ServedRecord, ...] = ()


class Summary(_Part, frozen=True, kw_only=True):
    """The workload and its probes in one line each, for the columns of `kubectl get`."""

    workload: str = ""
    """`Deployment/users-api`."""
    liveness: str = ""
    readiness: str = ""
    startup: str = ""
    probes: str = ""
    """The probes that are planned or kept: `L R S`."""
    verified: str = ""
    """The worst verification state of the planned probes; empty if none is planned."""


class PreviewRecord(_Part, frozen=True, kw_only=True):
    """What would be written if the rules in mode Audit were enforced too."""

    message: str = ""
    summary: Summary = Summary()
    containers: tuple[ContainerRecord, ...] = ()


class HealthPlanStatus(_Part, frozen=True, kw_only=True):
    """The status of a HealthPlan: the decisions and what they rest on."""

    state: State
    message: str = ""
    mode: str = ""
    rules: tuple[str, ...] = ()
    summary: Summary = Summary()
    containers: tuple[ContainerRecord, ...] = ()
    dependencies: tuple[DependencyRecord, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    withheld: tuple[WithheldRecord, ...] = ()
    earlier: tuple[EarlierRecord, ...] = ()
    """The probes of ours that the last write replaced."""
    removed_at: str = ""
    """When another manager took a probe of ours out that was written again since: within an hour, once more wins."""
    retried: str = ""
    """The value of the annotation `apphealth.dev/retry` that has had its effect."""
    failing: str = ""
    """An example of a pod that fails a probe of ours, as a sentence; empty if none is known."""
    starts: tuple[StartRecord, ...] = ()
    """Containers that took long to start: a derived startup probe allows three times as much."""
    rollout: tuple[RolloutRecord, ...] = ()
    """The rules whose probes the workload carries or waits for, with what they said of their rollout."""
    proofs: tuple[ProofRecord, ...] = ()
    preview: PreviewRecord | None = None
    """What the rules in mode Audit would add; None unless rules in both modes select the workload."""


class HealthPlan(_Part, frozen=True, kw_only=True):
    """A HealthPlan without its metadata."""

    spec: HealthPlanSpec
    status: HealthPlanStatus


def parse_plan(obj: object) -> HealthPlan | None:
    """Read a raw HealthPlan, or return None if this operator can't have written it.

    Unknown fields are ignored. If this returns None, `parse_originals` still finds the probes to restore.
    """
    return _converted(obj, HealthPlan)


def parse_originals(obj: object) -> tuple[OriginalRecord, ...]:
    """Read the probes to restore from a raw HealthPlan, valid or not; entries that can't be read are left out."""
    status = obj.get("status") if isinstance(obj, Mapping) else None
    entries = status.get("originals") if isinstance(status, Mapping) else None
    if not isinstance(entries, list | tuple):
        return ()
    found = (_converted(entry, OriginalRecord) for entry in entries)
    return tuple(record for record in found if record is not None)


T = TypeVar("T", bound=_Part)


def _converted(value: object, wanted: type[T]) -> T | None:
    try:
        return msgspec.convert(value, wanted)
    except (msgspec.ValidationError, RecursionError):
        return None
