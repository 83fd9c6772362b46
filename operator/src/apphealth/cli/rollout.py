"""`apphealth rollout status`: how far the rollouts of rules have come, and how long they will probably take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.options import context_option, kubeconfig_option
from apphealth.cli.output import duration
from apphealth.cli.rule_name import parse_rule_name

if TYPE_CHECKING:
    from apphealth.api.rule import Rule
    from apphealth.api.status import RuleStatus
    from apphealth.kube.reader import Reader

WIDTH = 24
"""Characters of the progress bar."""
EVERY = 2.0
"""Seconds between two looks with --watch."""

EPILOG = """
\b
Examples:
  apphealth rollout status                    all rules in mode Enforce that may be read
  apphealth rollout status cah/standard       one of them
  apphealth rollout status --watch            until all are rolled out

\b
Exit codes: 0 done; 1 a rule is halted; 2 the command line is wrong; 3 there is no such rule; 4 the cluster can't be
reached, or refuses the request.
"""


@click.group(short_help="Show how far rollouts have come.")
def rollout() -> None:
    """Show how far the rollouts of rules have come."""


@rollout.command(epilog=EPILOG, short_help="Show how far rollouts have come, and the time left.")
@click.argument("rule", required=False, metavar="[KIND/NAME]")
@kubeconfig_option
@context_option
@click.option("-n", "--namespace", metavar="NAME", help="Only AppHealths of this namespace. [default: all rules]")
@click.option("-w", "--watch", is_flag=True, help="Show it again until every rule is rolled out, paused or halted.")
def status(
    *, rule: str | None, kubeconfig: Path | None, context: str | None, namespace: str | None, watch: bool
) -> int:
    """Show how far the rollouts of rules in mode Enforce have come.

    The numbers are workloads, from status.rollout of the rules. The time left is an estimate: 30 seconds for the pods
    of a workload, the rule's soak, its budget and its windows.
    """
    from apphealth.cli.live.connection import connected

    wanted = parse_rule_name(rule) if rule is not None else None
    with connected(kubeconfig, context) as (reader, _):
        while True:
            found = [(one, known) for one, known in _rules(reader, namespace) if wanted in (None, (one.kind, one.name))]
            if rule is not None and not found:
                raise CommandError(f"there is no rule {rule} in mode Enforce", ExitCode.INPUT)
            for one, known in found:
                click.echo(line(one, known, datetime.now(UTC)))
            if not found:
                click.echo("no rule is in mode Enforce")
            if not watch or all(_stands(known) for _, known in found):
                return ExitCode.CHANGES if any(known.rollout.halted for _, known in found) else ExitCode.OK
            time.sleep(EVERY)


def line(rule: Rule, known: RuleStatus, now: datetime) -> str:
    """Return one rule's rollout as a line.

    Parameters
    ----------
    rule, known
        The rule, and its status.
    now
        The time.
    """
    numbers = known.rollout
    settled = numbers.done + numbers.rolled_back
    filled = WIDTH * settled // numbers.planned if numbers.planned else WIDTH
    parts = {"in flight": numbers.in_flight, "waiting": numbers.waiting, "rolled back": numbers.rolled_back}
    shown = [f"{numbers.done} of {numbers.planned} done", *(f"{n} {what}" for what, n in parts.items() if n)]
    bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
    return f"{rule.key} {bar} {', '.join(shown)}; {_left(rule, known, now)}"


def _left(rule: Rule, known: RuleStatus, now: datetime) -> str:
    from apphealth.rollout.budget import Budget, limits_of
    from apphealth.rollout.forecast import expected_end

    numbers = known.rollout
    if known.observed_generation != rule.generation:
        return "not looked at yet"
    if numbers.halted:
        return f"halted: {numbers.message}"
    if not numbers.waiting and not numbers.in_flight:
        return "rolled out"
    if numbers.message and not numbers.message.startswith(("waits for its turn", "waits for its next pass")):
        return numbers.message
    budget = Budget(
        rule=str(rule.key),
        limits=limits_of(rule.spec.rollout, rule.kind),
        selected=known.workloads.selected,
    )
    end = expected_end(numbers.waiting, numbers.in_flight, budget, now)
    return f"about {duration((end - now).total_seconds())} left" if end is not None else "no end in sight"


def _stands(known: RuleStatus) -> bool:
    """Return whether waiting changes nothing: all is done, or the rollout is paused or halted."""
    from apphealth.api.status import ConditionStatus, ConditionType, Reason

    rolled_out = next((one for one in known.conditions if one.type is ConditionType.ROLLED_OUT), None)
    if rolled_out is None:
        return False
    return rolled_out.status is ConditionStatus.TRUE or rolled_out.reason in (Reason.HALTED, Reason.PAUSED)


def _rules(reader: Reader, namespace: str | None) -> Iterator[tuple[Rule, RuleStatus]]:
    """Yield the rules in mode Enforce with their status."""
    from apphealth.api.errors import InvalidResource
    from apphealth.api.parse import parse_rule
    from apphealth.api.spec import Mode
    from apphealth.api.status import parse_status
    from apphealth.kube.resources import Resource

    for resource in (Resource.CLUSTER_RULES, Resource.RULES) if namespace is None else (Resource.RULES,):
        for item in reader.items(resource.path(namespace)):
            named = {"apiVersion": resource.api_version, "kind": resource.value.kind} | item
            try:
                rule = parse_rule(named)
            except InvalidResource:
                continue  # its condition Ready has the reason
            if rule.spec.mode is Mode.ENFORCE:
                yield rule, parse_status(named)
