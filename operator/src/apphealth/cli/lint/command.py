"""The command `apphealth lint`: its options and its help."""

from __future__ import annotations

from pathlib import Path

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.lint.options import Options
from apphealth.cli.lint.report import FailOn
from apphealth.cli.live.options import Cluster, cluster_options
from apphealth.cli.options import filename_option, rules_option

EPILOG = """
\b
Examples:
  apphealth lint -f deploy/                              manifests, directories with all below
  helm template shop ./chart | apphealth lint -f -       what a chart or kustomize puts out
  apphealth lint --cluster -A                            what runs
  apphealth lint -f . --write-baseline lint.json         adopt it: accept what is there now ...
  apphealth lint -f . --baseline lint.json               ... and fail for what is new
  apphealth lint -f deploy/ --fix --diff                 what would be added to mend it
  apphealth lint -f . -o sarif > lint.sarif              for code scanning
  apphealth lint --explain probes-identical

\b
Exit codes: 0 nothing found at or above --fail-on; 1 something found; 2 the command line is wrong;
3 something among the input can't be used (the rest is judged all the same); 4 a file can't be written,
or the cluster can't be reached.
"""


@click.command(epilog=EPILOG, short_help="Tell what is wrong with the probes in manifests or in a cluster.")
@filename_option()
@click.argument("files", nargs=-1, metavar="[PATH]...")
@rules_option
@click.option("--cluster", "live", is_flag=True, help="Look at a cluster instead: with your kubeconfig, reading only.")
@cluster_options
@click.option(
    "-n", "--namespace", metavar="NAME", help="The namespace to read; with files, that of objects that name none."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "sarif", "junit", "github"]),
    default="text",
    show_default=True,
    help="The format.",
)
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
    help="Findings that are in this file don't count.",
)
@click.option(
    "--write-baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the findings of now to this file, and exit with 0.",
)
@click.option("--fix", is_flag=True, help="Write the probes that are missing into the files, as render does.")
@click.option("--unproven", is_flag=True, help="With --fix: also derived probes, which on files nothing can prove.")
@click.option("--diff", is_flag=True, help="With --fix: print what would change, and write nothing.")
@click.option("--explain", "explained", metavar="ID", help="Explain a rule, and do nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def lint(
    *,
    paths: tuple[str, ...],
    files: tuple[str, ...],
    rules: tuple[str, ...],
    live: bool,
    cluster: Cluster,
    namespace: str | None,
    output: str,
    fail_on: str,
    baseline: Path | None,
    write_baseline: Path | None,
    fix: bool,
    unproven: bool,
    diff: bool,
    explained: str | None,
    quiet: bool,
) -> ExitCode:  # fmt: skip
    """Tell what is wrong with the probes in manifests (-f PATH, or just PATH), or in a cluster (--cluster).

    Deployments, StatefulSets, DaemonSets and the Services in front of them are judged, by the probes that they
    carry. A probe that a rule among the input gives counts as there. An annotation ignores a finding, and says why:
    apphealth.dev/ignore-ID: "the reason".
    """
    if explained is not None:
        from apphealth.cli.lint.explain import explain

        click.echo(explain(explained), nl=False)
        return ExitCode.OK
    if cluster.named and not live:
        raise click.UsageError("--kubeconfig, --context and -A go with --cluster")
    options = Options(
        paths=(*paths, *files),
        rules=rules,
        cluster=cluster if live else None,
        namespace=namespace,
        output=output,
        fail_on=FailOn(fail_on),
        baseline=baseline,
        write_baseline=write_baseline,
        fix=fix,
        unproven=unproven,
        diff=diff,
        quiet=quiet,
    )
    options.validate()
    from apphealth.cli.lint.steps import execute

    return execute(options)
