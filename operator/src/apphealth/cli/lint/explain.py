"""`--explain ID`: what a rule reports, why, and what to do."""

from __future__ import annotations

from textwrap import fill

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.lint.report import INPUT
from apphealth.lint.registry import ALL, nearest

WIDTH = 100


def explain(id_: str) -> str:
    """Return the explanation of a rule.

    Raises
    ------
    CommandError
        There is no such rule; the message names the nearest.
    """
    check = ALL.get(id_)
    if check is None:
        raise CommandError(f"--explain: there is no rule '{id_[:60]}'; {nearest(id_)}", ExitCode.USAGE)
    ignore = [f'Ignore it on one object, with the reason: apphealth.dev/ignore-{check.id}: "..."']
    parts = [
        f"{check.id} ({check.severity}): {check.title}",
        fill(check.why, WIDTH),
        fill(check.remedy, WIDTH),
        *(ignore if check.id != INPUT else []),
        "\n".join([f"Page with examples: {check.docs}", *(f"Source: {source}" for source in check.sources)]),
    ]
    return "\n\n".join(parts) + "\n"
