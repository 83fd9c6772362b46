"""What is told of a workload, as values: `-o json` and `-o yaml` write them out, and text is made of them."""

from __future__ import annotations

from typing import Any

import msgspec

from apphealth.api.healthplan import DependencyRecord, FindingRecord, OriginalRecord, PreviewRecord, ProofRecord, Value


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The base of every part: immutable, camelCase on the wire, empty parts left out."""


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
    """A preset that there were signs of, or that was looked for, and that was not taken."""

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
    """`Verified`, `Refuted`, `Unverified` or `AwaitingPods`; empty where nothing of ours is wanted."""
    answer: str = ""
    """What the pods answered."""
    values: tuple[Value, ...] = ()
    """Every field of the probe that the container is to carry, with where it came from."""
    wanted: dict[str, Any] | None = None
    """The planned probe, also where somebody else's stays."""
    live: dict[str, Any] | None = None
    """The probe that is there now."""
    owner: str = ""
    """Who owns the one that is there: `apphealth`, or the names in managedFields."""


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
    """What the next reconcile would do to the workload."""

    writes: bool
    """Whether it would write at all."""
    why: str
    """One sentence."""
    asks: tuple[str, ...] = ()
    """What the pods would be asked first."""
    diff: str = ""
    """The pod's spec before and after, as far as it changes; in mode Audit, what Enforce would make of it."""


class Explanation(_Part, frozen=True, kw_only=True):
    """All that is told of one workload."""

    workload: Reference
    selected: bool
    state: str = ""
    message: str = ""
    mode: str = ""
    rules: tuple[str, ...] = ()
    """Those that select it, the weakest first."""
    passed_over: tuple[NotSelecting, ...] = ()
    """Those that might and don't."""
    conflicts: tuple[Conflicting, ...] = ()
    containers: tuple[ExplainedContainer, ...] = ()
    dependencies: tuple[DependencyRecord, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    proofs: tuple[ProofRecord, ...] = ()
    """What running pods have answered, and counted here."""
    preview: PreviewRecord | None = None
    """What would be written if the rules in mode Audit were enforced beside those that are."""
    originals: tuple[OriginalRecord, ...] = ()
    """What is put back when no rule wants another probe."""
    next: Change
