"""How a plan stands to the proof on running pods, for those who carry it out and tell of it. Pure."""

from __future__ import annotations

from apphealth.api.healthplan import FindingRecord, Standing
from apphealth.plan import Plan
from apphealth.plan.findings import Finding, Severity

MAX_NAMED = 3
"""Questions that one finding names."""
WORST = (Standing.REFUTED, Standing.AWAITING_PODS, Standing.UNVERIFIED, Standing.VERIFIED)
"""From what has to be seen to first."""
_TELLING = {
    Standing.REFUTED: ("probe-refuted",),
    Standing.AWAITING_PODS: ("pods-unreachable", "awaiting-pods"),
    Standing.UNVERIFIED: ("pods-unreachable", "probe-unverified"),
}
"""The findings that tell why."""


def worst_standing(decided: Plan) -> Standing | None:
    """Return how the probe stands that stands worst; None where nothing of ours is wanted."""
    found = {probe.standing for container in decided.containers for probe in container.probes}
    return next((standing for standing in WORST if standing in found), None)


def unsatisfied(decided: Plan) -> bool:
    """Whether a plan would be another one if pods answered otherwise than they did, or at all."""
    return worst_standing(decided) in (Standing.REFUTED, Standing.AWAITING_PODS)


def told_by_pods(decided: Plan) -> str:
    """Say why the probe that stands worst does so."""
    worst = worst_standing(decided)
    if decided.questions and worst is Standing.AWAITING_PODS:
        return still_starting(decided).message
    wanted = _TELLING.get(worst or Standing.VERIFIED, ())
    return next((finding.message for finding in decided.findings if finding.id in wanted), "")


def refuted_finding(decided: Plan) -> Finding | None:
    """Return what running pods refuted of what users said or evidence suggests, if anything."""
    found = (finding for finding in decided.findings if finding.id == "probe-refuted")
    return next((finding for finding in found if finding.severity is not Severity.INFO), None)


def still_starting(decided: Plan) -> FindingRecord:
    """Say that a plan waits for pods that don't answer yet."""
    asked = "; ".join(list(dict.fromkeys(map(str, decided.questions)))[:MAX_NAMED])
    return FindingRecord(
        id="awaiting-pods",
        severity="info",
        message=f"has to be shown on a running pod first, and those there are still starting: {asked}",
        fix="wait, or name its preset or the paths in a rule to have them written without proof",
    )
