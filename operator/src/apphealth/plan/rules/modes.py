"""Modes: the Enforce rules make the plan that is written; the Audit rules only add to a preview.

Argo Rollouts are planned and shown in a cluster and never written there; in files, which are their owner's, they are
written. Why: docs/decisions, "Argo Rollouts are shown, not written".
"""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.api.rule import Rule
from apphealth.api.spec import Mode, WorkloadKind
from apphealth.model.workload import Workload
from apphealth.plan.findings import ROLLOUT_NOT_WRITTEN, ROLLOUT_REFERS, Finding


def enforced_among(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules whose plan is written: those in mode Enforce; none for an Argo Rollout in a cluster.

    Parameters
    ----------
    rules
        The rules that select the workload.
    workload
        The workload.
    files
        Whether it is a manifest.
    """
    return tuple(rule for rule in rules if rule.spec.mode is Mode.ENFORCE) if _writable(workload, files) else ()


def effective(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules that make the workload's plan: those in mode Enforce, or if there are none those in mode Audit.

    Parameters
    ----------
    rules, workload, files
        As for `enforced_among`.
    """
    return enforced_among(rules, workload, files=files) or tuple(rules)


def _writable(workload: Workload, files: bool) -> bool:
    return files or workload.kind != WorkloadKind.ROLLOUT


def not_written(workload: Workload, *, files: bool) -> Finding | None:
    """Return the finding about a workload that is never written to, or None if it is written to.

    Parameters
    ----------
    workload
        The workload.
    files
        Whether it is a manifest.

    Returns
    -------
    Finding or None
        One for an Argo Rollout in a cluster.
    """
    if _writable(workload, files):
        return None
    return ROLLOUT_NOT_WRITTEN(name=workload.name) if workload.containers else ROLLOUT_REFERS()
