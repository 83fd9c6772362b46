"""The command `apphealth render`: its options and help."""

from __future__ import annotations

from pathlib import Path

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.options import cluster_domain_option, manifest_options
from apphealth.cli.render.options import Options
from apphealth.cli.render.steps import execute

EPILOG = """
\b
Examples:
  apphealth render -f deploy/ --diff                     show what would change
  apphealth render -f deploy/ --in-place                 write into the files
  apphealth render -f deploy/ --check                    in CI: is everything rendered?
  apphealth render -f deploy/ --rules rules/ -o out/     rules and output in other directories
  apphealth render -f base/ --patches apphealth/         a kustomize component
  helm template shop ./chart | apphealth render -f - -n shop | kubectl apply -f -

\b
Exit codes: 0 done; 1 --check found a change; 2 the command line is wrong;
3 a part of the input can't be used, and nothing was written; 4 a file can't be written.
"""


@click.command(epilog=EPILOG, short_help="Write the probes into manifests, without a cluster.")
@manifest_options(positional=True)
@click.option(
    "--rules",
    multiple=True,
    metavar="PATH",
    help="AppHealths and ClusterAppHealths that are not part of the output. Repeatable. If there is no rule at all, "
    "a built-in one is used: every workload, preset auto.",
)
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of objects that name none.  [default: default]")
@click.option(
    "-o", "--output", metavar="PATH", help="Write to this file, or below this directory, instead of standard output."
)
@click.option("-i", "--in-place", is_flag=True, help="Change the files themselves.")
@click.option(
    "--patches",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a kustomize component: one patch for each workload.",
)
@click.option("--diff", is_flag=True, help="Print what would change as a unified diff, and write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--enforce", is_flag=True, help="Treat rules in mode Audit as if their mode were Enforce.")
@cluster_domain_option
@click.option(
    "--unproven",
    is_flag=True,
    help="Also write probes that evidence suggests and that only running pods could prove, each with a comment.",
)
@click.option("--allow-exec", is_flag=True, help="Allow probes that run a command in the container.")
@click.option("-q", "--quiet", is_flag=True, help="Print no summary, only errors.")
def render(
    *,
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    namespace: str | None,
    output: str | None,
    patches: Path | None,
    in_place: bool,
    diff: bool,
    check: bool,
    enforce: bool,
    allow_exec: bool,
    unproven: bool,
    cluster_domain: str,
    quiet: bool,
) -> ExitCode:  # fmt: skip
    """Write into manifests the probes that the operator would give them in a cluster.

    Comments, order and quotes stay as they are, and an unchanged file keeps every byte. Existing probes belong to the
    author of the file: they stay, unless a rule says existingProbes: Replace. Probes that only evidence suggests can't
    be proven on files: they are written with --unproven alone. All probes are written at once: spec.rollout, with its
    budget and stages, is the operator's. Rendering twice changes nothing. If a part of the input
    can't be used, every problem is reported and nothing is written.
    """
    options = Options(
        paths=paths,
        rules=rules,
        namespace=namespace,
        output=output,
        patches=patches,
        in_place=in_place,
        diff=diff,
        check=check,
        enforce=enforce,
        allow_exec=allow_exec,
        unproven=unproven,
        cluster_domain=cluster_domain,
        quiet=quiet,
    )
    options.validate()
    return execute(options)
