"""The command `apphealth lint`: its options and help."""

from __future__ import annotations

from pathlib import Path

import click

from apphealth.cli.completing import lint_rules, namespaces
from apphealth.cli.configuration import FILE, PROJECT, lint_defaults
from apphealth.cli.errors import ExitCode
from apphealth.cli.lint.options import Options
from apphealth.cli.lint.report import FailOn
from apphealth.cli.options import Cluster, cluster_options, manifest_options, rules_option

_ISOLATED = "apphealth.isolated"
EPILOG = """
\b
Examples:
  apphealth lint deploy/                                 manifests in a directory and all below
  helm template shop ./chart | apphealth lint -f -       the output of a chart or kustomize
  apphealth lint --cluster -A                            all workloads of a cluster
  apphealth lint -f . --write-baseline lint.json         accept the findings of today ...
  apphealth lint -f . --baseline lint.json               ... and fail only for new ones
  apphealth lint -f deploy/ --fix --diff                 show the probes that --fix would add
  apphealth lint -f . -o sarif > lint.sarif              for code scanning
  apphealth lint -f . --select 'port-*' --statistics     how often each rule of a family finds something
  apphealth lint --explain probes-identical

\b
Exit codes: 0 no finding at or above --fail-on; 1 at least one finding; 2 the command line is wrong;
3 a part of the input can't be used (the rest is checked nevertheless), or there is nothing to judge;
4 a file can't be written, or the cluster can't be reached.
"""


def _configure(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:  # noqa: ARG001 -- click's
    if not ctx.meta.get(_ISOLATED) and not ctx.resilient_parsing:
        ctx.default_map = lint_defaults(value)


def _isolate(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 -- click's signature
    ctx.meta[_ISOLATED] = value
    if value:
        ctx.default_map = {}


@click.command(epilog=EPILOG, short_help="Find mistakes in the probes of manifests or of a cluster.")
@manifest_options(positional=True)
@rules_option
@click.option("--cluster", "live", is_flag=True, help="Check a cluster instead, with your kubeconfig.")
@cluster_options
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    shell_complete=namespaces,
    help="The namespace to read; with files, of objects that name none.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "sarif", "junit", "github", "gitlab"]),
    default="text",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="ID,...",
    help="Report these rules alone; * stands for any characters. [default: all]",
)
@click.option("--ignore", multiple=True, metavar="ID,...", help="Don't report these rules.")
@click.option(
    "--fail-on",
    type=click.Choice([level.value for level in FailOn]),
    default=FailOn.ERROR.value,
    show_default=True,
    help="Exit with 1 for findings of this severity and above.",
)
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Accept the findings in this file, which --write-baseline wrote.",
)
@click.option(
    "--write-baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all findings to this file, and exit with 0.",
)
@click.option("--fix", is_flag=True, help="Write missing probes into the files, as render does.")
@click.option(
    "--unproven",
    is_flag=True,
    help="With --fix: also write probes that only evidence suggests.",
)
@click.option("--diff", is_flag=True, help="With --fix: print the changes as a diff, and write nothing.")
@click.option("--statistics", is_flag=True, help="Print how many findings each rule has, instead of them.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=_configure,
    is_eager=True,
    expose_value=False,
    help=f"Read the defaults of these options from this file. [default: {FILE}, or [tool.apphealth] in {PROJECT}, here"
    " or in a directory above]",
)
@click.option(
    "--isolated",
    is_flag=True,
    callback=_isolate,
    is_eager=True,
    expose_value=False,
    help="Read no configuration file.",
)
@click.option("--allow-empty", is_flag=True, help="Exit with 0 if there is nothing to judge.")
@click.option(
    "--explain", "explained", metavar="ID", shell_complete=lint_rules, help="Explain a rule, and check nothing."
)
@click.option("-q", "--quiet", is_flag=True, help="Print no summary.")
def lint(
    *,
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    live: bool,
    cluster: Cluster,
    namespace: str | None,
    output: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    baseline: Path | None,
    write_baseline: Path | None,
    fix: bool,
    unproven: bool,
    diff: bool,
    statistics: bool,
    allow_empty: bool,
    explained: str | None,
    quiet: bool,
) -> ExitCode:  # fmt: skip
    """Find mistakes in the probes of manifests (-f PATH, or just PATH), or of a cluster (--cluster).

    Deployments, StatefulSets, DaemonSets, Pods without an owner and their Services are checked. A probe that a rule in
    the input adds counts as present. An annotation ignores a finding, and gives the reason: apphealth.dev/ignore-ID:
    "the reason".
    """
    if explained is not None:
        from apphealth.cli.lint.explain import explain

        click.echo(explain(explained), nl=False)
        return ExitCode.OK
    if cluster.named and not live:
        raise click.UsageError("--kubeconfig, --context and -A need --cluster")
    from apphealth.cli.lint.selection import parse_selection

    options = Options(
        paths=paths,
        rules=rules,
        cluster=cluster if live else None,
        namespace=namespace,
        output=output,
        selection=parse_selection(select, ignore),
        fail_on=FailOn(fail_on),
        baseline=baseline,
        write_baseline=write_baseline,
        fix=fix,
        unproven=unproven,
        diff=diff,
        statistics=statistics,
        allow_empty=allow_empty,
        quiet=quiet,
    )
    options.validate()
    from apphealth.cli.lint.steps import execute

    return execute(options)
