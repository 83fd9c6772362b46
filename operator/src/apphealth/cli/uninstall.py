"""`apphealth uninstall`: delete the rules, and wait until the operator has taken everything back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apphealth.api.rule import RuleKey, RuleKind
from apphealth.api.scalars import seconds_of
from apphealth.cli.completing import namespaces
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.options import context_option, kubeconfig_option

if TYPE_CHECKING:  # imported where they are used, so that --help stays fast
    from apphealth.kube.client import Client
    from apphealth.kube.credentials import Credentials
    from apphealth.kube.resources import Resource

PACE = 2.0
"""Seconds between two looks at what is left."""
PLANS_A_SECOND = 500
"""HealthPlans read again each second, at most."""
NAMED = 5
"""How many workloads a message names."""


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Parse `90s`, `10m`, `1h30m`."""
    seconds = seconds_of(value)
    if seconds is None:
        raise click.BadParameter(f"{value!r} is not a duration; write 90s, 10m or 1h", ctx, param)
    return float(seconds)


@click.command(short_help="Delete all rules, and wait until their probes are gone.")
@kubeconfig_option
@context_option
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    shell_complete=namespaces,
    help="Only the AppHealths of this namespace. [default: all AppHealths and ClusterAppHealths of the cluster]",
)
@click.option(
    "--timeout",
    default="1h",
    show_default=True,
    callback=_duration,
    metavar="TIME",
    help="Longest wait: 90s, 10m, 1h.",
)
@click.option("--yes", "-y", is_flag=True, help="Don't ask; needed where there is no terminal.")
def uninstall(
    kubeconfig: Path | None, context: str | None, namespace: str | None, *, timeout: float, yes: bool
) -> None:
    """Take everything back that AppHealth has written, as the first step of uninstalling it.

    It deletes the rules (AppHealths and ClusterAppHealths), and waits until the running operator has taken its probes
    out of all workloads, has restored those that it had replaced, and has deleted its HealthPlans. Pods restart, in
    waves if the rules say so. Then delete the operator, and the resource definitions last: docs/how-to/uninstall.md.

    Save the rules first, if you want them back: kubectl get apphealths,clusterapphealths -A -o yaml

    Exit codes: 0 nothing of AppHealth is left, 2 wrong usage, 3 no usable kubeconfig, 4 something is left after
    --timeout, or the cluster can't be reached.
    """
    from apphealth.kube.configuration import CredentialsError
    from apphealth.kube.credentials import find_credentials
    from apphealth.kube.errors import KubeError

    try:
        credentials = find_credentials(kubeconfig, context)
        asyncio.run(_uninstall(credentials, namespace, timeout=timeout, yes=yes))
    except CredentialsError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    except KubeError as error:
        raise CommandError(error.message, ExitCode.ENVIRONMENT) from error


@dataclass(frozen=True, slots=True)
class Left:
    """A workload that AppHealth has not left yet, as its HealthPlan says."""

    workload: str
    state: str
    message: str


def left_of(plans: Sequence[dict[str, Any]], *, namespaced: bool) -> tuple[Left, ...]:
    """Return the workloads that AppHealth has not left.

    Parameters
    ----------
    plans
        The HealthPlans there are.
    namespaced
        Whether only AppHealths were deleted: a HealthPlan of ClusterAppHealths alone stays.
    """
    found = []
    for plan in plans:
        status = plan.get("status") or {}
        rules = status.get("rules") or ()
        if namespaced and rules and all(rule.startswith("ClusterAppHealth/") for rule in rules):
            continue
        reference, where = plan["spec"]["workload"], plan["metadata"]["namespace"]
        name = f"{reference['kind']}/{where}/{reference['name']}"
        found.append(Left(name, str(status.get("state", "")), str(status.get("message", ""))))
    return tuple(sorted(found, key=lambda left: left.workload))


