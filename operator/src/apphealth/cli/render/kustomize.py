"""Plans as a kustomize component: a strategic-merge patch for each workload, and the ConfigMaps.

A component is listed under `components:` of any kustomization. All files of its directory are ours. The input may
already have the patches of an earlier run applied: they are removed from the input before planning, so that the new
patches follow from the current rules alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from apphealth.api.spec import WorkloadKind
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.manifests.documents import Item, parse
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import PlannedWorkload
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.sources import gather
from apphealth.cli.patching.configmaps import config_map
from apphealth.cli.patching.merge import merge, replaced_at, trimmed
from apphealth.cli.patching.unproven import mark_unproven
from apphealth.cli.yamledit import emitter
from apphealth.cli.yamledit.differ import same
from apphealth.cli.yamledit.layout import Layout
from apphealth.lint.subject import pod_of
from apphealth.model import raw
from apphealth.model.parse_workload import parse_workload
from apphealth.model.probe import ProbeKind, parse_probe

KUSTOMIZATION = "kustomization.yaml"
HEADER = "# Written by 'apphealth render --patches'. Name this directory under components: in your kustomization.yaml."
API_VERSION = "kustomize.config.k8s.io/v1alpha1"
_LISTS = ("containers", "initContainers")
_POD = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The files that an earlier run wrote into the directory."""

    files: Mapping[str, str]
    """The texts of all files, by file name, with `kustomization.yaml`."""
    patches: Mapping[tuple[str, str, str], Mapping[str, Any]]
    """The patches, by kind, namespace and name."""


def read_earlier(directory: Path, namespace: str) -> Earlier:
    """Read the files that an earlier run wrote.

    Parameters
    ----------
    directory
        The directory of the component; it need not exist.
    namespace
        The namespace of patches that name none.

    Raises
    ------
    CommandError
        The directory has a kustomization that isn't ours, or files of ours that can't be read.
    """
    kustomization = directory / KUSTOMIZATION
    if not kustomization.exists():
        return Earlier({}, {})
    sources, problems = gather([str(directory)])
    texts = {str(source.relative): source.text for source in sources}
    if not texts.get(KUSTOMIZATION, "").startswith(HEADER):
        raise CommandError(f"{kustomization} was not written by --patches; name another directory", ExitCode.INPUT)
    manifests = [parse(source) for source in sources]
    problems += [manifest for manifest in manifests if isinstance(manifest, Problem)]
    if problems:
        raise CommandError(f"{problems[0]}; delete the directory, and run the command again", ExitCode.INPUT)
    items = [item for manifest in manifests if not isinstance(manifest, Problem) for item in manifest.items]
    patches = {(item.kind, item.namespace(namespace), item.name): item.value for item in items}
    return Earlier(texts, patches)


def remove_earlier_patches(inventory: Inventory, earlier: Earlier) -> None:
    """Remove from the workloads of the input the fields that an earlier run's patches added."""
    for placed in inventory.workloads:
        patch = earlier.patches.get(placed.workload.key)
        if patch is not None:
            placed.item = replace(placed.item, value=_without(placed.item.value, patch))
            placed.workload = parse_workload(inventory.neutral(placed.item))
            inventory.world.put_workload(placed.workload)


def leave_out_rollouts(inventory: Inventory) -> None:
    """Remove Argo Rollouts, and print a message for each: kustomize would replace their containers as a whole."""
    rollouts = [placed for placed in inventory.workloads if placed.workload.kind == WorkloadKind.ROLLOUT]
    inventory.workloads = [placed for placed in inventory.workloads if placed not in rollouts]
    for placed in rollouts:
        message = "can't be patched by kustomize, and stays as it is: render its own manifest"
        click.echo(placed.item.problem(f"Rollout {placed.item.name} {message}"), err=True)


def _without(value: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    pod, ours = pod_of(value), pod_of(patch)
    result = {key: item for key, item in pod.items() if key != "volumes"}
    for field in _LISTS:
        written = {item.get("name"): item for item in raw.items(ours.get(field))}
        if isinstance(pod.get(field), list):
            result[field] = [_container_without(item, written) for item in pod[field]]
    volumes = _items_without(pod.get("volumes"), ours.get("volumes"))
    changed = replaced_at(value, _POD, result | ({"volumes": volumes} if volumes else {}))
    return changed if isinstance(changed, dict) else value


def _container_without(container: object, written: Mapping[object, Mapping[str, Any]]) -> object:
    if not isinstance(container, dict) or (patch := written.get(container.get("name"))) is None:
        return container
    result = dict(container)
    for kind in ProbeKind:
        probe = parse_probe(patch.get(kind.field))
        if probe is not None and parse_probe(container.get(kind.field)) == probe:
            del result[kind.field]
    mounts = _items_without(result.pop("volumeMounts", None), patch.get("volumeMounts"))
    return result | ({"volumeMounts": mounts} if mounts else {})


def _items_without(items: object, written: object) -> list[Any]:
    ours = [dict(item) for item in raw.items(written)]
    return [item for item in items if not any(same(item, one) for one in ours)] if isinstance(items, list) else []


def component(planned: Iterable[PlannedWorkload]) -> dict[str, str]:
    """Return the texts of the component's files, by name."""
    patches: dict[str, dict[str, Any]] = {}
    resources: dict[str, dict[str, Any]] = {}
    for item in planned:
        placed = item.placed.item
        body: dict[str, Any] = {}
        for patch in item.plan.patches:
            body = merge(body, trimmed(patch.body, placed.value)) if body else trimmed(patch.body, placed.value)
        if pod_of(body):
            marked = mark_unproven(body, item.plan)
            patches[_file_name(placed, placed.kind)] = _identity(placed) | (
                marked if isinstance(marked, dict) else body
            )
        if item.plan.delivery is not None:
            resources[_file_name(placed, "configmap")] = config_map(item)
    files = {name: _text(value) for name, value in (patches | resources).items()}
    kustomization: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "Component"}
    if resources:
        kustomization["resources"] = sorted(resources)
    kustomization["patches"] = [{"path": name} for name in sorted(patches)]
    return {KUSTOMIZATION: f"{HEADER}\n{_text(kustomization)}"} | files


def _identity(placed: Item) -> dict[str, Any]:
    metadata = {key: placed.metadata[key] for key in ("name", "namespace") if key in placed.metadata}
    return {"apiVersion": placed.value["apiVersion"], "kind": placed.kind, "metadata": metadata}


def _file_name(placed: Item, kind: str) -> str:
    parts = (placed.namespace(""), kind.lower(), placed.name)
    return "-".join(part for part in parts if part) + ".yaml"


def _text(value: dict[str, Any]) -> str:
    return "\n".join(emitter.block(value, Layout(), 0)) + "\n"
