"""Argo Rollouts: in a cluster planned and shown, never written; in files, which are their owner's own, written.

Why: docs/decisions, "Argo Rollouts are shown, not written".
"""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.api.spec import Mode, WorkloadKind
from apphealth.model.workload import Workload
from apphealth.plan.findings import Finding, Severity


def mode_for(workload: Workload, said: Mode | None, *, files: bool) -> Mode | None:
    """Return the mode in which a workload is looked after, given what its rules say."""
    return Mode.AUDIT if said is not None and workload.kind == WorkloadKind.ROLLOUT and not files else said


def not_written(workload: Workload, *, files: bool) -> Iterator[Finding]:
    """Tell that a workload is never written to, if it isn't."""
    if workload.kind != WorkloadKind.ROLLOUT or files:
        return
    if not workload.containers:
        message = "its pods come from another workload (workloadRef), which gets the probes"
        fix = "have a rule select the workload that spec.workloadRef names"
    else:
        message = "an Argo Rollout is not written to: each apply of its owner would take the probes out again"
        fix = f"apphealth render writes them into its manifest; apphealth explain rollout/{workload.name} shows them"
    yield Finding(id="rollout-not-written", severity=Severity.INFO, message=message, fix=fix)
