"""The change that the next reconcile would make to a workload, as a diff of the pod spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from apphealth.api.spec import Mode
from apphealth.cli.explain.report import Change
from apphealth.cli.patching.merge import merge
from apphealth.cli.restarting import restart_of, sentences
from apphealth.model.parse_workload import DELIVERY_VOLUME
from apphealth.model.probe import serialise_probe
from apphealth.model.workload import Workload
from apphealth.plan.dependencies.delivery import delivery_mount, delivery_volume
from apphealth.plan.findings import Severity
from apphealth.plan.result import Action, Plan
from apphealth.store.world import World

if TYPE_CHECKING:
    from apphealth.kube.disruptions import DisruptionBudget

CONTEXT = 3
"""The number of unchanged lines that are shown around a change."""
Pod = dict[str, Any]


def change_of(workload: Workload, decided: Plan, world: World, budgets: Sequence[DisruptionBudget] = ()) -> Change:
    """Work out what the operator would write now.

    Parameters
    ----------
    workload
        The workload as it is.
    decided
        Its plan.
    world
        The world that it was planned in.
    budgets
        The PodDisruptionBudgets of its namespace.

    Returns
    -------
    Change
        The change as a diff, or the reason why nothing would be written.
    """
    change = _change_of(workload, decided, world)
    if world.options.files or not change.diff:
        return change
    restart = restart_of(workload, world, budgets)
    return msgspec.structs.replace(change, restarts=restart.pods, effects=tuple(sentences(workload, restart)))


def _change_of(workload: Workload, decided: Plan, world: World) -> Change:
    before = _pod(workload)
    asks = tuple(dict.fromkeys(map(str, decided.questions)))
    if decided.patches:
        after = before
        for patch in decided.patches:
            after = _patched(after, patch.body["spec"]["template"]["spec"])
        return Change(writes=not world.options.files, why=_why(decided, world), diff=_diff(before, after))
    if decided.mode is Mode.AUDIT:
        diff = _diff(before, _wanted(before, decided))
        why = "mode Audit: nothing is written" + ("; Enforce would write this" if diff else "")
        return Change(writes=False, why=why, asks=asks, diff=diff)
    if asks:
        return Change(
            writes=False, why="the running pods are asked first; their answers decide what is written", asks=asks
        )
    return Change(writes=False, why=_settled(decided))


def _why(decided: Plan, world: World) -> str:
    if world.options.files:
        return "apphealth render would write this"
    if decided.mode is Mode.AUDIT:
        return "no rule in mode Enforce selects it any more: our probes are removed"
    if not decided.selected:
        return "no rule selects it any more: our probes are removed"
    if decided.after:
        return f"this is written when the pods with {', '.join(decided.after)} have gone well (spec.rollout.stages)"
    return "this is written; another pass follows (spec.rollout.stages)" if decided.unfinished else "this is written"


def _settled(decided: Plan) -> str:
    if not decided.selected:
        return "no rule selects it, and it has no fields of ours"
    waits = any(probe.verification == "AwaitingPods" for container in decided.containers for probe in container.probes)
    if waits:
        return "nothing, until a pod can be asked"
    if any(finding.severity is Severity.ERROR for finding in decided.findings):
        return "nothing, until the errors among the findings are fixed"
    return "nothing: the workload is as planned"


def _pod(workload: Workload) -> Pod:
    """Return the parts of a pod spec that we write: the probes, and our volume with its mounts."""
    pod: Pod = {}
    for container in workload.containers:
        item: Pod = {"name": container.name}
        item |= {kind.field: serialise_probe(live.probe) for kind, live in container.probes.items()}
        if container.mounts_delivery:
            item["volumeMounts"] = [delivery_mount()]
        pod.setdefault(container.role.list_name, []).append(item)
    if workload.delivery_volume:
        pod["volumes"] = [delivery_volume(workload)]
    return pod


def _patched(pod: Pod, patch: Mapping[str, Any]) -> Pod:
    """Apply a strategic-merge patch of ours. The only list items that it deletes are our volume and its mounts."""
    merged = merge(pod, patch)
    for name in ("containers", "initContainers"):
        gone = {item["name"] for item in patch.get(name, ()) if _deletes(item.get("volumeMounts", ()))}
        if gone:
            merged[name] = [_without_mounts(item) if item["name"] in gone else item for item in merged[name]]
    if _deletes(patch.get("volumes", ())):
        merged["volumes"] = [item for item in merged.get("volumes", ()) if item["name"] != DELIVERY_VOLUME]
    return {key: value for key, value in merged.items() if value}


def _deletes(items: Any) -> bool:  # noqa: ANN401 -- a part of a patch
    return any(item.get("$patch") == "delete" for item in items)


def _without_mounts(item: Pod) -> Pod:
    return {key: value for key, value in item.items() if key != "volumeMounts"}


def _wanted(pod: Pod, decided: Plan) -> Pod:
    """Return the pod spec with the probes that mode Enforce would write."""
    probes = {
        container.name: {
            probe.kind.field: serialise_probe(probe.probe)
            for probe in container.probes
            if probe.action is Action.APPLY and probe.probe is not None
        }
        for container in decided.containers
    }
    return {
        name: [item | probes.get(item["name"], {}) for item in items] if name.endswith("ontainers") else items
        for name, items in pod.items()
    }


def _diff(before: Pod, after: Pod) -> str:
    lines = unified_diff(_lines(before), _lines(after), n=CONTEXT, lineterm="")
    return "".join(f"{line}\n" for line in _body(lines))


def _lines(pod: Pod) -> list[str]:
    return yaml.safe_dump(pod, sort_keys=False, allow_unicode=True, width=10_000).splitlines() if pod else []


def _body(lines: Iterator[str]) -> Iterator[str]:
    """Yield a diff without file names, and with dots for the lines that are left out."""
    for number, line in enumerate(lines):
        if number < 2:
            continue
        if not line.startswith("@@"):
            yield line
        elif number > 2:
            yield " ..."
