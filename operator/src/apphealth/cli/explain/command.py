"""The command `apphealth explain`."""

from __future__ import annotations

import click

from apphealth.cli.live.options import Cluster, cluster_options
from apphealth.cli.options import cluster_domain_option, filename_option, rules_option

EPILOG = """
\b
Examples:
  apphealth explain deploy/web -n shop           a workload of the cluster
  apphealth explain sts/db -o yaml               all of it, for programs
  apphealth explain deploy/web -f deploy/        on manifests, without a cluster
  helm template shop ./chart | apphealth explain sts/db -f -

\b
Exit codes: 0 done; 2 the command line is wrong; 3 something that was read can't be used, or there is no such
workload; 4 the cluster can't be reached, or may not be read.
"""


@click.command(epilog=EPILOG, short_help="Tell where each value of a workload's probes comes from.")
@click.argument("workload", nargs=-1, metavar="[KIND/NAME]")
@filename_option(without="a cluster")
@rules_option
@cluster_options
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    help="The workload's namespace. [default: that of the kubeconfig's context; with -f, default]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="The format. The schema of json and yaml is in docs/cli.md.",
)
@click.option("--allow-exec", is_flag=True, help="As the operator's: let rules have commands run in containers.")
@cluster_domain_option
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
) -> None:
    """Tell everything that is decided about one workload, and why.

    For each probe, every field with its value and the layer or evidence that it came from; presets that were not
    taken; what the pods answered; dependencies with their evidence; findings with their fix; what is remembered to be
    put back; and what the operator would write next. KIND/NAME is deploy/web, sts/db, ds/agent, rollout/web or a longer
    form of these. Nothing is written, and no pod is asked.
    """
    from apphealth.cli.explain.name import parse_name
    from apphealth.cli.explain.reading import Options, read
    from apphealth.cli.explain.telling import tell

    wanted = parse_name(workload)
    if wanted is None and not paths:
        raise click.UsageError("which workload? Say KIND/NAME, such as deploy/web")
    if paths and cluster.named:
        raise click.UsageError("-f reads files, --kubeconfig, --context and -A a cluster: choose one")
    if rules and not paths:
        raise click.UsageError("--rules goes with -f: a cluster has its own")
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
    tell(*read(options), output)
