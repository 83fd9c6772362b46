"""`--fix`: the probes that are missing, written as `render` writes them; what is ignored stays missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from apphealth.cli.lint.options import Options
from apphealth.cli.lint.reading import passed_over
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.reading import read_manifests
from apphealth.cli.manifests.stock import take_stock
from apphealth.cli.render.deciding import Decided, decide, look_as_the_operator
from apphealth.cli.render.rendering import Rendered, write_plans
from apphealth.lint.suppression import read_ignored, suppressed
from apphealth.model import raw
from apphealth.plan import Options as Planning
from apphealth.plan.findings import LIVENESS_MISSING, READINESS_MISSING, STARTUP_DELAY, STARTUP_MISSING
from apphealth.plan.result import Patch
from apphealth.store.world import World

_FIELDS = {
    READINESS_MISSING: ("readinessProbe",),
    # Startup is there to hold liveness back.
    LIVENESS_MISSING: ("livenessProbe", "startupProbe"),
    STARTUP_MISSING: ("startupProbe",),
    STARTUP_DELAY: ("startupProbe",),
}
"""The fields that are not written where an annotation ignores a kind of finding."""


def mended(options: Options) -> tuple[list[Rendered], list[Problem]]:
    """Return the files with their probes written in, or why none of them can be written."""
    manifests, problems = read_manifests(options.paths)
    world = World(Planning(files=True, unproven=options.unproven))
    inventory = take_stock(manifests, options.rules, namespace=options.namespace, world=world)
    wrong = [problem for problem in problems if not passed_over(problem, options.paths)]
    if found := [*wrong, *inventory.problems]:
        return [], found
    look_as_the_operator(inventory)
    decided = [_without_unwanted(item) for item in decide(inventory)]
    rendering = write_plans(manifests, decided, inventory)
    return [file for file in rendering.files if file.changed], rendering.problems


def _without_unwanted(item: Decided) -> Decided:
    """Take out of a plan's patches the probes that annotations say are not wanted."""
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


def names(files: Sequence[Rendered]) -> list[str]:
    """Return the names of files, as messages call them."""
    return [file.source.name for file in files]
