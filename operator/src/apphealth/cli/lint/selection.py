"""Which rules of lint count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import filter as matching

import click

from apphealth.cli.lint.report import LocatedFinding
from apphealth.lint.registry import ALL, nearest


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules that count. Input that can't be used always counts."""

    ids: frozenset[str]

    def counts(self, one: LocatedFinding) -> bool:
        """Return whether a finding is of one of the rules."""
        return one.invalid_input or one.finding.id in self.ids


def parse_selection(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """Return the rules that two options leave.

    Parameters
    ----------
    select
        Ids, patterns such as `port-*`, or several with commas between them; none means all rules.
    ignore
        The same, for the rules to leave out.

    Raises
    ------
    click.UsageError
        An id or pattern matches no rule.
    """
    selected = _ids("--select", select) if select else frozenset(ALL)
    return Selection(selected - _ids("--ignore", ignore))


def _ids(option: str, given: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for pattern in (part.strip() for one in given for part in one.split(",") if part.strip()):
        if not (ids := matching(ALL, pattern)):
            raise click.UsageError(f"{option}: there is no rule '{pattern[:60]}'; {nearest(pattern)}")
        found.update(ids)
    return frozenset(found)
