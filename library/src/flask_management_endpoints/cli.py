"""``flask health``: the health of the app, from the command line, without a server."""

import json
from typing import TYPE_CHECKING, NoReturn

import click
from flask import current_app
from flask.cli import AppGroup

from flask_management_endpoints.checks.registry import misspelt_groups
from flask_management_endpoints.config.settings import read
from flask_management_endpoints.dependencies.questions import Question
from flask_management_endpoints.report import document

if TYPE_CHECKING:
    from flask_management_endpoints.health import Health


@click.group("health", cls=AppGroup, invoke_without_command=True)
@click.pass_context
def health_group(context: click.Context, /) -> None:
    """Ask this app how it is, without starting a server. Alone it is the same as "show"."""
    if context.invoked_subcommand is None:
        context.invoke(show)


def _health() -> "Health":
    health: Health = current_app.extensions["management_endpoints"]
    return health


def _exit(*, well: bool) -> NoReturn:
    raise SystemExit(0 if well else 1)


@health_group.command("show")
def show() -> None:
    """Run every check, print the components with their reasons; exit 1 if anything required is down."""
    settings = _health().settings()
    with current_app.test_request_context():
        report = _health().whole(Question(), settings)
    order = settings.status_order
    click.echo(json.dumps(document(report.components, report.status, "always", order), indent=2))
    _exit(well=report.ok)


@health_group.command("probe")
@click.argument("name")
def probe(name: str) -> None:
    """Answer like /health/NAME: print UP or DOWN, with the reasons; exit 1 if it is down."""
    health = _health()
    with current_app.test_request_context():
        report = health.probe(name, Question())
    if report is None:
        known = ", ".join(["liveness", "ping", "readiness", "startup", *health.group_names()])
        raise click.BadParameter(f"{name!r} isn't a probe or group; known are {known}")
    well = report.ok
    click.echo("UP" if well else "DOWN")
    reasons = [f"{one.name}: {one.result.reason}" for one in report.components if one.result.reason]
    for reason in [report.reason, *reasons]:
        if reason:
            click.echo(f"  {reason}")
    _exit(well=well)


@health_group.command("config")
def config() -> None:
    """Look at the configuration: print each mistake; exit 1 if there is one."""
    health = _health()
    settings, problems = read(current_app.config)
    problems = [*problems, *health.unknown_members(settings)]
    problems += [problem for check in health.registry for problem in misspelt_groups(check)]
    for problem in problems:
        click.echo(str(problem))
    if not problems:
        click.echo(f"fine: {len(health.dependencies(settings))} dependencies, {len(list(health.registry))} checks")
    _exit(well=not problems)
