"""`--fix`: missing probes are written as `render` writes them, unless an annotation ignores the finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from apphealth.cli.lint.options import Options
from apphealth.cli.manifests.planning import PlannedWorkload, plan_workloads, prepare_for_planning
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.reading import read_manifests, skip_reason, take_inventory
from apphealth.cli.patching.files import PatchedFile, patch_files
from apphealth.lint.suppression import read_ignored, suppressed
from apphealth.model import raw
from apphealth.plan import Options as Planning
from apphealth.plan.findings import LIVENESS_MISSING, READINESS_MISSING, STARTUP_DELAY, STARTUP_MISSING
from apphealth.plan.result import Patch
from apphealth.store.world import World

_FIELDS = {
    READINESS_MISSING: ("readinessProbe",),
    # Without a liveness probe there is nothing for a startup probe to delay.
    LIVENESS_MISSING: ("livenessProbe", "startupProbe"),
    STARTUP_MISSING: ("startupProbe",),
    STARTUP_DELAY: ("startupProbe",),
}
"""The probes that are not written if an annotation ignores a finding of this kind."""


def fix_files(options: Options) -> tuple[list[PatchedFile], list[Problem]]:
    """Write the missing probes into the texts of the files.

    Returns
    -------
    tuple
        The changed files and the problems of files that can't be edited. If the input has problems, no file.
    """
    manifests, problems = read_manifests(options.paths)
    world = World(Planning(files=True, unproven=options.unproven))
    inventory = take_inventory(manifests, options.rules, namespace=options.namespace, world=world)
    wrong = [problem for problem in problems if not skip_reason(problem, options.paths)]
    if found := [*wrong, *inventory.problems]:
        return [], found
    prepare_for_planning(inventory)
    planned = [_without_ignored(item) for item in plan_workloads(inventory)]
    patching = patch_files(manifests, planned, inventory)
    return [file for file in patching.files if file.changed], patching.problems


def _without_ignored(item: PlannedWorkload) -> PlannedWorkload:
    """Return the plan without the probes whose findings are ignored by an annotation."""
    value = item.placed.item.value
    template = raw.mapping(raw.mapping(value.get("spec")).get("template"))
    ignored = read_ignored(item.placed.item.metadata.get("annotations"), _annotations(template))
    fields = {field for kind, fields in _FIELDS.items() if suppressed(kind(), ignored) for field in fields}
    if not fields:
        return item
    patches = tuple(Patch(patch.manager, _pruned(patch.body, fields)) for patch in item.plan.patches)
    return replace(item, plan=replace(item.plan, patches=patches))


def _annotations(template: Mapping[str, Any]) -> object:
    """Return the annotations of a pod template."""
    return raw.mapping(template.get("metadata")).get("annotations")


def _pruned(body: Mapping[str, Any], fields: set[str]) -> dict[str, Any]:
    """Return a patch without these fields of its containers."""
    result: dict[str, Any] = {}
    for key, value in body.items():
        if key in ("containers", "initContainers"):
            result[key] = [{name: item for name, item in one.items() if name not in fields} for one in value]
        else:
            result[key] = _pruned(value, fields) if isinstance(value, dict) else value
    return result


def names(files: Sequence[PatchedFile]) -> list[str]:
    """Return the names of files as messages show them."""
    return [file.source.name for file in files]
