"""Modes: the Enforce rules make the plan that is written; the Audit rules only add to a preview.

Argo Rollouts are planned and shown in a cluster and never written there; in files, which are their owner's, they are
written. Why: docs/decisions, "Argo Rollouts are shown, not written".
"""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.api.rule import Rule
from apphealth.api.spec import Mode, WorkloadKind
from apphealth.model.workload import Workload
from apphealth.plan.findings import CONTROLLED, ROLLOUT_NOT_WRITTEN, ROLLOUT_REFERS, Finding


def enforced_among(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules whose plan is written: those in mode Enforce.

    None for an Argo Rollout in a cluster, nor for a workload that another object controls, unless one of the rules
    names it by `targetRef`: its controller would take the probes out again.

    Parameters
    ----------
    rules
        The rules that select the workload.
    workload
        The workload.
    files
        Whether it is a manifest.
    """
    enforced = _in_enforce(rules)
    return enforced if _writable(workload, files) and not _left_to_controller(workload, enforced) else ()


def effective(rules: Sequence[Rule], workload: Workload, *, files: bool) -> tuple[Rule, ...]:
    """Return the rules that make the workload's plan: those in mode Enforce, or if there are none those in mode Audit.

    Parameters
    ----------
    rules, workload, files
        As for `enforced_among`.
    """
    return enforced_among(rules, workload, files=files) or tuple(rules)


def _in_enforce(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.spec.mode is Mode.ENFORCE)


def _writable(workload: Workload, files: bool) -> bool:
    return files or workload.kind != WorkloadKind.ROLLOUT


def _left_to_controller(workload: Workload, enforced: Sequence[Rule]) -> bool:
    return bool(workload.controller) and all(rule.spec.target_ref is None for rule in enforced)


def left_to_controller(rules: Sequence[Rule], workload: Workload) -> Finding | None:
    """Return the finding about a workload that is left to the object that controls it, or None if it isn't.

    Parameters
    ----------
    rules
        The rules that select the workload.
    workload
        The workload.
    """
    enforced = _in_enforce(rules)
    if not enforced or not _left_to_controller(workload, enforced):
        return None
    return CONTROLLED(controller=workload.controller, kind=workload.kind, name=workload.name)


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
