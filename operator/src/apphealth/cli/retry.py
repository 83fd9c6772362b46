"""`apphealth retry`: let the withheld probes of a workload be tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from apphealth.cli.completing import namespaces, workloads
from apphealth.cli.options import Cluster, context_option, kubeconfig_option

EPILOG = """
\b
Examples:
  apphealth retry deploy/web -n shop
  kubectl -n shop annotate deploy/web apphealth.dev/retry=again --overwrite     the same

\b
Exit codes: 0 done; 2 the command line is wrong; 3 there is no such workload; 4 the cluster can't be reached, or
refuses the change.
"""


@click.command(epilog=EPILOG, short_help="Try the probes again that were taken back from a workload.")
@click.argument("workload", nargs=-1, required=True, metavar="KIND/NAME", shell_complete=workloads)
@kubeconfig_option
@context_option
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    shell_complete=namespaces,
    help="The workload's namespace. [default: the namespace of the kubeconfig's context]",
)
def retry(*, workload: tuple[str, ...], kubeconfig: Path | None, context: str | None, namespace: str | None) -> None:
    """Let the operator write the probes again that it withholds from a workload.

    The HealthPlan lists them in status.withheld: probes that did harm (RolledBack), whose endpoint is gone (Refuted),
    or that another manager keeps taking out (Contested). The command sets the annotation apphealth.dev/retry on the
    workload, not on its pod template: no pod is restarted by that.
    """
    from apphealth.cli.live.annotating import annotate  # importing the HTTP client takes longer than --help
    from apphealth.cli.workload_name import parse_name
    from apphealth.kube.resources import WORKLOADS
    from apphealth.model.withheld import RETRY

    wanted = parse_name(workload)
    if wanted is None:
        raise click.UsageError("no workload given: give KIND/NAME, such as deploy/web")
    cluster = Cluster(kubeconfig=kubeconfig, context=context)
    value = datetime.now(UTC).isoformat(timespec="seconds")
    where = annotate(cluster, namespace, WORKLOADS[wanted.kind], wanted.name, {RETRY: value})
    click.echo(f"{wanted} in {where}: its withheld probes are tried again")
