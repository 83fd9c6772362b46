"""The command `apphealth explain`."""

from __future__ import annotations

import click

from apphealth.cli.completing import namespaces, workloads
from apphealth.cli.options import Cluster, cluster_domain_option, cluster_options, manifest_options, rules_option

EPILOG = """
\b
Examples:
  apphealth explain deploy/web -n shop           a workload of a cluster
  apphealth explain sts/db -o yaml               as YAML, for programs
  apphealth explain deploy/web -f deploy/        a workload in manifests, without a cluster
  helm template shop ./chart | apphealth explain sts/db -f -

\b
Exit codes: 0 done; 2 the command line is wrong; 3 a part of the input can't be used, or there is no such
workload; 4 the cluster can't be reached, or refuses to be read.
"""


@click.command(epilog=EPILOG, short_help="Show where each value of a workload's probes comes from.")
@click.argument("workload", nargs=-1, metavar="[KIND/NAME]", shell_complete=workloads)
@manifest_options(without="a cluster")
@rules_option
@cluster_options
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    shell_complete=namespaces,
    help="The workload's namespace. [default: the namespace of the kubeconfig's context; with -f, default]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="The output format. docs/cli.md has the schema of json and yaml.",
)
@click.option(
    "--allow-exec",
    is_flag=True,
    help="Plan as an operator with --allow-exec does.",
)
@cluster_domain_option
@click.option("--verbose", "-v", is_flag=True, help="Show each value of each probe with its source, one a line.")
def explain(
    *,
    workload: tuple[str, ...],
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    cluster: Cluster,
    namespace: str | None,
    output: str,
    allow_exec: bool,
    cluster_domain: str,
    verbose: bool,
) -> None:
    """Show the plan of one workload, and the reason of each decision.

    The output has each probe with where its values came from (with -v, each value by itself); presets that
    were not chosen; the answers of the pods; dependencies with their evidence; findings with their fix; probes that are
    restored when no rule replaces them any more; and the next write of the operator. KIND/NAME is deploy/web, sts/db,
    ds/agent, rollout/web or a longer form of these. Nothing is written, and no pod is asked.
    """
    from apphealth.cli.explain.formats import write_explanation
    from apphealth.cli.explain.reading import Options, read
    from apphealth.cli.workload_name import parse_name

    wanted = parse_name(workload)
    if wanted is None and not paths:
        raise click.UsageError("no workload given: give KIND/NAME, such as deploy/web")
    if paths and cluster.named:
        raise click.UsageError("-f reads manifests, --kubeconfig, --context and -A a cluster: choose one")
    if rules and not paths:
        raise click.UsageError("--rules needs -f: in a cluster, the rules of the cluster are used")
    if (*paths, *rules).count("-") > 1:
        raise click.UsageError("standard input (-) can be read only once")
    options = Options(
        wanted=wanted,
        paths=paths,
        rules=rules,
        cluster=cluster,
        namespace=namespace,
        allow_exec=allow_exec,
        cluster_domain=cluster_domain,
    )
    write_explanation(read(options), output, verbose=verbose)
