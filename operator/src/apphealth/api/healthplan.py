"""HealthPlan: what was decided for one workload, why, and what was written.

The operator writes it and nobody else; people read it (`kubectl get healthplans -A`). It holds no clock and no
counter, so that it changes only when a decision does.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec


class State(StrEnum):
    """Where a plan stands. `Skipped` is ours beyond the design: a workload for which there is nothing to write."""

    PREVIEW = "Preview"
    """Decided and not written: the rule is in mode Audit."""
    AWAITING_PODS = "AwaitingPods"
    """Derived probes wait for a running pod to prove themselves on."""
    REFUTED = "Refuted"
    """The running pods answered otherwise than the probe wants; nothing was written."""
    APPLIED = "Applied"
    """The workload carries the planned probes."""
    KEPT = "Kept"
    """Somebody else owns every planned probe; they were left alone."""
    CONTESTED = "Contested"
    """A probe that was replaced has been taken back by its owner, who keeps it."""
    REJECTED = "Rejected"
    """The API server refused the patch; a finding has its words."""
    ROLLED_BACK = "RolledBack"
    """Written, harmful, and taken back."""
    SKIPPED = "Skipped"
    """There is nothing to write; a finding says why."""


class VerificationState(StrEnum):
    """Whether running pods have shown a planned probe."""

    VERIFIED = "Verified"
    """Running pods answered as the probe wants."""
    REFUTED = "Refuted"
    """Running pods answered otherwise; the probe is not written."""
    UNVERIFIED = "Unverified"
    """Not tried on the pods of this template: no pod could be asked, or the probe was there before."""
    AWAITING_PODS = "AwaitingPods"
    """The probe was derived, and is not written before a running pod has shown it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of every part of a HealthPlan: immutable, camelCase on the wire."""


class WorkloadReference(_Part, frozen=True, kw_only=True):
    """The workload that a plan is for."""

    api_version: str
    kind: str
    name: str


class HealthPlanSpec(_Part, frozen=True, kw_only=True):
    """What the plan is for."""

    workload: WorkloadReference


class Value(_Part, frozen=True, kw_only=True):
    """One effective value of a probe, and the layer or evidence that it came from."""

    field: str
    value: str
    source: str


class ProbeRecord(_Part, frozen=True, kw_only=True):
    """The decision about one probe of one container."""

    type: str
    """`liveness`, `readiness` or `startup`."""
    action: str
    """`Apply`, `Keep`, `Contested` or `None`: the goal, which is stable once it is reached."""
    reason: str
    """One sentence for people."""
    verification: VerificationState | None = None
    """How it stands to the proof on running pods; None where nothing of ours is wanted."""
    probe: dict[str, Any] | None = None
    """The planned probe as Kubernetes spells it."""
    values: tuple[Value, ...] = ()


class ContainerRecord(_Part, frozen=True, kw_only=True):
    """The decisions about one container."""

    name: str
    preset: str = ""
    preset_source: str = ""
    reason: str = ""
    """Why it gets no probes, in one word; empty where it may get them."""
    message: str = ""
    """The same for people."""
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
    """One thing that a person should know."""

    id: str
    severity: str
    message: str
    fix: str = ""
    container: str = ""


class OriginalRecord(_Part, frozen=True, kw_only=True):
    """A probe of somebody else's that was replaced, kept so that it can be put back."""

    container: str
    type: str
    original: dict[str, Any]
    """What stood there."""
    written: tuple[dict[str, Any], ...] = ()
    """What we put in its place: the latest last, and the one before it while the latest may still be on its way."""
    generation: int = 0
    """The workload's generation that we replaced it at."""
    contested: bool = False
    """Its owner took it back: it is not replaced again."""


class EndpointRecord(_Part, frozen=True, kw_only=True):
    """One endpoint that an index named."""

    type: str
    """`liveness`, `readiness` or `startup`."""
    path: str


class ProofRecord(_Part, frozen=True, kw_only=True):
    """What running pods answered to one question, kept so that a restarted operator need not ask again."""

    id: str
    """Names the question: the same for the same container, settings and handler."""
    asked: str
    """The question in short: `GET http :8080/readyz`."""
    verdict: str
    """`Verified`, `Refuted` or `Unreachable`."""
    answer: str = ""
    """What came back."""
    slowest_milliseconds: int = 0
    endpoints: tuple[EndpointRecord, ...] = ()


class Summary(_Part, frozen=True, kw_only=True):
    """The workload and its probes in one line each, for the columns of `kubectl get`."""

    workload: str = ""
    """`Deployment/users-api`."""
    liveness: str = ""
    readiness: str = ""
    startup: str = ""


class PreviewRecord(_Part, frozen=True, kw_only=True):
    """What would be written if the rules in mode Audit were enforced beside those that are."""

    message: str = ""
    summary: Summary = Summary()
    containers: tuple[ContainerRecord, ...] = ()


class HealthPlanStatus(_Part, frozen=True, kw_only=True):
    """The decision and its record."""

    state: State
    message: str = ""
    mode: str = ""
    rules: tuple[str, ...] = ()
    summary: Summary = Summary()
    containers: tuple[ContainerRecord, ...] = ()
    dependencies: tuple[DependencyRecord, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    originals: tuple[OriginalRecord, ...] = ()
    proofs: tuple[ProofRecord, ...] = ()
    preview: PreviewRecord | None = None
    """Where rules in mode Enforce and in mode Audit select the workload: what the latter would add."""


class HealthPlan(_Part, frozen=True, kw_only=True):
    """A HealthPlan without its metadata."""

    spec: HealthPlanSpec
    status: HealthPlanStatus


def parse_plan(obj: object) -> HealthPlan | None:
    """Read a raw HealthPlan; None when it isn't one that we could have written.

    Fields that this version doesn't know are passed over. Where this gives None, `parse_originals` still finds what
    must not be lost.
    """
    return _converted(obj, HealthPlan)


def parse_originals(obj: object) -> tuple[OriginalRecord, ...]:
    """Read the probes to be put back from a raw HealthPlan, damaged or not; entries that can't be read are left out."""
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
