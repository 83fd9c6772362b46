"""The order of things in `render`: read, check, decide, write. Input that can't be used ends it before it writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.manifests.documents import Manifest
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.reading import read_manifests
from apphealth.cli.manifests.stock import refuse, take_stock
from apphealth.cli.render import kustomize, summary, targets
from apphealth.cli.render.configmaps import namespace_unknown
from apphealth.cli.render.deciding import Decided, decide, enforce, look_as_the_operator
from apphealth.cli.render.options import Options
from apphealth.cli.render.rendering import Rendered, write_plans
from apphealth.plan import Options as Planning
from apphealth.plan.findings import Finding
from apphealth.store.world import World

_DEFAULT_USED = (
    "there is no AppHealth or ClusterAppHealth in the input, so the built-in rule is used: every workload, preset auto"
)
_NOTHING_WRITTEN = "; nothing was written"
Change = tuple[str, str, str]
"""A file's name, its text before and after."""


def execute(options: Options) -> ExitCode:
    """Do what the options ask for."""
    manifests, problems = read_manifests(options.paths, options.patches)
    inventory = _take_stock(manifests, options)
    inventory.problems[:0] = problems
    if options.patches is not None:
        return _component(options, options.patches, inventory)
    refuse(inventory.problems, _NOTHING_WRITTEN)
    decided = decide(inventory)
    rendering = write_plans(manifests, decided, inventory)
    refuse(rendering.problems, _NOTHING_WRITTEN)
    if not options.quiet:
        changed = {id(item) for item in decided} & rendering.changed
        _summarise(decided, len(changed), rendering.findings, inventory, options)
    return _put_out(rendering.files, manifests, options)


def _component(options: Options, directory: Path, inventory: Inventory) -> ExitCode:
    earlier = kustomize.read_earlier(directory, inventory.namespace)
    kustomize.forget(inventory, earlier)
    kustomize.leave_rollouts(inventory)
    refuse(inventory.problems, _NOTHING_WRITTEN)
    decided = decide(inventory)
    files = kustomize.component(decided)
    if not options.quiet:
        changed = [item for item in decided if item.plan.patches or item.plan.delivery is not None]
        _summarise(decided, len(changed), {}, inventory, options)
    names = sorted(files.keys() | earlier.files.keys())
    changes = [(str(directory / name), earlier.files.get(name, ""), files.get(name, "")) for name in names]
    if options.diff or options.check:
        return _show(changes, options)
    targets.commit(targets.to_component(directory, files, earlier.files))
    return ExitCode.OK


def _take_stock(manifests: Iterable[Manifest], options: Options) -> Inventory:
    world = World(
        Planning(
            allow_exec=options.allow_exec,
            files=True,
            unproven=options.unproven,
            cluster_domain=options.cluster_domain,
        )
    )
    inventory = take_stock(manifests, options.rules, namespace=options.namespace, world=world)
    if look_as_the_operator(inventory) and not options.quiet:
        click.echo(_DEFAULT_USED, err=True)
    if options.enforce:
        enforce(inventory.world)
    return inventory


def _summarise(
    decided: Sequence[Decided],
    changed: int,
    findings: Mapping[int, list[Finding]],
    inventory: Inventory,
    options: Options,
) -> None:
    told: list[str] = []
    for item in decided:
        more = findings.get(id(item), [])
        if options.namespace is None and (unknown := namespace_unknown(item)) is not None:
            more = [*more, unknown]
        told += [summary.finding_line(item.placed.item.place, one) for one in (*item.plan.findings, *more)]
        told += [summary.conflict_line(item.placed.item.place, conflict) for conflict in item.plan.conflicts]
    told += [
        f"{item.place}: {item.kind} {item.name} is only part of one, and stays as it is" for item in inventory.partial
    ]
    summary.report(list(summary.rows(decided, inventory)), told, summary.closing(decided, changed, inventory))


def _put_out(files: Sequence[Rendered], manifests: Sequence[Manifest], options: Options) -> ExitCode:
    if options.diff or options.check:
        return _show(list(_changes(files)), options)
    if options.in_place:
        targets.commit(targets.in_place(files))
    elif options.output and targets.is_directory(options.output):
        targets.commit(targets.to_directory(files, Path(options.output)))
    else:
        content = targets.stream(_with_objects(files, manifests))
        if options.output:
            targets.write_file(Path(options.output), content)
        else:
            targets.put(content)
    return ExitCode.OK


def _with_objects(files: Iterable[Rendered], manifests: Iterable[Manifest]) -> list[Rendered]:
    """Leave out what was only found in a directory and is no Kubernetes object, such as Helm's values."""
    useful = {id(manifest.source) for manifest in manifests if not manifest.source.searched or _is_object(manifest)}
    return [file for file in files if id(file.source) in useful]


def _is_object(manifest: Manifest) -> bool:
    return any(not str(item.value["apiVersion"]).startswith("kustomize.config.k8s.io/") for item in manifest.items)


def _changes(files: Iterable[Rendered]) -> Iterator[Change]:
    for file in files:
        before, place = file.before, targets.place_of(file)
        if file.new and file.source.path is not None and place.is_file():
            before = place.read_text(encoding="utf-8", errors="replace")
        yield str(place), before, file.after


def _show(changes: Sequence[Change], options: Options) -> ExitCode:
    different = [change for change in changes if change[1] != change[2]]
    if options.diff:
        targets.put("".join(line for change in different for line in targets.diff(*change)).encode())
    if options.check and different:
        for name, _, _ in different:
            click.echo(f"{name}: would change", err=True)
        return ExitCode.CHANGES
    return ExitCode.OK
