"""Modes: the Enforce rules make the plan that is written; the Audit rules only add to a preview.

Argo Rollouts: in a cluster planned and shown, never written; in files, which are their owner's own, written. Why:
docs/decisions, "Argo Rollouts are shown, not written".
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
