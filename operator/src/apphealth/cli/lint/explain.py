"""`lint --explain ID`: the explanation of a rule: what it reports, why, and how to fix it."""

from __future__ import annotations

from textwrap import fill

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.lint.registry import ALL, nearest
from apphealth.plan.findings import INPUT_INVALID

WIDTH = 100


def explain(id_: str) -> str:
    """Return the explanation of a rule.

    Raises
    ------
    CommandError
        No rule has this id; the message names the most similar one.
    """
    check = ALL.get(id_)
    if check is None:
        raise CommandError(f"--explain: there is no rule '{id_[:60]}'; {nearest(id_)}", ExitCode.USAGE)
    ignore = [f'Ignore it on one object, with the reason: apphealth.dev/ignore-{check.id}: "..."']
    parts = [
        f"{check.id} ({check.severity}): {check.title}",
        fill(check.why, WIDTH),
        fill(check.remedy, WIDTH),
        *(ignore if check.kind != INPUT_INVALID else []),
        "\n".join([f"Page with examples: {check.docs}", *(f"Source: {source}" for source in check.sources)]),
    ]
    return "\n\n".join(parts) + "\n"
