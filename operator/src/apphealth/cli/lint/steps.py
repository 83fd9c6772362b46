"""The order of things in `lint`: read, mend, judge, tell."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.graph.text import clean
from apphealth.cli.lint import text
from apphealth.cli.lint.baseline import accept, baseline_text, read_baseline
from apphealth.cli.lint.options import Options
from apphealth.cli.lint.reading import Scene, from_files, judge, passed_over, problems, sort
from apphealth.cli.lint.report import INPUT, Report
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.reading import read_manifests
from apphealth.plan import Options as Planning
from apphealth.store.world import World

_UNPROVEN = "--fix writes what is certain; what is only derived needs proof on pods, or --unproven"


def execute(options: Options) -> ExitCode:
    """Do what the options ask for."""
    known = read_baseline(options.baseline) if options.baseline is not None else frozenset()
    with _without_collector():
        report = _mended(options) if options.fix else _report(options)
        report.judged = accept(report.judged, known)
        sort(report)
        return _tell(report, options)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from walking all that is read, again and again: a third of the time, for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _mended(options: Options) -> Report:
    """Write what is missing into the files, then look at them again; with `--diff`, only show it."""
    from apphealth.cli.lint.fixing import mended, names
    from apphealth.cli.render import targets

    before = _report(options)
    files, why_not = mended(options)
    if options.diff:
        lines = (line for file in files for line in targets.diff(str(targets.place_of(file)), file.before, file.after))
        targets.put("".join(lines).encode("utf-8", "replace"))
        return before
    targets.commit(targets.in_place(files))
    report = _report(options) if files else before
    report.fixed = names(files)
    told = {(one.file, one.line, one.finding.message) for one in report.judged if one.finding.id == INPUT}
    report.judged += [one for one in problems(why_not) if (one.file, one.line, one.finding.message) not in told]
    return report


def _report(options: Options) -> Report:
    if options.cluster is not None:
        from apphealth.cli.lint.cluster import read_scene

        scene = read_scene(options.cluster, options.namespace)
        return Report(judged=judge(scene), objects=_objects(scene))
    return _files(options)


def _files(options: Options) -> Report:
    manifests, unread = read_manifests(options.paths)
    world = World(Planning(files=True))
    inventory = Inventory(namespace=options.namespace or "default", world=world, variants=True)
    for manifest in manifests:
        inventory.add(manifest.items)
    rules, others = read_manifests(options.rules)
    inventory.add_rules(rules)
    reasons = {problem: passed_over(problem, options.paths) for problem in unread}
    wrong = [problem for problem, reason in reasons.items() if not reason]
    scene = from_files(manifests, inventory)
    report = Report(objects=_objects(scene), files=len(manifests), notes=[*_notes(reasons, inventory, scene)])
    report.judged = [*judge(scene), *problems([*wrong, *others, *inventory.problems])]
    return report


def _notes(reasons: Mapping[Problem, str], inventory: Inventory, scene: Scene) -> Iterator[str]:
    """Say what is passed over."""
    yield from (f"{problem.file}: {reason}" for problem, reason in reasons.items() if reason)
    judged = {id(sighting.item) for _, sighting in scene.workloads}
    for item in inventory.partial:
        if id(item) not in judged:
            yield f"{item.place}: {item.kind} {item.name} is only part of one, and passed over"


def _objects(scene: Scene) -> int:
    return len(scene.workloads) + len(scene.services)


def _tell(report: Report, options: Options) -> ExitCode:
    if options.write_baseline is not None:
        from apphealth.cli.render.targets import write_file

        write_file(options.write_baseline, baseline_text(report.judged).encode())
    if options.diff:
        pass  # the diff has been printed instead
    elif options.output == "text" and text.on_terminal():
        text.print_grouped(report)
    else:
        from apphealth.cli.render.targets import put

        put(_written(report, options).encode("utf-8", "replace"))
    if not options.quiet:
        for note in report.notes:
            click.echo(clean(note), err=True)
        click.echo(text.summary(report), err=True)
        if options.fix and not options.unproven and any(one.finding.id.endswith("-missing") for one in report.counting):
            click.echo(_UNPROVEN, err=True)
    return _exit_code(report, options)


def _written(report: Report, options: Options) -> str:
    match options.output:
        case "json":
            from apphealth.cli.lint.asjson import report_json

            return report_json(report)
        case "sarif":
            from apphealth.cli.lint.sarif import report_sarif

            return report_sarif(report)
        case "junit":
            from apphealth.cli.lint.junit import report_junit

            return report_junit(report, options.fail_on)
        case "github":
            from apphealth.cli.lint.github import report_github

            return report_github(report)
    return text.plain(report)


def _exit_code(report: Report, options: Options) -> ExitCode:
    if any(one.finding.id == INPUT for one in report.judged):
        return ExitCode.INPUT
    if options.write_baseline is not None:
        return ExitCode.OK
    failing = any(options.fail_on.reached(one.finding.severity) for one in report.counting)
    return ExitCode.CHANGES if failing else ExitCode.OK
