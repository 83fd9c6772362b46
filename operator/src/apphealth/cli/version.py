"""`apphealth version`."""

from __future__ import annotations

import platform
from importlib.metadata import version as version_of

import click

PARTS = ("kopf", "kubernetes", "aiohttp")
"""The packages whose versions a report of a bug needs."""


@click.command()
def version() -> None:
    """Print the version of apphealth, and of what it runs on: put it into reports of bugs."""
    click.echo(f"apphealth {version_of('apphealth')}")
    parts = [f"{name} {version_of(name)}" for name in PARTS]
    click.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {', '.join(parts)}")
