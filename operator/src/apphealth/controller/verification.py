"""The verification state of a plan's probes: what pods have answered, and what is still to be asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from apphealth.api.healthplan import WORST, VerificationState
from apphealth.plan import Plan
from apphealth.plan.findings import PODS_STARTING, Finding, Severity
from apphealth.plan.result import ContainerPlan

MAX_NAMED = 3
"""Questions that one finding names."""


def verification_states(plan: Plan) -> tuple[VerificationState, ...]:
    """Return the verification state of each planned probe, sorted."""
    return _interned(
        tuple(
            sorted(
                probe.verification
                for container in plan.containers
                for probe in container.probes
                if probe.verification is not None
            )
        )
    )


@lru_cache(maxsize=1024)
def _interned(states: tuple[VerificationState, ...]) -> tuple[VerificationState, ...]:
    """Return one shared object for equal states: thousands of workloads have the same few."""
    return states


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
        return pods_starting(plan).message
    return next((finding.message for finding in plan.findings if worst in finding.explains), "")


def refuted_finding(plan: Plan) -> Finding | None:
    """Return the finding about a probe that pods refuted and a user or evidence asks for, or None."""
    found = (finding for finding in plan.findings if VerificationState.REFUTED in finding.explains)
    return next((finding for finding in found if finding.severity is not Severity.INFO), None)


def pods_starting(plan: Plan) -> Finding:
    """Return the finding that a plan waits for pods that are still starting."""
    asked = "; ".join(list(dict.fromkeys(map(str, plan.questions)))[:MAX_NAMED])
    return PODS_STARTING(questions=asked)
