"""Modes: the Enforce rules make the plan that is written; the Audit rules only add to a preview.

Argo Rollouts: in a cluster planned and shown, never written; in files, which are their owner's own, written. Why:
docs/decisions, "Argo Rollouts are shown, not written".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apphealth.api.rule import Rule
from apphealth.api.spec import Mode, WorkloadKind
from apphealth.model.workload import Workload
from apphealth.plan.findings import Finding, Severity


def enforced_among(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules whose plan is written: those in mode Enforce; none for an Argo Rollout in a cluster.

    Parameters
    ----------
    rules
        Those that select the workload.
    workload
        The workload.
    files
        It is a manifest.
    """
    return tuple(rule for rule in rules if rule.spec.mode is Mode.ENFORCE) if _writable(workload, files) else ()


def effective(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules whose plan is the workload's: the enforced ones, or where there are none the audited ones.

    Parameters
    ----------
    rules, workload, files
        As for `enforced_among`.
    """
    return enforced_among(rules, workload, files=files) or tuple(rules)


def _writable(workload: Workload, files: bool) -> bool:
    return files or workload.kind != WorkloadKind.ROLLOUT


def not_written(workload: Workload, *, files: bool) -> Iterator[Finding]:
    """Tell that a workload is never written to, if it isn't."""
    if _writable(workload, files):
        return
    if not workload.containers:
        message = "its pods come from another workload (workloadRef), which gets the probes"
        fix = "have a rule select the workload that spec.workloadRef names"
    else:
        message = "an Argo Rollout is not written to: each apply of its owner would take the probes out again"
        fix = f"apphealth render writes them into its manifest; apphealth explain rollout/{workload.name} shows them"
    yield Finding(id="rollout-not-written", severity=Severity.INFO, message=message, fix=fix)
