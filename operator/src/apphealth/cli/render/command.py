"""The command `apphealth render`: its options and its help."""

from __future__ import annotations

from pathlib import Path

import click

from apphealth.cli.errors import ExitCode
from apphealth.cli.options import cluster_domain_option, filename_option
from apphealth.cli.render.options import Options
from apphealth.cli.render.steps import execute

EPILOG = """
\b
Examples:
  apphealth render -f deploy/ --diff                     look first
  apphealth render -f deploy/ --in-place                 write it into the files
  apphealth render -f deploy/ --check                    in CI: is everything rendered?
  apphealth render -f deploy/ --rules rules/ -o out/     rules from elsewhere, a tree of its own
  apphealth render -f base/ --patches apphealth/         a kustomize component
  helm template shop ./chart | apphealth render -f - -n shop | kubectl apply -f -

\b
Exit codes: 0 done; 1 --check found something that would change; 2 the command line is wrong;
3 something that was read can't be used, and nothing was written; 4 a file can't be written.
"""


@click.command(epilog=EPILOG, short_help="Write the probes into manifests, without a cluster.")
@filename_option(required=True)
@click.option(
    "--rules",
    multiple=True,
    metavar="PATH",
    help="AppHealths and ClusterAppHealths that are not part of the output. Repeatable. Where there is no rule "
    "at all, a built-in one is used: every workload, preset auto.",
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
@click.option("--enforce", is_flag=True, help="Treat rules in mode Audit as if they said Enforce.")
@cluster_domain_option
@click.option(
    "--unproven",
    is_flag=True,
    help="Write also what evidence suggests and only a running pod could prove, with a comment that says so.",
)
@click.option("--allow-exec", is_flag=True, help="Allow probes that run a command in the container.")
@click.option("-q", "--quiet", is_flag=True, help="No summary; errors only.")
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

    Comments, order and quotes stay as they are, and a file that needs nothing is passed through byte by byte. Probes
    that are in a file are its author's: they stay, unless a rule says existingProbes: Replace. What evidence suggests
    and no rule says can't be proven on files: --unproven writes it all the same. Rendering twice changes nothing. If
    anything that is read can't be used, all of it is reported and nothing is written.
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