async def _uninstall(credentials: Credentials, namespace: str | None, *, timeout: float, yes: bool) -> None:
    from apphealth.kube.client import Client
    from apphealth.kube.resources import Resource

    async with Client(credentials) as client:
        remains = _Remains(client, namespace)
        await remains.require_namespace()
        rules = await remains.rules()
        click.echo(f"{len(rules)} rules, {len(await remains.items(Resource.HEALTH_PLANS))} workloads with a HealthPlan")
        if rules and not yes:
            _confirm(len(rules))
        for rule in rules:
            await remains.delete(rule)
            click.echo(f"deleted {rule}")
        await _wait(remains, timeout)
    click.echo("nothing of AppHealth is left on any workload; delete the operator now, then the resource definitions")


async def _wait(remains: _Remains, timeout: float) -> None:
    """Wait until the operator has left every workload."""
    deadline, before = asyncio.get_running_loop().time() + timeout, -1
    while left := await remains.left():
        if asyncio.get_running_loop().time() >= deadline:
            raise CommandError(_still_there(left), ExitCode.ENVIRONMENT)
        if len(left) != before:
            click.echo(f"{len(left)} workloads left")
            before = len(left)
        # Ten thousand HealthPlans are 30 MB, and take that long to go.
        await asyncio.sleep(max(PACE, len(left) / PLANS_A_SECOND))


@dataclass(frozen=True, slots=True)
class _Remains:
    """What there is of AppHealth in a cluster, or in one namespace of it."""

    client: Client
    namespace: str | None

    async def items(self, resource: Resource) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        from apphealth.kube.errors import NotFoundError

        try:
            found = await self.client.get(resource.path(self.namespace), dict[str, Any])
        except NotFoundError:  # the definition is gone, and with it every object
            return []
        return list(found.get("items") or ())

    async def rules(self) -> list[RuleKey]:
        """Return the rules to delete."""
        from apphealth.kube.resources import Resource

        kinds = [Resource.RULES] if self.namespace else [Resource.RULES, Resource.CLUSTER_RULES]
        found = [(kind, item["metadata"]) for kind in kinds for item in await self.items(kind)]
        return [RuleKey(RuleKind(kind.value.kind), meta.get("namespace", ""), meta["name"]) for kind, meta in found]

    async def delete(self, rule: RuleKey) -> None:
        """Delete a rule, unless somebody else just has."""
        from apphealth.kube.errors import NotFoundError
        from apphealth.kube.resources import Resource

        kind = Resource.RULES if rule.namespace else Resource.CLUSTER_RULES
        with suppress(NotFoundError):
            await self.client.request("DELETE", kind.path(rule.namespace or None, rule.name))

    async def left(self) -> tuple[Left, ...]:
        """Return the workloads that AppHealth has not left."""
        from apphealth.kube.resources import Resource

        return left_of(await self.items(Resource.HEALTH_PLANS), namespaced=self.namespace is not None)

    async def require_namespace(self) -> None:
        """Raise a `CommandError` if the namespace doesn't exist; rights on what is in it are enough."""
        from apphealth.kube.errors import ForbiddenError, NotFoundError
        from apphealth.kube.resources import Resource

        if self.namespace is None:
            return
        with suppress(ForbiddenError):
            try:
                await self.client.request("GET", Resource.NAMESPACES.path(None, self.namespace))
            except NotFoundError as error:
                raise CommandError(f"there is no namespace {self.namespace!r}", ExitCode.ENVIRONMENT) from error


def _confirm(rules: int) -> None:
    """Ask before rules are deleted."""
    if not sys.stdin.isatty():
        raise CommandError(f"this deletes {rules} rules, and restarts pods: say --yes", ExitCode.USAGE)
    click.confirm(f"Delete these {rules} rules, and restart the pods of all workloads they wrote to?", abort=True)


def _still_there(left: Sequence[Left]) -> str:
    """Return the error that something is left."""
    named = "; ".join(f"{one.workload} ({one.state}: {one.message})" for one in left[:NAMED])
    more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
    return (
        f"{len(left)} workloads are left: {named}{more}. Does the operator run (kubectl get pods -A -l "
        "app.kubernetes.io/name=apphealth), and what does its log say? Run this command again when it does"
    )
