"""The steps of `render`: read, check, plan, write. Unusable input ends it before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.manifests.documents import Manifest
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import PlannedWorkload, enforce, plan_workloads, prepare_for_planning
from apphealth.cli.manifests.problems import refuse
from apphealth.cli.manifests.reading import read_manifests, take_inventory
from apphealth.cli.output import commit, diff, write_file, write_stdout
from apphealth.cli.patching.configmaps import namespace_unknown
from apphealth.cli.patching.files import PatchedFile, in_place, patch_files
from apphealth.cli.render import kustomize, summary, targets
from apphealth.cli.render.options import Options
from apphealth.plan import Options as Planning
from apphealth.plan.findings import Finding
from apphealth.store.world import World

_DEFAULT_USED = (
    "there is no AppHealth or ClusterAppHealth in the input, so the built-in rule is used: every workload, preset auto"
)
_NOTHING_WRITTEN = "; nothing was written"
Change = tuple[str, str, str]
"""A file's path, its text before, and its text after."""


def execute(options: Options) -> ExitCode:
    """Run the command with these options, and return its exit code."""
    manifests, problems = read_manifests(options.paths, options.patches)
    inventory = _inventory(manifests, options)
    inventory.problems[:0] = problems
    if options.patches is not None:
        return _component(options, options.patches, inventory)
    refuse(inventory.problems, _NOTHING_WRITTEN)
    planned = plan_workloads(inventory)
    patching = patch_files(manifests, planned, inventory)
    refuse(patching.problems, _NOTHING_WRITTEN)
    if not options.quiet:
        changed = {id(item) for item in planned} & patching.changed
        _summarise(planned, len(changed), patching.findings, inventory, options)
    return _write(patching.files, manifests, options)


def _component(options: Options, directory: Path, inventory: Inventory) -> ExitCode:
    earlier = kustomize.read_earlier(directory, inventory.namespace)
    kustomize.remove_earlier_patches(inventory, earlier)
    kustomize.leave_out_rollouts(inventory)
    refuse(inventory.problems, _NOTHING_WRITTEN)
    planned = plan_workloads(inventory)
    files = kustomize.component(planned)
    if not options.quiet:
        changed = [item for item in planned if item.plan.patches or item.plan.delivery is not None]
        _summarise(planned, len(changed), {}, inventory, options)
    names = sorted(files.keys() | earlier.files.keys())
    changes = [(str(directory / name), earlier.files.get(name, ""), files.get(name, "")) for name in names]
    if options.diff or options.check:
        return _show(changes, options)
    commit(targets.to_component(directory, files, earlier.files))
    return ExitCode.OK


def _inventory(manifests: Sequence[Manifest], options: Options) -> Inventory:
    world = World(
        Planning(
            allow_exec=options.allow_exec,
            files=True,
            unproven=options.unproven,
            cluster_domain=options.cluster_domain,
        )
    )
    several = options.patches is None  # a component has one patch for each name
    inventory = take_inventory(manifests, options.rules, namespace=options.namespace, world=world, variants=several)
    if inventory.inferred and not options.quiet:
        click.echo(inventory.inferred, err=True)
    if prepare_for_planning(inventory) and not options.quiet:
        click.echo(_DEFAULT_USED, err=True)
    if options.enforce:
        enforce(inventory.world)
    return inventory


def _summarise(
    planned: Sequence[PlannedWorkload],
    changed: int,
    findings: Mapping[int, list[Finding]],
    inventory: Inventory,
    options: Options,
) -> None:
    lines: list[str] = []
    found: list[tuple[str, Finding]] = []
    for item in planned:
        more = findings.get(id(item), [])
        if options.namespace is None and not inventory.inferred and (unknown := namespace_unknown(item)) is not None:
            more = [*more, unknown]
        found += [(item.placed.item.place, one) for one in (*item.plan.findings, *more)]
        lines += [summary.conflict_line(item.placed.item.place, conflict) for conflict in item.plan.conflicts]
    lines += [
        f"{item.place}: {item.kind} {item.name} is only part of one, and stays as it is" for item in inventory.partial
    ]
    lines[:0] = summary.finding_lines(found)
    summary.report(list(summary.rows(planned, inventory)), lines, summary.closing(planned, changed, inventory))


def _write(files: Sequence[PatchedFile], manifests: Sequence[Manifest], options: Options) -> ExitCode:
    if options.diff or options.check:
        return _show(list(_changes(files)), options)
    if options.in_place:
        commit(in_place(files))
    elif options.output and targets.is_directory(options.output):
        commit(targets.to_directory(files, Path(options.output)))
    else:
        content = targets.stream(_with_objects(files, manifests))
        if options.output:
            write_file(Path(options.output), content)
        else:
            write_stdout(content)
    return ExitCode.OK


def _with_objects(files: Iterable[PatchedFile], manifests: Iterable[Manifest]) -> list[PatchedFile]:
    """Leave out files that were found in a directory and hold no Kubernetes object, such as Helm's values."""
    useful = {id(manifest.source) for manifest in manifests if not manifest.source.searched or _is_object(manifest)}
    return [file for file in files if id(file.source) in useful]


def _is_object(manifest: Manifest) -> bool:
    return any(not str(item.value["apiVersion"]).startswith("kustomize.config.k8s.io/") for item in manifest.items)


def _changes(files: Iterable[PatchedFile]) -> Iterator[Change]:
    for file in files:
        before = file.before
        if file.new and file.source.path is not None and file.path.is_file():
            before = file.path.read_text(encoding="utf-8", errors="replace")
        yield str(file.path), before, file.after


def _show(changes: Sequence[Change], options: Options) -> ExitCode:
    different = [change for change in changes if change[1] != change[2]]
    if options.diff:
        write_stdout("".join(line for change in different for line in diff(*change)).encode())
    if options.check and different:
        for name, _, _ in different:
            click.echo(f"{name}: would change", err=True)
        return ExitCode.CHANGES
    return ExitCode.OK
