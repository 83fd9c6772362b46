"""The options of `lint`, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apphealth.cli.lint.report import FailOn
from apphealth.cli.manifests.sources import STDIN, without_file
from apphealth.cli.options import Cluster

if TYPE_CHECKING:  # it imports every rule, which --help doesn't need
    from apphealth.cli.lint.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    paths: tuple[str, ...]
    rules: tuple[str, ...]
    cluster: Cluster | None
    """The cluster to read; None means that manifests are read."""
    namespace: str | None
    output: str
    selection: Selection
    fail_on: FailOn
    baseline: Path | None
    write_baseline: Path | None
    fix: bool
    unproven: bool
    diff: bool
    statistics: bool
    allow_empty: bool
    quiet: bool

    def validate(self) -> None:
        """Check that the options agree with each other.

        Raises
        ------
        click.UsageError
            An option is missing, or two options exclude each other.
        """
        if not self.paths and self.cluster is None:
            raise click.UsageError("nothing to check: give -f PATH or --cluster")
        if self.paths and self.cluster is not None:
            raise click.UsageError("-f and --cluster exclude each other: choose one")
        if self.statistics and self.output not in ("text", "json"):
            raise click.UsageError(f"--statistics needs -o text or json, not {self.output}")
        if (*self.paths, *self.rules).count(STDIN) > 1:
            raise click.UsageError("standard input (-) can be read only once")
        self._validate_fix()

    def _validate_fix(self) -> None:
        if self.fix and self.cluster is not None:
            raise click.UsageError("--fix writes files; in a cluster the operator does it (apphealth run)")
        if self.fix and (path := without_file(self.paths)):
            raise click.UsageError(f"--fix has no file to write for '{path}'; use apphealth render {path}")
        for name, given in (("--unproven", self.unproven), ("--diff", self.diff)):
            if given and not self.fix:
                raise click.UsageError(f"{name} needs --fix")
