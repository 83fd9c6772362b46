"""The steps of `lint`: read, fix, check, report."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.lint import text
from apphealth.cli.lint.baseline import accept, baseline_text, read_baseline
from apphealth.cli.lint.empty import kinds, why_empty
from apphealth.cli.lint.findings import (
    LintInput,
    find_all,
    from_files,
    not_judged,
    problems,
    sort,
)
from apphealth.cli.lint.options import Options
from apphealth.cli.lint.report import Report
from apphealth.cli.lint.statistics import statistics
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.reading import new_inventory, read_manifests, skip_reason
from apphealth.cli.output import clean, commit, diff, write_file, write_stdout
from apphealth.plan import Options as Planning
from apphealth.plan.findings import LIVENESS_MISSING, READINESS_MISSING, STARTUP_MISSING
from apphealth.store.world import World

_MISSING = frozenset(kind.id for kind in (READINESS_MISSING, LIVENESS_MISSING, STARTUP_MISSING))
"""The findings about missing probes, which `--fix` writes if it can."""
_SHOWN = 3
_UNPROVEN = "--fix doesn't write probes that evidence suggests and no pod has proven; --unproven writes them, too"


def execute(options: Options) -> ExitCode:
    """Run the command with these options, and return its exit code."""
    known = read_baseline(options.baseline) if options.baseline is not None else frozenset()
    with _without_collector():
        report = _fixed(options) if options.fix else _report(options)
        report.findings = accept(filter(options.selection.counts, report.findings), known)
        sort(report)
        return _print(report, options)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Switch the garbage collector off: it took a third of the time, walking the parsed objects, and freed nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _fixed(options: Options) -> Report:
    """Write the missing probes into the files, and check them again; with `--diff`, print the changes instead."""
    from apphealth.cli.lint.fixing import fix_files, names
    from apphealth.cli.patching.files import in_place

    before = _report(options)
    files, unfixed = fix_files(options)
    if options.diff:
        lines = (line for file in files for line in diff(str(file.path), file.before, file.after))
        write_stdout("".join(lines).encode("utf-8", "replace"))
        return before
    commit(in_place(files))
    report = _report(options) if files else before
    report.fixed = names(files)
    reported = {(one.file, one.line, one.finding.message) for one in report.findings if one.invalid_input}
    report.findings += [one for one in problems(unfixed) if (one.file, one.line, one.finding.message) not in reported]
    return report


def _report(options: Options) -> Report:
    if options.cluster is not None:
        from apphealth.cli.lint.cluster import from_cluster

        lint_input = from_cluster(options.cluster, options.namespace)
        return Report(
            findings=find_all(lint_input), objects=lint_input.objects, nothing=_nothing_in_cluster(lint_input)
        )
    return _files(options)


def _files(options: Options) -> Report:
    manifests, unread = read_manifests(options.paths)
    world = World(Planning(files=True))
    inventory = new_inventory(manifests, options.namespace, world)
    inventory.variants = inventory.variant_rules = True
    for manifest in manifests:
        inventory.add(manifest.items)
    rules, others = read_manifests(options.rules)
    inventory.add_rules(rules)
    reasons = {problem: skip_reason(problem, options.paths) for problem in unread}
    wrong = [problem for problem, reason in reasons.items() if not reason]
    lint_input = from_files(manifests, inventory)
    report = Report(
        objects=lint_input.objects,
        files=len(manifests),
        notes=[*_notes(reasons, inventory, lint_input)],
        not_judged=not_judged(manifests),
    )
    if not report.objects and not world.rules:
        report.nothing = why_empty(manifests, report, options.paths)
    report.findings = [*find_all(lint_input), *problems([*wrong, *others, *inventory.problems])]
    return report


def _notes(reasons: Mapping[Problem, str], inventory: Inventory, lint_input: LintInput) -> Iterator[str]:
    """Yield a line for the namespace that was inferred, and for each file and object that is skipped."""
    if inventory.inferred:
        yield inventory.inferred
    yield from (f"{problem.file}: {reason}" for problem, reason in reasons.items() if reason)
    checked = {id(target.item) for _, target in lint_input.workloads}
    for item in inventory.partial:
        if id(item) not in checked:
            yield f"{item.place}: {item.kind} {item.name} is skipped: it is only part of one, such as a patch"


def _nothing_in_cluster(lint_input: LintInput) -> str:
    if lint_input.objects:
        return ""
    place = f"the namespace {lint_input.namespace}" if lint_input.namespace is not None else "the cluster"
    return f"there is no workload and no Service in {place}"


def _print(report: Report, options: Options) -> ExitCode:
    if options.write_baseline is not None:
        write_file(options.write_baseline, baseline_text(report.findings).encode())
    if options.diff:
        pass  # the diff has been printed instead
    elif options.statistics:
        write_stdout(statistics(report, options.output).encode())
    elif options.output == "text" and text.on_terminal():
        text.print_grouped(report)
    else:
        write_stdout(_written(report, options).encode("utf-8", "replace"))
    if not options.quiet:
        for note in report.notes:
            click.echo(clean(note), err=True)
        if report.not_judged:
            click.echo(f"not judged: {clean(kinds(report.not_judged))}", err=True)
        click.echo(text.summary(report), err=True)
        if options.fix:
            for line in _unfixed(report, options):
                click.echo(line, err=True)
    return _exit_code(report, options)


def _unfixed(report: Report, options: Options) -> Iterator[str]:
    """Yield what would have missing probes written that `--fix` didn't write."""
    missing = [one for one in report.counting if one.finding.id in _MISSING]
    if not missing:
        return
    if not options.unproven:
        yield _UNPROVEN
    names = [*dict.fromkeys(f"{one.object} ({one.finding.container})" for one in missing)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    yield (
        f"where nothing tells what {clean(', '.join(names[:_SHOWN]))}{more} serves, give the pod template the"
        " annotation apphealth.dev/preset: NAME, and run --fix again"
    )


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
        case "gitlab":
            from apphealth.cli.lint.gitlab import report_gitlab

            return report_gitlab(report)
    return text.plain(report)


def _exit_code(report: Report, options: Options) -> ExitCode:
    if any(one.invalid_input for one in report.findings):
        return ExitCode.INPUT
    if report.nothing and not options.allow_empty:
        hint = "--allow-empty accepts this"
        raise CommandError(f"nothing to judge: {clean(report.nothing)}; {hint}", ExitCode.INPUT)
    if options.write_baseline is not None:
        return ExitCode.OK
    failing = any(options.fail_on.reached(one.finding.severity) for one in report.counting)
    return ExitCode.CHANGES if failing else ExitCode.OK
