"""Comments above the unproven probes that `--unproven` writes: they come from evidence alone, not from a proof."""

from __future__ import annotations

from typing import Any

from apphealth.cli.patching.merge import replaced_at
from apphealth.cli.yamledit.commented import Commented
from apphealth.cli.yamledit.plain import Plain
from apphealth.lint.subject import pod_of
from apphealth.model import raw
from apphealth.plan.result import Action, ContainerPlan, Plan

_LISTS = ("containers", "initContainers")
_POD = ("spec", "template", "spec")


def mark_unproven(value: Plain, plan: Plan) -> Plain:
    """Add a comment to each unproven probe.

    Parameters
    ----------
    value
        A workload, or a patch of one.
    plan
        The plan of the workload.

    Returns
    -------
    Plain
        The workload or patch, with a comment above each probe that the plan marks as unproven.
    """
    marked = {container.name: container for container in plan.containers if _fields(container)}
    if not marked:
        return value
    pod = pod_of(value) if isinstance(value, dict) else {}
    for field in _LISTS:
        for index, item in enumerate(raw.items(pod.get(field))):
            if (container := marked.get(raw.text(item.get("name")))) is not None:
                value = replaced_at(value, (*_POD, field, index), _with_comments(dict(item), container))
    return value


def _with_comments(item: dict[str, Any], container: ContainerPlan) -> dict[str, Any]:
    comment = f"unproven: preset {container.preset}, by {container.preset_source}; not tried on a running pod"
    for field in _fields(container):
        if isinstance(item.get(field), dict):
            item[field] = Commented(item[field], comment)
    return item


def _fields(container: ContainerPlan) -> list[str]:
    return [probe.kind.field for probe in container.probes if probe.unproven and probe.action is Action.APPLY]
