"""The explanation of a workload as values, from which text, JSON and YAML are written."""

from __future__ import annotations

from typing import Any

import msgspec

from apphealth.api.healthplan import DependencyRecord, FindingRecord, OriginalRecord, PreviewRecord, ProofRecord, Value


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of every part: immutable, camelCase in the output, empty parts left out."""


class Reference(_Part, frozen=True, kw_only=True):
    """The workload."""

    api_version: str
    kind: str
    namespace: str
    name: str


class NotSelecting(_Part, frozen=True, kw_only=True):
    """A rule that does not select the workload."""

    rule: str
    why: str


class Conflicting(_Part, frozen=True, kw_only=True):
    """A field that two rules of one rank set differently."""

    field: str
    loser: str
    winner: str


class Rejected(_Part, frozen=True, kw_only=True):
    """A preset that evidence suggested, or that was tried, and that was not chosen."""

    preset: str
    evidence: str
    why: str


class ExplainedProbe(_Part, frozen=True, kw_only=True):
    """One probe of one container."""

    type: str
    """`liveness`, `readiness` or `startup`."""
    action: str
    """`Apply`, `Keep`, `Contested` or `None`, as in a HealthPlan."""
    reason: str
    verification: str = ""
    """`Verified`, `Refuted`, `Unverified` or `AwaitingPods`; empty if no probe is planned."""
    answer: str = ""
    """The answer of the pods."""
    values: tuple[Value, ...] = ()
    """Every field of the desired probe, with its source."""
    wanted: dict[str, Any] | None = None
    """The planned probe, also if the existing one of another owner stays."""
    live: dict[str, Any] | None = None
    """The probe in the workload now."""
    owner: str = ""
    """The owner of the live probe: `apphealth`, or the field managers in managedFields."""


class ExplainedContainer(_Part, frozen=True, kw_only=True):
    """One container."""

    name: str
    preset: str = ""
    preset_source: str = ""
    reason: str = ""
    message: str = ""
    considered: tuple[Rejected, ...] = ()
    probes: tuple[ExplainedProbe, ...] = ()


class Change(_Part, frozen=True, kw_only=True):
    """The change that the next reconcile would make to the workload."""

    writes: bool
    """Whether the operator would write to the workload."""
    why: str
    """The reason, as one sentence."""
    restarts: int = 0
    """The pods that restart with the change."""
    effects: tuple[str, ...] = ()
    """What else it does to pods and Services, as sentences."""
    asks: tuple[str, ...] = ()
    """The questions that the pods would be asked first."""
    diff: str = ""
    """The changed lines of the pod spec; in mode Audit, the change that mode Enforce would make."""


class Explanation(_Part, frozen=True, kw_only=True):
    """The explanation of one workload."""

    workload: Reference
    selected: bool
    state: str = ""
    message: str = ""
    mode: str = ""
    rules: tuple[str, ...] = ()
    """The rules that select the workload, the one with the lowest rank first."""
    passed_over: tuple[NotSelecting, ...] = ()
    """The rules of the namespace and the cluster that don't select the workload."""
    conflicts: tuple[Conflicting, ...] = ()
    containers: tuple[ExplainedContainer, ...] = ()
    dependencies: tuple[DependencyRecord, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    proofs: tuple[ProofRecord, ...] = ()
    """The answers of running pods that the plan uses."""
    preview: PreviewRecord | None = None
    """The probes that would be written if the rules in mode Audit were enforced, too."""
    originals: tuple[OriginalRecord, ...] = ()
    """The replaced probes, which are restored when no rule replaces them any more."""
    next: Change
