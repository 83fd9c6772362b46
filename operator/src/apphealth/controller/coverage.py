"""What a workload has once its plan is carried out, for the counts of a rule's status. Pure."""

from __future__ import annotations

from apphealth.api.healthplan import VerificationState
from apphealth.api.spec import Mode
from apphealth.model.probe import Probe
from apphealth.model.workload import Workload
from apphealth.plan import Plan
from apphealth.plan.result import Action, ContainerPlan
from apphealth.store.outcomes import Coverage

_HAS_PROBE = frozenset({Action.APPLY, Action.KEEP, Action.CONTESTED})


def coverage_of(workload: Workload, decided: Plan) -> Coverage:
    """Return whether a workload has any probe once its plan is carried out, rules in mode Audit included.

    Parameters
    ----------
    workload
        The workload as it was planned.
    decided
        Its plan.
    """
    shown = _shown(decided)
    theirs = any(not live.owner.ours for container in workload.containers for live in container.probes.values())
    probes = [probe for container in shown for probe in container.probes]
    waits = any(_waits(probe.verification) for probe in probes)
    if theirs or any(probe.action in _HAS_PROBE for probe in probes if not _waits(probe.verification)):
        return Coverage.COVERED
    return Coverage.UNKNOWN if waits or decided.questions else Coverage.WITHOUT_PROBES


def would_restart(workload: Workload, decided: Plan) -> bool:
    """Return whether the workload's pods would restart if its rules in mode Audit were enforced.

    Parameters
    ----------
    workload
        The workload as it was planned.
    decided
        Its plan.
    """
    if decided.mode is not Mode.AUDIT and decided.preview is None:
        return False
    live = {
        (container.name, kind): one.probe for container in workload.containers for kind, one in container.probes.items()
    }
    return any(
        probe.action is Action.APPLY and _differs(live.get((container.name, probe.kind)), probe.probe)
        for container in _shown(decided)
        for probe in container.probes
        if not _waits(probe.verification)
    )


def _shown(decided: Plan) -> tuple[ContainerPlan, ...]:
    return decided.preview.containers if decided.preview is not None else decided.containers


def _waits(verification: VerificationState | None) -> bool:
    return verification is VerificationState.AWAITING_PODS


def _differs(live: Probe | None, planned: Probe | None) -> bool:
    return planned is not None and live != planned
