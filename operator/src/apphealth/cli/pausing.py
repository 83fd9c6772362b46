"""`apphealth pause` and `resume`: stop the writes to workloads, of one rule or of the whole operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.options import context_option, kubeconfig_option
from apphealth.cli.rule_name import parse_rule_name

if TYPE_CHECKING:
    from apphealth.kube.configuration import ClusterAccess
    from apphealth.kube.reader import Reader

INSTALLED = "apphealth"
"""The namespace that the operator is installed in, unless told otherwise."""

EPILOG = """
\b
Examples:
  apphealth pause --reason "incident 42"      the brake: no workload is written any more
  apphealth pause cah/standard                one rule: spec.rollout.paused
  apphealth resume
  kubectl delete configmap apphealth-brake -n apphealth      the same as resume

\b
Exit codes: 0 done; 2 the command line is wrong; 3 there is no such rule or namespace; 4 the cluster can't be reached,
or refuses the change.
"""
_namespace_option = click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    help="The AppHealth's namespace (default: the context's), or for the brake the operator's (default: apphealth).",
)


@click.command(epilog=EPILOG, short_help="Stop all writes to workloads, or those of one rule.")
@click.argument("rule", required=False, metavar="[KIND/NAME]")
@kubeconfig_option
@context_option
@_namespace_option
@click.option("--reason", default="", metavar="TEXT", help="Why, for the status of every rule (the brake only).")
def pause(
    *, rule: str | None, kubeconfig: Path | None, context: str | None, namespace: str | None, reason: str
) -> None:
    """Stop the writes to workloads: of one rule, or without an argument of the whole operator.

    The brake is the ConfigMap apphealth-brake in the operator's namespace. Within a second no workload is written any
    more, also not to take a harmful probe back, and every rule's status says so.
    """
    if rule is not None:
        if reason:
            raise click.UsageError("--reason goes with the brake; leave the rule's name out")
        _change(kubeconfig, context, lambda reader, access: _set_paused(reader, access, rule, namespace, paused=True))
        click.echo(f"{rule} is paused")
        return
    where = namespace or INSTALLED
    _change(kubeconfig, context, lambda reader, _: _brake(reader, where, reason))
    click.echo(f"the brake is on: the operator in the namespace {where} writes no workload")


@click.command(epilog=EPILOG, short_help="Go on writing to workloads after `pause`.")
@click.argument("rule", required=False, metavar="[KIND/NAME]")
@kubeconfig_option
@context_option
@_namespace_option
def resume(*, rule: str | None, kubeconfig: Path | None, context: str | None, namespace: str | None) -> None:
    """Let the operator write to workloads again, or go on with one rule."""
    if rule is not None:
        _change(kubeconfig, context, lambda reader, access: _set_paused(reader, access, rule, namespace, paused=False))
        click.echo(f"{rule} goes on")
        return
    where = namespace or INSTALLED
    _change(kubeconfig, context, lambda reader, _: _release(reader, where))
    click.echo(f"the brake is off: the operator in the namespace {where} writes workloads again")


def _change(kubeconfig: Path | None, context: str | None, change: Callable[[Reader, ClusterAccess], None]) -> None:
    from apphealth.cli.live.connection import connected
    from apphealth.kube.errors import NotFoundError

    with connected(kubeconfig, context) as (reader, access):
        try:
            change(reader, access)
        except NotFoundError as error:
            raise CommandError(str(error), ExitCode.INPUT) from error


def _set_paused(reader: Reader, access: ClusterAccess, rule: str, namespace: str | None, *, paused: bool) -> None:
    from apphealth.api.rule import RuleKind
    from apphealth.kube.resources import Resource

    kind, name = parse_rule_name(rule)
    cluster = kind == RuleKind.CLUSTER_APP_HEALTH
    resource = Resource.CLUSTER_RULES if cluster else Resource.RULES
    path = resource.path(None if cluster else namespace or access.namespace, name)
    reader.merge(path, {"spec": {"rollout": {"paused": paused or None}}})


def _brake(reader: Reader, namespace: str, reason: str) -> None:
    from apphealth.kube.errors import AlreadyExistsError
    from apphealth.kube.resources import Resource
    from apphealth.store.store import BRAKE, BRAKE_REASON

    metadata = {"name": BRAKE} | ({"annotations": {BRAKE_REASON: reason}} if reason else {})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    try:
        reader.create(Resource.CONFIG_MAPS.path(namespace), body)
    except AlreadyExistsError:
        reader.merge(Resource.CONFIG_MAPS.path(namespace, BRAKE), {"metadata": metadata})


def _release(reader: Reader, namespace: str) -> None:
    from apphealth.kube.errors import NotFoundError
    from apphealth.kube.resources import Resource
    from apphealth.store.store import BRAKE

    try:
        reader.delete(Resource.CONFIG_MAPS.path(namespace, BRAKE))
    except NotFoundError:
        return
