"""The verification state of a plan's probes: what pods have answered, and what is still to be asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.api.healthplan import FindingRecord, VerificationState
from apphealth.plan import Plan
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.result import ContainerPlan

MAX_NAMED = 3
"""Questions that one finding names."""
WORST = (
    VerificationState.REFUTED,
    VerificationState.AWAITING_PODS,
    VerificationState.UNVERIFIED,
    VerificationState.VERIFIED,
)
"""The verification states, the worst first."""
_REASONS = {
    VerificationState.REFUTED: ("probe-refuted",),
    VerificationState.AWAITING_PODS: ("pods-unreachable", "awaiting-pods"),
    VerificationState.UNVERIFIED: ("pods-unreachable", "probe-unverified"),
}
"""The findings that give the reason of a verification state."""


def worst_verification(plan: Plan) -> VerificationState | None:
    """Return the worst verification state of the planned probes, or None if none is planned."""
    return _worst(plan.containers)


def _worst(containers: Sequence[ContainerPlan]) -> VerificationState | None:
    found = {probe.verification for container in containers for probe in container.probes}
    return next((state for state in WORST if state in found), None)


def depends_on_pods(plan: Plan) -> bool:
    """Return whether other answers of the pods, or first answers, would change the plan or its preview."""
    parts = (plan.containers, plan.preview.containers if plan.preview is not None else ())
    return any(
        _worst(containers) in (VerificationState.REFUTED, VerificationState.AWAITING_PODS) for containers in parts
    )


def verification_reason(plan: Plan) -> str:
    """Return the reason of the worst verification state, as a sentence; empty if there is none."""
    worst = worst_verification(plan)
    if plan.questions and worst is VerificationState.AWAITING_PODS:
        return awaiting_pods(plan).message
    ids = _REASONS.get(worst or VerificationState.VERIFIED, ())
    return next((finding.message for finding in plan.findings if finding.id in ids), "")


def refuted_finding(plan: Plan) -> Finding | None:
    """Return the finding about a probe that pods refuted and a user or evidence asks for, or None."""
    found = (finding for finding in plan.findings if finding.id == "probe-refuted")
    return next((finding for finding in found if finding.severity is not Severity.INFO), None)


def awaiting_pods(plan: Plan) -> FindingRecord:
    """Return the finding that a plan waits for pods that are still starting."""
    asked = "; ".join(list(dict.fromkeys(map(str, plan.questions)))[:MAX_NAMED])
    return FindingRecord(
        id="awaiting-pods",
        severity="info",
        message=f"has to be shown on a running pod first, and those there are still starting: {asked}",
        fix="wait, or name its preset or the paths in a rule to have them written without proof",
    )
