"""`apphealth run`: the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.options import cluster_domain_option, context_option, kubeconfig_option

POD_HEALTH_PORT = 8080
"""The port that the probes in deploy/operator use."""
LEVELS = ("debug", "info", "warning", "error")


def _levels(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> dict[str, str]:
    """Parse `--log-level`: the levels by logger; the whole log has the empty name."""
    found: dict[str, str] = {}
    for text in value:
        logger, _, level = text.rpartition("=")
        if level.lower() not in LEVELS:
            raise click.BadParameter(f"{level!r} is not a level; use {', '.join(LEVELS)}", ctx, param)
        found[logger] = level.lower()
    return found


@click.command(short_help="Run the operator: watch the cluster, write probes.")
@kubeconfig_option
@context_option
@click.option(
    "--namespace",
    "-n",
    metavar="NAME",
    help="Manage this namespace alone: needs no rights on the cluster, and reads no ClusterAppHealth.",
)
@click.option("--allow-exec", is_flag=True, help="Allow probes that run a command in the container (type Exec).")
@click.option(
    "--leader-elect/--no-leader-elect",
    default=True,
    show_default=True,
    help="Write only while holding the Lease 'apphealth'. Without it, two operators may undo each other's work.",
)
@click.option(
    "--read-only",
    is_flag=True,
    help="Write nothing, and log what would be written: to try it out, also beside a running operator. Takes no Lease.",
)
@click.option(
    "--policy-reports",
    is_flag=True,
    help="Write the findings of plans as policy reports too: openreports.io, else wgpolicyk8s.io.",
)
@click.option(
    "--health-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve /livez, /readyz (the cluster has been read) and /metrics here. [default: 8080 in a pod, else none]",
)
@cluster_domain_option
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)
@click.option(
    "--log-level",
    multiple=True,
    metavar="[LOGGER=]LEVEL",
    callback=_levels,
    help="debug, info, warning or error: of the whole log, or of one logger, such as apphealth.writes=warning "
    "(no line for each write). Repeatable. [default: info]",
)
@click.option("--verbose", "-v", is_flag=True, help="Log everything, kopf's log included: --log-level debug.")
def run(
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
    *,
    allow_exec: bool,
    leader_elect: bool,
    read_only: bool,
    policy_reports: bool,
    health_port: int | None,
    cluster_domain: str,
    log_format: str,
    log_level: Mapping[str, str],
    verbose: bool,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It watches workloads (Deployments, StatefulSets, DaemonSets, and Argo Rollouts, which it never writes to), Services,
    namespaces, AppHealths and ClusterAppHealths, and gives every selected workload the probes that its rules describe.
    If the API server can't be reached, a resource isn't installed or a right is missing, the operator logs it and tries
    again.

    Exit codes: 0 stopped as asked, 2 wrong usage, 3 no usable kubeconfig, 4 the health port is taken, 70 a bug.
    """
    from apphealth.controller.app import OperatorFailedError, Options, run_operator
    from apphealth.controller.logs import set_up_logging
    from apphealth.kube.configuration import CredentialsError
    from apphealth.kube.credentials import find_credentials

    levels = dict(log_level)
    general = levels.pop("", "info")
    set_up_logging(level="debug" if verbose else general, levels=levels, style=log_format)
    try:
        credentials = find_credentials(kubeconfig, context)
    except CredentialsError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    if health_port is None and credentials.in_pod:
        health_port = POD_HEALTH_PORT
    options = Options(
        credentials=credentials,
        namespace=namespace,
        allow_exec=allow_exec,
        leader_elect=leader_elect and not read_only,
        read_only=read_only,
        policy_reports=policy_reports,
        health_port=health_port,
        cluster_domain=cluster_domain,
    )
    try:
        asyncio.run(run_operator(options))
    except OperatorFailedError as error:
        raise CommandError("the operator has failed; see its log", ExitCode.INTERNAL) from error
    except OSError as error:
        raise CommandError(f"cannot serve --health-port {health_port}: {error}", ExitCode.ENVIRONMENT) from error
